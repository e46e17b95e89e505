import Architectures

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

    static let basics: [DecoderVariant] = [
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
            let weights = ($0.attention.input.map(\.weight), $0.attention.output.weight)
            for (index, weight) in weights.0.enumerated() {
                $0.attention.input[index].bias = weight + ".bias"
            }
            $0.attention.output.bias = weights.1 + ".bias"
        },
        DecoderVariant(blocks: "a bias of keys alone") {
            let name = $0.attention.input[1].weight
            $0.attention.input[1].bias = name + ".bias"
        },
        DecoderVariant(blocks: "head norms") {
            let names = $0.attention.input.map(\.weight)
            $0.attention.queryNorm = .init(
                .rootMeanSquare, epsilon: 1e-5, weight: names[0] + ".norm")
            $0.attention.keyNorm = .init(
                .rootMeanSquare, epsilon: 1e-5, weight: names[1] + ".norm")
        },
        DecoderVariant(blocks: "layer norms") {
            let name = $0.attention.output.weight
            $0.attentionNorm?.kind = .layer
            $0.attentionNorm?.bias = name + ".norm_bias"
            $0.feedForwardNorm?.kind = .layer
        },
        DecoderVariant(blocks: "norms after the parts, scaled residuals") {
            $0.postAttentionNorm = .init(
                .rootMeanSquare, epsilon: 1e-5, weight: $0.attention.output.weight + ".post")
            $0.postFeedForwardNorm = .init(
                .layer, epsilon: 1e-5, weight: $0.attention.output.weight + ".post2")
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
            let name = $0.attention.output.weight
            $0.feedForward = .plain(
                activation: .geluTanh,
                up: .init(name + ".up", bias: name + ".up_bias", outputs: 20, inputs: 32),
                down: .init(name + ".down", bias: name + ".down_bias", outputs: 32, inputs: 20))
        },
    ]

    static var all: [DecoderVariant] {
        basics + positions + attentions + networks + recurrences + sharing + alternates
            + associations + streams
    }

    static func plainBlock(
        _ index: Int, headCount: Int = 4, headCountKV: Int = 2, hidden: Int = 40,
        width: Int = 32, keyLength: Int = 8, valueLength: Int = 7
    ) -> BlockDescription {
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
