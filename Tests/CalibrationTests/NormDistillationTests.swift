import Architectures
import Calibration
import GGUF
import Inference
import Quantization
import TensorCore
import TestSupport
import Testing

/// A small decoder in memory whose matrices may be rounded.
private final class SmallSource: TensorSource {
    static let width = 16
    static let vocabularyCount = 60

    let path = "small"
    let metadata = Metadata()
    let files: [InputFile] = []
    let tensors: [TensorDescription]
    private let values: [[Float]]

    /// The same numbers every time, but for the matrices of blocks, which become multiples of `step`.
    init(step: Float?) throws {
        var random = SeededRandom(seed: 91)
        var tensors: [TensorDescription] = []
        var values: [[Float]] = []
        func add(_ name: String, _ dimensions: [Int], spread: Float, center: Float = 0) throws {
            let shape = try #require(Shape(dimensions))
            tensors.append(TensorDescription(name: name, shape: shape, format: .F32))
            let isRounded = step != nil && dimensions.count > 1 && name.hasPrefix("blk.")
            values.append(
                (0..<shape.elementCount).map { _ in
                    let value = center + spread * random.normal()
                    guard isRounded, let step else { return value }
                    return (value / step).rounded() * step
                })
        }
        let width = SmallSource.width
        try add("token_embd.weight", [SmallSource.vocabularyCount, width], spread: 1)
        try add("output_norm.weight", [width], spread: 0.1, center: 1)
        for block in 0..<2 {
            let name = "blk.\(block)."
            try add(name + "attn_norm.weight", [width], spread: 0.1, center: 1)
            try add(name + "ffn_norm.weight", [width], spread: 0.1, center: 1)
            for (matrix, rows, columns) in [
                ("attn_q", width, width), ("attn_k", 8, width), ("attn_v", 8, width),
                ("attn_output", width, width), ("ffn_gate", 24, width), ("ffn_up", 24, width),
                ("ffn_down", width, 24),
            ] { try add(name + matrix + ".weight", [rows, columns], spread: 0.3) }
        }
        (self.tensors, self.values) = (tensors, values)
    }

    static var description: DecoderDescription {
        typealias Projection = BlockDescription.Projection
        func norm(_ name: String) -> BlockDescription.Norm {
            BlockDescription.Norm(.rootMeanSquare, epsilon: 1e-5, weight: name)
        }
        let blocks = (0..<2).map { block -> BlockDescription in
            func matrix(_ name: String, _ outputs: Int, _ inputs: Int = width) -> Projection {
                Projection(
                    "blk.\(block).\(name).weight", bias: nil, outputs: outputs, inputs: inputs)
            }
            return BlockDescription(
                attentionNorm: norm("blk.\(block).attn_norm.weight"),
                attention: BlockDescription.Attention(
                    headCount: 2, headCountKV: 1, keyLength: 8, valueLength: 8,
                    input: [matrix("attn_q", width), matrix("attn_k", 8), matrix("attn_v", 8)],
                    output: matrix("attn_output", width),
                    rotary: BlockDescription.Rotary(
                        pairing: .halves, dimensionCount: 8, base: 10000)),
                feedForwardNorm: norm("blk.\(block).ffn_norm.weight"),
                feedForward: .gated(
                    activation: .silu, gateUp: [matrix("ffn_gate", 24), matrix("ffn_up", 24)],
                    down: matrix("ffn_down", width, 24)))
        }
        return DecoderDescription(
            architecture: "llama", contextLength: 64, embeddingLength: width,
            tokenEmbedding: "token_embd.weight", blocks: blocks,
            outputNorm: norm("output_norm.weight"), output: "token_embd.weight")
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let length = tensors[tensor].shape.rowLength
        for index in 0..<rows.count * length {
            destination[index] = values[tensor][rows.lowerBound * length + index]
        }
    }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let length = tensors[tensor].shape.rowLength
        values[tensor][rows.lowerBound * length..<rows.upperBound * length].withUnsafeBytes {
            destination.copyMemory(from: $0)
        }
    }
}

@Suite("Norms distilled")
struct NormDistillationTests {
    private static func windows(_ count: Int, seed: UInt64) -> [[Int32]] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in
            (0..<16).map { _ in Int32(random.next() % UInt64(SmallSource.vocabularyCount)) }
        }
    }

    private static func model(step: Float?) throws -> Model {
        try Model(source: SmallSource(step: step), description: SmallSource.description)
    }

    private static func distillation(
        rate: Float = 0.01, threads: Int = 2
    ) throws -> NormDistillation {
        var options = NormDistillation.Options()
        (options.stepCount, options.rate, options.checkInterval) = (12, rate, 4)
        return NormDistillation(
            original: try model(step: nil), quantized: try model(step: 0.35),
            training: windows(24, seed: 92),
            validation: [windows(4, seed: 93), windows(4, seed: 94)], options: options,
            pool: WorkerPool(threadCount: threads))
    }

    @Test("the divergence falls on every text that was not learned from")
    func gain() throws {
        var steps: [Int] = []
        let result = try Self.distillation().run { done, _ in steps.append(done) }
        #expect(steps == Array(1...12))
        #expect(result.norms.count == 5)
        #expect(result.stepCount > 0)
        for (before, after) in zip(result.before, result.after) { #expect(after < before) }
    }

    @Test("weights that gain nothing are not kept")
    func noGain() throws {
        let result = try Self.distillation(rate: 50).run()
        #expect(result.norms.isEmpty)
        #expect(result.stepCount == 0)
        #expect(result.after == result.before)
    }

    @Test("steps that go too far are taken back and made smaller")
    func smallerSteps() throws {
        let result = try Self.distillation(rate: 0.5).run()
        #expect(result.stepCount > 4)
        for (before, after) in zip(result.before, result.after) { #expect(after < before) }
    }

    @Test("the weights are the same on every instruction set and number of threads")
    func sameBits() throws {
        let expected = try Self.distillation(threads: 1).run()
        for set in InstructionSet.supported where set != .scalar {
            let found = try InstructionSet.$current.withValue(set) {
                try Self.distillation(threads: 3).run()
            }
            #expect(found == expected, "\(set)")
        }
    }

    @Test("a mechanism without a way back is named")
    func obstacle() throws {
        #expect(NormDistillation.obstacle(in: try Self.model(step: nil)) == nil)
        var description = SmallSource.description
        description.blocks[1].attention.softCap = 30
        let model = try Model(source: SmallSource(step: nil), description: description)
        #expect(NormDistillation.obstacle(in: model) == "a soft cap of attention scores")
    }
}
