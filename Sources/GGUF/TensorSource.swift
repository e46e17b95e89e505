public import Quantization
public import TensorCore

/// A tensor as its source lists it.
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
/// A source is metadata, a list of tensors, and rows on demand; nothing is read until it is asked for.
/// Its methods may be called from several threads at once.
public protocol TensorSource: Sendable {
    /// The path that messages name.
    var path: String { get }
    /// The GGUF metadata in file order.
    var metadata: Metadata { get }
    /// The tensors, in the source's order.
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

    /// Copies bytes of tensor number `tensor` in the format that its description names, counted
    /// from the tensor's first byte: for tensors whose rows are too long to be held.
    func readBytes(
        _ range: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws

    /// How many values of tensor number `tensor` are best read at once, where reading few at a time costs
    /// much: values that stand side by side in the file's rows are far apart where they are stored.
    func readCount(ofTensor tensor: Int) -> Int?
}

extension TensorSource {
    /// Any number will do.
    public func readCount(ofTensor tensor: Int) -> Int? { nil }

    /// Refuses a file that is no model by itself: an adapter (LoRA) or a projector.
    ///
    /// - Parameter isProjectorAllowed: Whether a projector will do.
    /// - Throws: `ReaderFault`
    public func requireModel(isProjectorAllowed: Bool = false) throws {
        func refuse(_ found: String, _ remedy: String) -> ReaderFault {
            ReaderFault(
                path: path, place: "general.type", found: found, expected: "a model",
                remedy: remedy, isFatal: true)
        }
        switch metadata["general.type"]?.text {
        case "adapter":
            throw refuse(
                "an adapter (LoRA)",
                "A model with it merged in is made from its directory: ingot convert ADAPTER_DIR "
                    + "--base BASE_DIR --merge.")
        case "mmproj" where !isProjectorAllowed:
            throw refuse(
                "a projector of pictures or sound (mmproj)",
                "Name the file of its language model.")
        default: return
        }
    }

    /// Whether `readBytes` is a plain copy: it is, unless a source says otherwise.
    public func holdsBytes(ofTensor tensor: Int) -> Bool { true }

    /// Reads the rows that hold the bytes; a source that can read a part of a row does better.
    public func readBytes(
        _ range: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let (shape, format) = (tensors[tensor].shape, tensors[tensor].format)
        let rowBytes = shape.rowLength / format.blockElementCount * format.blockByteCount
        guard rowBytes > 0, !range.isEmpty else { return }
        let rows = range.lowerBound / rowBytes..<(range.upperBound - 1) / rowBytes + 1
        let first = range.lowerBound - rows.lowerBound * rowBytes
        if first == 0, range.count == rows.count * rowBytes {
            try unsafe readBytes(ofRows: rows, ofTensor: tensor, into: destination)
            return
        }
        let whole = UnsafeMutableRawBufferPointer.allocate(
            byteCount: rows.count * rowBytes, alignment: 64)
        defer { unsafe whole.deallocate() }
        try unsafe readBytes(ofRows: rows, ofTensor: tensor, into: whole)
        unsafe destination.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: whole[first..<first + range.count]))
    }
}
