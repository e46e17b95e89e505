import Quantization
import Safetensors
import TensorCore

/// A tensor of a checkpoint as the model means it: its values on demand, whatever the form in
/// which the files hold them.
///
/// What a family does with tensors (views, stacks, shifts) is done on these; how values are stored
/// is known only to the types that conform.
protocol StoredValues: Sendable {
    /// The tensor's name in the checkpoint.
    var name: String { get }
    /// The shape of the values, outermost first.
    var shape: Shape { get }
    /// The file that messages name.
    var path: String { get }
    /// The type of elements that stand in the file one by one; `nil` for packed forms.
    var dataType: DataType? { get }

    /// Reads values as F32.
    ///
    /// - Parameters:
    ///   - elements: A range of the tensor's elements in row-major order.
    ///   - destination: Room for as many values.
    ///   - scratch: The worker's buffer for bytes as stored.
    func readFloats(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws

    /// Copies the bytes of elements as they are stored.
    ///
    /// Only for tensors whose elements stand one by one.
    func readBytes(
        _ elements: Range<Int>, into destination: UnsafeMutableRawBufferPointer
    ) throws
}

extension StoredValues {
    /// The format whose bytes are the values' bytes, if there is one.
    var format: Format? {
        switch dataType {
        case .F32: .F32
        case .F16: .F16
        case .BF16: .BF16
        default: nil
        }
    }
}

extension ModelTensors {
    /// The tensors' values.
    var values: [any StoredValues] {
        tensors.map { tensor in
            guard let stored = tensor.stored else { return DequantizedValues(tensor: tensor) }
            return PlainValues(shard: tensor.shard, tensor: stored)
        }
    }
}

/// A tensor whose values are computed from codes and scales.
struct DequantizedValues: StoredValues {
    let tensor: LogicalTensor

    var name: String { tensor.name }
    var shape: Shape { tensor.shape }
    var path: String { tensor.shard.file.path }
    var format: Format? { nil }
    var dataType: DataType? { nil }

    func readFloats(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        try tensor.readElements(elements, into: destination, scratch: scratch)
    }

    func readBytes(
        _ elements: Range<Int>, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        preconditionFailure("computed values have no stored bytes")
    }
}

/// A tensor whose elements stand in the file one by one.
struct PlainValues: StoredValues {
    let shard: SafetensorsFile
    let tensor: StoredTensor

    var name: String { tensor.name }
    var shape: Shape { tensor.shape }
    var path: String { shard.file.path }
    var dataType: DataType? { tensor.dataType }
    private var elementByteCount: Int { tensor.dataType.bitCount / 8 }

    func readFloats(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        // The formats' kernels are faster than the file's own decoding.
        guard let decode = format?.decode, tensor.dataType != .F32 else {
            try shard.readElements(elements, of: tensor, into: destination, scratch: scratch)
            return
        }
        let bytes = scratch.bytes(elements.count * elementByteCount)
        try readBytes(elements, into: bytes)
        if let base = bytes.baseAddress { decode(base, elements.count, destination) }
    }

    func readBytes(
        _ elements: Range<Int>, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        precondition(
            elements.lowerBound >= 0 && elements.upperBound <= shape.elementCount,
            "element out of range")
        try shard.file.read(
            at: tensor.offset + elements.lowerBound * elementByteCount, into: destination)
    }
}
