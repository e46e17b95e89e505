import Foundation
import Inference
import Synchronization
import TensorCore
import TestSupport

/// A llama of one block with random weights, written as a GGUF file byte by byte.
struct TinyModel {
    static let vocabularyCount = 40
    var seed: UInt64 = 1
    /// What is added to every matrix element: the harm of a pretended quantization.
    var noise: Float = 0
    var tokens: [String]? = nil
    var vocabularyCount = TinyModel.vocabularyCount
    var contextLength: UInt32 = 64

    func write(to path: String) throws {
        let shapes: [(String, [Int])] = [
            ("token_embd.weight", [vocabularyCount, 16]), ("output_norm.weight", [16]),
            ("output.weight", [vocabularyCount, 16]), ("blk.0.attn_norm.weight", [16]),
            ("blk.0.ffn_norm.weight", [16]), ("blk.0.attn_q.weight", [16, 16]),
            ("blk.0.attn_k.weight", [8, 16]), ("blk.0.attn_v.weight", [8, 16]),
            ("blk.0.attn_output.weight", [16, 16]), ("blk.0.ffn_gate.weight", [24, 16]),
            ("blk.0.ffn_up.weight", [24, 16]), ("blk.0.ffn_down.weight", [16, 24]),
        ]
        let numbers: [(String, UInt32)] = [
            ("block_count", 1), ("context_length", contextLength), ("embedding_length", 16),
            ("feed_forward_length", 24), ("attention.head_count", 2),
            ("attention.head_count_kv", 1),
        ]
        var file = ByteBuilder()
        file.append("GGUF")
        file.append(UInt32(3))
        file.append(UInt64(shapes.count))
        file.append(UInt64(numbers.count + 2 + (tokens == nil ? 0 : 1)))
        file.appendGGUF("general.architecture")
        file.append(UInt32(8))
        file.appendGGUF("llama")
        for (key, value) in numbers {
            file.appendGGUF("llama.\(key)")
            file.append(UInt32(4))
            file.append(value)
        }
        file.appendGGUF("llama.attention.layer_norm_rms_epsilon")
        file.append(UInt32(6))
        file.append(Float(1e-5))
        if let tokens {
            file.appendGGUF("tokenizer.ggml.tokens")
            file.append(UInt32(9))
            file.append(UInt32(8))
            file.append(UInt64(tokens.count))
            for token in tokens { file.appendGGUF(token) }
        }
        var offset = 0
        for (name, shape) in shapes {
            file.appendGGUF(name)
            file.append(UInt32(shape.count))
            for dimension in shape.reversed() { file.append(UInt64(dimension)) }
            file.append(UInt32(0))
            file.append(UInt64(offset))
            offset += (shape.reduce(1, *) * 4 + 31) / 32 * 32
        }
        var random = SeededRandom(seed: seed)
        var harm = SeededRandom(seed: seed + 1000)
        for (_, shape) in shapes {
            while file.bytes.count % 32 != 0 { file.append(UInt8(0)) }
            let isVector = shape.count == 1
            for _ in 0..<shape.reduce(1, *) {
                let value = isVector ? 1 + 0.1 * random.normal() : 0.6 * random.normal()
                file.append(isVector ? value : value + noise * harm.normal())
            }
        }
        while file.bytes.count % 32 != 0 { file.append(UInt8(0)) }
        try Data(file.bytes).write(to: URL(filePath: path))
    }

    /// Writes the model into a temporary folder and opens it. (An open file survives its folder.)
    func model() throws -> Model {
        try Fixtures.withTemporaryFolder { folder in
            try write(to: folder + "/tiny.gguf")
            return try Model(path: folder + "/tiny.gguf")
        }
    }

    static func tokens(_ count: Int, seed: UInt64 = 9) -> [Int32] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in Int32(random.next() % UInt64(vocabularyCount)) }
    }
}

/// Log-probabilities of every scored position in F64, computed from whole rows of logits.
func logProbabilities(
    of model: Model, windows: [[Int32]], scored: Range<Int>
) throws -> [[Double]] {
    let empty = [Float](repeating: .nan, count: model.vocabularyCount)
    let rows = Mutex([[Float]](repeating: empty, count: windows.count * scored.count))
    let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 1))
    try decoder.forward(Batch(windows: windows, scored: scored)) { tile in
        for row in tile.rows {
            let values = Array(tile.logits(row: row, model: 0))
            rows.withLock { $0[row].replaceSubrange(tile.tokens, with: values) }
        }
    }
    return rows.withLock { $0 }.map { row in
        let top = Double(row.max() ?? 0)
        let total = top + log(row.reduce(0) { $0 + exp(Double($1) - top) })
        return row.map { Double($0) - total }
    }
}
