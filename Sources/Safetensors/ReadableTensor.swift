public import TensorCore

/// A tensor whose values can be read, whatever they are stored as.
public protocol ReadableTensor: Sendable {
    /// The name in the model: `model.layers.0.mlp.up_proj.weight`.
    var name: String { get }
    /// Outermost dimension first.
    var shape: Shape { get }
    /// The file that messages name.
    var path: String { get }
    /// The type of the values; `nil` where they are computed from codes.
    var dataType: DataType? { get }
    /// Where the values stand one after the other, counted in bytes; `nil` where they are computed.
    var location: (file: InputFile, offset: Int)? { get }

    /// Reads values as F32, counted row after row from the tensor's first.
    ///
    /// - Parameters:
    ///   - elements: A range within the tensor; whole rows are read fastest.
    ///   - destination: Room for as many values.
    ///   - scratch: Holds the bytes as stored.
    /// - Throws: `SafetensorsError` when the type is not decodable or a stored index is out of
    ///   range, `FileError` on a failed read.
    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws
}

extension ReadableTensor {
    /// Values are computed.
    public var location: (file: InputFile, offset: Int)? { nil }

    /// Copies the bytes of values as they stand at `location`, of a type of whole bytes.
    ///
    /// - Throws: `FileError` on a failed read.
    public func readBytes(
        _ elements: Range<Int>, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        guard let location, let dataType else {
            preconditionFailure("computed values have no stored bytes")
        }
        precondition(
            elements.lowerBound >= 0 && elements.upperBound <= shape.elementCount,
            "element out of range")
        try unsafe location.file.read(
            at: location.offset + elements.lowerBound * (dataType.bitCount / 8), into: destination)
    }
}

/// A tensor of a checkpoint: stored as it is, or dequantized.
public struct CheckpointTensor: ReadableTensor {
    /// Where the values come from.
    public enum Storage: Sendable {
        /// They are stored, one after the other.
        case stored(StoredTensor)
        /// They are computed from several stored tensors.
        case dequantized(any DequantizedTensor)
    }

    /// The name in the model.
    public let name: String
    /// Outermost dimension first.
    public let shape: Shape
    /// Where the values come from.
    public let storage: Storage
    /// The shard that holds the tensor, or the packed codes of a dequantized one.
    public let shard: SafetensorsFile

    init(name: String, shape: Shape, storage: Storage, shard: SafetensorsFile) {
        self.name = name
        self.shape = shape
        self.storage = storage
        self.shard = shard
    }

    /// A tensor of a file as it is stored there.
    package init(_ stored: StoredTensor, in shard: SafetensorsFile) {
        self.init(name: stored.name, shape: stored.shape, storage: .stored(stored), shard: shard)
    }

    /// The tensor itself, when it is stored as it is.
    public var stored: StoredTensor? {
        if case .stored(let tensor) = storage { tensor } else { nil }
    }
    /// The shard's path.
    public var path: String { shard.file.path }
    /// The stored type; `nil` of a dequantized tensor.
    public var dataType: DataType? { stored?.dataType }
    /// Where the values are in the shard; `nil` of a dequantized tensor.
    public var location: (file: InputFile, offset: Int)? {
        stored.map { (shard.file, $0.offset) }
    }

    /// Reads values as F32.
    public func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        switch storage {
        case .stored(let tensor):
            try unsafe shard.readElements(elements, of: tensor, into: destination, scratch: scratch)
        case .dequantized(let tensor):
            precondition(
                elements.lowerBound >= 0 && elements.upperBound <= shape.elementCount,
                "element out of range")
            guard !elements.isEmpty else { return }
            try unsafe tensor.readElements(elements, into: destination, scratch: scratch)
        }
    }
}
