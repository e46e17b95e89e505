public import TensorCore

/// A source that shows another one, its base, otherwise: without some tensors, under other names, with
/// other metadata, or with its values changed on the way.
///
/// What a conforming type does not say itself is as the base says it.
public protocol ForwardingSource: TensorSource {
    /// The source that is shown.
    var base: any TensorSource { get }

    /// The number in the base of tensor number `tensor`.
    func position(ofTensor tensor: Int) -> Int
}

extension ForwardingSource {
    /// The base's path.
    public var path: String { base.path }
    /// The base's metadata.
    public var metadata: Metadata { base.metadata }
    /// The base's tensors.
    public var tensors: [TensorDescription] { base.tensors }
    /// The base's files.
    public var files: [InputFile] { base.files }

    /// The same number.
    public func position(ofTensor tensor: Int) -> Int { tensor }

    /// Decodes rows of the base's tensor to F32.
    public func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try unsafe base.readRows(
            rows, ofTensor: position(ofTensor: tensor), into: destination, scratch: scratch)
    }

    /// Whether the base holds the tensor in its format.
    public func holdsBytes(ofTensor tensor: Int) -> Bool {
        base.holdsBytes(ofTensor: position(ofTensor: tensor))
    }

    /// Copies rows of the base's tensor as they are stored.
    public func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        try unsafe base.readBytes(
            ofRows: rows, ofTensor: position(ofTensor: tensor), into: destination)
    }

    /// Copies bytes of the base's tensor as they are stored.
    public func readBytes(
        _ range: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        try unsafe base.readBytes(range, ofTensor: position(ofTensor: tensor), into: destination)
    }
}
