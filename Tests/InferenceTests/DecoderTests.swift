import Architectures
import Inference
import Synchronization
import TensorCore
import TestSupport
import Testing

/// A change to a plain decoder that one test case tries.
struct DecoderVariant: Sendable, CustomStringConvertible {
    let description: String
    let change: @Sendable (inout DecoderDescription) -> Void

    init(_ description: String, _ change: @escaping @Sendable (inout DecoderDescription) -> Void) {
        self.description = description
        self.change = change
    }

    /// A change to every block.
    init(
        blocks description: String, _ change: @escaping @Sendable (inout BlockDescription) -> Void
    ) {
        self.init(description) { decoder in
            for index in decoder.blocks.indices { change(&decoder.blocks[index]) }
        }
    }

    static let all: [DecoderVariant] = [
        DecoderVariant("plain") { _ in },
        DecoderVariant("tied output") { $0.output = $0.tokenEmbedding },
        DecoderVariant("output bias, scale and cap") {
            $0.outputBias = "output.bias"
            $0.logitScale = 0.7
            $0.logitSoftCap = 3
        },
        DecoderVariant("embedding scale") { $0.embeddingScale = 3.5 },
        DecoderVariant("no output norm") { $0.outputNorm = nil },
        DecoderVariant("one block") { $0.blocks.removeLast() },
        DecoderVariant("heads differ by block") {
            $0.blocks[1] = plainBlock(1, headCount: 6, headCountKV: 1, hidden: 24)
        },
        DecoderVariant(blocks: "halves") { $0.attention.rotary?.pairing = .halves },
        DecoderVariant(blocks: "partial rotation, halves") {
            $0.attention.rotary?.pairing = .halves
            $0.attention.rotary?.dimensionCount = 4
        },
        DecoderVariant(blocks: "partial rotation, neighbours") {
            $0.attention.rotary?.dimensionCount = 6
        },
        DecoderVariant(blocks: "linear scaling") { $0.attention.rotary?.positionScale = 0.25 },
        DecoderVariant(blocks: "rotation factors") {
            $0.attention.rotary?.factors = "rope_freqs.weight"
        },
        DecoderVariant(blocks: "no rotation") { $0.attention.rotary = nil },
        DecoderVariant(blocks: "all biases") {
            for index in $0.attention.input.indices {
                $0.attention.input[index].bias = $0.attention.input[index].weight + ".bias"
            }
            $0.attention.output.bias = $0.attention.output.weight + ".bias"
        },
        DecoderVariant(blocks: "a bias of keys alone") {
            $0.attention.input[1].bias = $0.attention.input[1].weight + ".bias"
        },
        DecoderVariant(blocks: "head norms") {
            $0.attention.queryNorm = .init(
                .rootMeanSquare, epsilon: 1e-5, weight: $0.attention.input[0].weight + ".norm")
            $0.attention.keyNorm = .init(
                .rootMeanSquare, epsilon: 1e-5, weight: $0.attention.input[1].weight + ".norm")
        },
        DecoderVariant(blocks: "layer norms") {
            $0.attentionNorm?.kind = .layer
            $0.attentionNorm?.bias = $0.attention.output.weight + ".norm_bias"
            $0.feedForwardNorm?.kind = .layer
        },
        DecoderVariant(blocks: "norms after the parts, scaled residuals") {
            $0.postAttentionNorm = .init(
                .rootMeanSquare, epsilon: 1e-5, weight: $0.attention.output.weight + ".post")
            $0.postFeedForwardNorm = .init(
                .layer, epsilon: 1e-5, weight: $0.feedForward.output.weight + ".post")
            $0.residualScale = 0.6
        },
        DecoderVariant(blocks: "norms after the parts only") {
            $0.attentionNorm = nil
            $0.feedForwardNorm = nil
            $0.postAttentionNorm = .init(.rootMeanSquare, epsilon: 1e-5, weight: nil)
            $0.postFeedForwardNorm = .init(.rootMeanSquare, epsilon: 1e-5, weight: nil)
        },
        DecoderVariant(blocks: "scores scaled and capped") {
            $0.attention.scale = 0.9
            $0.attention.softCap = 1.5
        },
        DecoderVariant(blocks: "sliding window") { $0.attention.window = 5 },
        DecoderVariant(blocks: "stacked input matrices") {
            let width = $0.attention.output.outputs
            let name = $0.attention.output.weight
            $0.attention.input = [
                .init(
                    name + ".qkv", bias: name + ".qkv_bias",
                    outputs: $0.attention.queryWidth + $0.attention.keyWidth
                        + $0.attention.valueWidth, inputs: width)
            ]
        },
        DecoderVariant(blocks: "plain GELU network") {
            let name = $0.feedForward.output.weight
            $0.feedForward = .plain(
                activation: .geluTanh,
                up: .init(name + ".up", bias: name + ".up_bias", outputs: 20, inputs: 32),
                down: .init(name + ".down", bias: name + ".down_bias", outputs: 32, inputs: 20))
        },
    ]

    static func plainBlock(
        _ index: Int, headCount: Int = 4, headCountKV: Int = 2, hidden: Int = 40
    ) -> BlockDescription {
        let (width, keyLength, valueLength) = (32, 8, 7)
        let name = "blk.\(index)"
        func norm(_ part: String) -> BlockDescription.Norm {
            .init(.rootMeanSquare, epsilon: 1e-5, weight: "\(name).\(part).weight")
        }
        func projection(_ part: String, _ outputs: Int, _ inputs: Int)
            -> BlockDescription.Projection
        {
            .init("\(name).\(part).weight", bias: nil, outputs: outputs, inputs: inputs)
        }
        return BlockDescription(
            attentionNorm: norm("attn_norm"),
            attention: .init(
                headCount: headCount, headCountKV: headCountKV, keyLength: keyLength,
                valueLength: valueLength,
                input: [
                    projection("attn_q", headCount * keyLength, width),
                    projection("attn_k", headCountKV * keyLength, width),
                    projection("attn_v", headCountKV * valueLength, width),
                ], output: projection("attn_output", width, headCount * valueLength),
                rotary: .init(pairing: .interleaved, dimensionCount: keyLength, base: 100)),
            feedForwardNorm: norm("ffn_norm"),
            feedForward: .gated(
                activation: .silu,
                gateUp: [
                    projection("ffn_gate", hidden, width), projection("ffn_up", hidden, width),
                ], down: projection("ffn_down", width, hidden)))
    }

    static var plain: DecoderDescription {
        DecoderDescription(
            architecture: "random", contextLength: 512, embeddingLength: 32,
            tokenEmbedding: "token_embd.weight", blocks: [plainBlock(0), plainBlock(1)],
            outputNorm: .init(.rootMeanSquare, epsilon: 1e-5, weight: "output_norm.weight"),
            output: "output.weight")
    }

    var decoder: DecoderDescription {
        var decoder = DecoderVariant.plain
        change(&decoder)
        return decoder
    }
}

let vocabularyCount = 70

func randomModel(
    _ description: DecoderDescription = DecoderVariant.plain, seed: UInt64
) throws -> (model: Model, source: RandomSource) {
    var builder = RandomModelBuilder(seed: seed)
    builder.addAll(of: description, vocabularyCount: vocabularyCount)
    let source = builder.source
    return (try Model(source: source, description: description), source)
}

func randomWindows(_ count: Int, length: Int, seed: UInt64) -> [[Int32]] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in
        (0..<length).map { _ in Int32(random.next() % UInt64(vocabularyCount)) }
    }
}

/// All logits that a decoder hands out: `[model][row]`.
func collectLogits(
    _ decoder: Decoder, windows: [[Int32]], scored: Range<Int>
) throws -> [[[Float]]] {
    let rowCount = windows.count * scored.count
    let count = decoder.models[0].vocabularyCount
    let rows = Mutex(
        decoder.models.map { _ in
            [[Float]](repeating: .init(repeating: .nan, count: count), count: rowCount)
        })
    try decoder.forward(windows: windows, scored: scored) { tile in
        for row in tile.rows {
            for model in 0..<tile.modelCount {
                let values = Array(tile.logits(row: row, model: model))
                rows.withLock { $0[model][row].replaceSubrange(tile.tokens, with: values) }
            }
        }
    }
    return rows.withLock { $0 }
}

@Suite("The decoder against the naive reference")
struct DecoderTests {
    @Test("every option of a block", arguments: DecoderVariant.all)
    func option(_ variant: DecoderVariant) throws {
        let description = variant.decoder
        let (model, source) = try randomModel(description, seed: 11)
        let windows = randomWindows(3, length: 14, seed: 12)
        let found = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 2)), windows: windows,
            scored: 0..<14)
        let reference = ReferenceDecoder(description: description, source: source)
        let expected = windows.flatMap { reference.logits($0) }.map { $0.map { Float($0) } }
        let difference = WorstDifference(found[0].flatMap { $0 }, expected.flatMap { $0 })
        #expect(difference.magnitude < 5e-5, "\(variant): \(difference), seeds 11, 12")
    }

    @Test("windows longer than a strip of query rows", arguments: [nil, 40, 150])
    func longWindow(_ slidingWindow: Int?) throws {
        var description = DecoderVariant.plain
        for index in description.blocks.indices {
            description.blocks[index].attention.window = slidingWindow
        }
        let (model, source) = try randomModel(description, seed: 21)
        let windows = randomWindows(1, length: 290, seed: 22)
        let found = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 1)), windows: windows,
            scored: 0..<290)
        let expected = ReferenceDecoder(description: description, source: source)
            .logits(windows[0]).map { $0.map { Float($0) } }
        let difference = WorstDifference(found[0].flatMap { $0 }, expected.flatMap { $0 })
        #expect(difference.magnitude < 1e-4, "\(difference), seeds 21, 22")
    }

    @Test("scored positions alone get the logits that they get among all")
    func scoredPositions() throws {
        let (model, _) = try randomModel(seed: 31)
        let windows = randomWindows(5, length: 20, seed: 32)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 2))
        let all = try collectLogits(decoder, windows: windows, scored: 0..<20)[0]
        let some = try collectLogits(decoder, windows: windows, scored: 9..<16)[0]
        for window in 0..<5 {
            let expected = all[window * 20 + 9..<window * 20 + 16].flatMap { $0 }
            let found = some[window * 7..<window * 7 + 7].flatMap { $0 }
            let difference = WorstDifference(Array(found), Array(expected))
            #expect(difference.magnitude < 1e-5, "window \(window): \(difference)")
        }
    }

    @Test("the number of workers does not change a bit")
    func workers() throws {
        let (model, _) = try randomModel(seed: 41)
        let windows = randomWindows(60, length: 24, seed: 42)
        let one = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 1)), windows: windows,
            scored: 12..<23)
        let four = try collectLogits(
            Decoder(models: [model], pool: WorkerPool(threadCount: 4)), windows: windows,
            scored: 12..<23)
        #expect(one == four)
    }

    @Test("models side by side give what each gives alone")
    func sideBySide() throws {
        var other = DecoderVariant.plain
        other.blocks.removeLast()
        let (first, _) = try randomModel(seed: 51)
        let (second, _) = try randomModel(other, seed: 52)
        let windows = randomWindows(2, length: 10, seed: 53)
        let pool = WorkerPool(threadCount: 2)
        let both = try collectLogits(
            Decoder(models: [first, second], pool: pool), windows: windows, scored: 4..<9)
        for (index, model) in [first, second].enumerated() {
            let alone = try collectLogits(
                Decoder(models: [model], pool: pool), windows: windows, scored: 4..<9)
            #expect(both[index] == alone[0], "model \(index)")
        }
    }

    @Test("a decoder is used again with other windows")
    func reuse() throws {
        let (model, _) = try randomModel(seed: 61)
        let decoder = try Decoder(models: [model], pool: WorkerPool(threadCount: 1))
        let long = randomWindows(4, length: 30, seed: 62)
        let short = randomWindows(1, length: 6, seed: 63)
        let before = try collectLogits(decoder, windows: short, scored: 0..<6)
        _ = try collectLogits(decoder, windows: long, scored: 15..<29)
        #expect(try collectLogits(decoder, windows: short, scored: 0..<6) == before)
    }
}
