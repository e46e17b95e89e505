import GGUF
import Quantization
import TensorCore
import TestSupport

/// A tensor source in memory, filled with seeded numbers.
struct MemorySource: TensorSource {
    var path = "memory"
    var metadata = Metadata()
    var tensors: [TensorDescription] = []
    var values: [[Float]] = []
    var files: [InputFile] { [] }

    mutating func add(_ name: String, _ dimensions: [Int], format: Format = .F32, seed: UInt64 = 1)
    {
        guard let shape = Shape(dimensions) else { return }
        var random = SeededRandom(seed: seed)
        tensors.append(TensorDescription(name: name, shape: shape, format: format))
        values.append((0..<shape.elementCount).map { _ in random.normal() })
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let rowLength = tensors[tensor].shape.rowLength
        for index in 0..<rows.count * rowLength {
            destination[index] = values[tensor][rows.lowerBound * rowLength + index]
        }
    }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let rowLength = tensors[tensor].shape.rowLength
        guard let base = destination.baseAddress else { return }
        values[tensor].withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            tensors[tensor].format.encode?(
                start + rows.lowerBound * rowLength, rows.count, rowLength, nil, base)
        }
    }

    /// A small model with two blocks.
    static func model() -> MemorySource {
        var source = MemorySource()
        source.metadata["general.architecture"] = .string("llama")
        source.metadata["general.file_type"] = .uint32(1)
        source.metadata["llama.block_count"] = .uint32(2)
        source.metadata["llama.attention.head_count"] = .uint32(4)
        source.add("token_embd.weight", [300, 512], format: .F16, seed: 1)
        source.add("blk.1.ffn_up.weight", [512, 512], format: .F16, seed: 2)
        source.add("blk.0.ffn_up.weight", [512, 512], format: .F16, seed: 3)
        source.add("blk.0.attn_norm.weight", [512], format: .F32, seed: 4)
        source.add("output.weight", [300, 512], format: .F16, seed: 5)
        return source
    }
}
