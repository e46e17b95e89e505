import GGUF
import TensorCore

/// A file of the language model of a model that also takes pictures, seen as one of the text-only
/// architecture that computes the same of text.
///
/// The keys about pictures are left out: in text all positions of a token are the same, and no
/// layer takes features of pictures.
struct LanguageModelSource: TensorSource {
    private let base: any TensorSource
    let metadata: Metadata

    var path: String { base.path }
    var tensors: [TensorDescription] { base.tensors }
    var files: [InputFile] { base.files }

    /// Renames the keys.
    ///
    /// - Parameter architecture: The text-only one.
    init(_ base: any TensorSource, as architecture: String) {
        self.base = base
        let prefix = (base.metadata["general.architecture"]?.text ?? "") + "."
        var metadata = Metadata()
        for (key, value) in base.metadata.entries {
            guard key.hasPrefix(prefix) else {
                metadata[key] = value
                continue
            }
            let name = key.dropFirst(prefix.count)
            guard !["rope.dimension_sections", "n_deepstack_layers"].contains(name) else {
                continue
            }
            metadata["\(architecture).\(name)"] = value
        }
        metadata["general.architecture"] = .string(ByteString(architecture))
        self.metadata = metadata
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try base.readRows(rows, ofTensor: tensor, into: destination, scratch: scratch)
    }

    func holdsBytes(ofTensor tensor: Int) -> Bool { base.holdsBytes(ofTensor: tensor) }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws { try base.readBytes(ofRows: rows, ofTensor: tensor, into: destination) }

    func readBytes(
        _ range: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws { try base.readBytes(range, ofTensor: tensor, into: destination) }
}
