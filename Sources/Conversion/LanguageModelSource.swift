import GGUF
import TensorCore

/// A file of the language model of a model that also takes pictures, seen as one of the text-only
/// architecture that computes the same of text.
///
/// The keys about pictures are left out: in text all positions of a token are the same, and no
/// layer takes features of pictures.
struct LanguageModelSource: ForwardingSource {
    let base: any TensorSource
    let metadata: Metadata

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
}
