import Safetensors
import TensorCore

/// Rows that a GGUF file has and a checkpoint does without.
struct ZeroTensor: ReadableTensor {
    let name: String
    let shape: Shape
    let path: String
    /// Zero is a value of every type.
    var dataType: DataType? { nil }

    func readElements(
        _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        destination.update(repeating: 0, count: elements.count)
    }
}
