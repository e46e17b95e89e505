public import Quantization
public import TensorCore

/// A tensor of a source as its catalogue lists it.
public struct TensorDescription: Sendable, Hashable {
    /// The tensor's GGUF name.
    public let name: String
    /// Outermost dimension first. (A GGUF file stores the innermost first.)
    public let shape: Shape
    /// The format that the source holds it in, or would be written in if it were left as it is.
    public let format: Format

    /// Describes a tensor.
    public init(name: String, shape: Shape, format: Format) {
        self.name = name
        self.shape = shape
        self.format = format
    }
}

/// Where tensors come from: a GGUF file, or a Hugging Face directory seen as one.
///
/// A source is metadata, a catalogue, and rows on demand; nothing is read until it is asked for.
/// Its methods may be called from several threads at once.
public protocol TensorSource: Sendable {
    /// The path that messages name.
    var path: String { get }
    /// The GGUF metadata in file order.
    var metadata: Metadata { get }
    /// The catalogue, in the source's order.
    var tensors: [TensorDescription] { get }
    /// The files that the source reads, to refuse writing over them.
    var files: [InputFile] { get }

    /// Decodes rows of tensor number `tensor` to F32, row after row.
    ///
    /// - Parameters:
    ///   - destination: Room for `rows.count * rowLength` values.
    ///   - scratch: The calling worker's buffer for bytes as stored.
    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws

    /// Whether the source holds tensor number `tensor` in the format that its description names, so
    /// that `readBytes` is a plain copy.
    func holdsBytes(ofTensor tensor: Int) -> Bool

    /// Copies rows of tensor number `tensor` in the format that its description names.
    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws
}

extension TensorSource {
    /// Whether `readBytes` is a plain copy: it is, unless a source says otherwise.
    public func holdsBytes(ofTensor tensor: Int) -> Bool { true }
}
