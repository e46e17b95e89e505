import Architectures

private typealias Block = BlockDescription

extension DecoderVariant {
    /// How positions are told.
    static let positions: [DecoderVariant] = [
        DecoderVariant("learned positions, norm of embeddings") {
            $0.positionEmbedding = "position_embd.weight"
            $0.embeddingNorm = .init(
                .layer, epsilon: 1e-5, weight: "token_embd_norm.weight",
                bias: "token_embd_norm.bias")
            for index in $0.blocks.indices { $0.blocks[index].attention.rotary = nil }
        },
        DecoderVariant(blocks: "YaRN") {
            $0.attention.rotary?.yarn = .init(factor: 4, originalContextLength: 40, betaFast: 4)
            $0.attention.rotary?.magnitude = 1.2
        },
        DecoderVariant(blocks: "YaRN between pairs") {
            $0.attention.rotary?.yarn = .init(
                factor: 8, originalContextLength: 100, betaFast: 8, truncates: false)
        },
        DecoderVariant(blocks: "short divisors") {
            $0.attention.rotary?.factors = "rope_short"
            $0.attention.rotary?.longFactors = .init("rope_long", beyond: 14)
            $0.attention.rotary?.magnitude = 0.9
        },
        DecoderVariant(blocks: "long divisors") {
            $0.attention.rotary?.factors = "rope_short"
            $0.attention.rotary?.longFactors = .init("rope_long", beyond: 13)
        },
        DecoderVariant(blocks: "turned part in the middle") {
            $0.attention.rotary?.dimensionCount = 4
            $0.attention.rotary?.offset = 3
        },
        DecoderVariant("rotation differs by block") {
            $0.blocks[0].attention.rotary?.base = 5000
            $0.blocks[1].attention.rotary = nil
        },
        DecoderVariant(blocks: "scores fall with the distance") {
            $0.attention.alibiBias = 8
            $0.attention.rotary = nil
        },
        DecoderVariant("scores fall with the distance, six heads") {
            $0.blocks[0] = plainBlock(0, headCount: 6, headCountKV: 3)
            for index in $0.blocks.indices { $0.blocks[index].attention.alibiBias = 8 }
        },
    ]

    /// What attention sees and how.
    static let attentions: [DecoderVariant] = [
        DecoderVariant(blocks: "sinks") {
            let name = $0.attention.output.weight
            $0.attention.sinks = name + ".sinks"
        },
        DecoderVariant(blocks: "queries, keys and values cut") { $0.attention.inputLimit = 0.4 },
        DecoderVariant(blocks: "gates from a matrix of their own") {
            let output = $0.attention.output
            $0.attention.gate = .init(
                output.weight + ".gate", bias: nil, outputs: output.inputs, inputs: output.outputs)
        },
        DecoderVariant(blocks: "a gate for each head, values scaled") {
            $0.attention.gate = .init(
                $0.attention.output.weight + ".gate", bias: nil,
                outputs: $0.attention.headCount, inputs: $0.attention.output.outputs)
            $0.attention.gateFunction = .softplus
            $0.attention.valueScale = 0.7
        },
        DecoderVariant(blocks: "chunks") { $0.attention.chunk = 4 },
        DecoderVariant("window in one block of two, cap in the other") {
            $0.blocks[0].attention.window = 3
            $0.blocks[1].attention.softCap = 2
        },
        DecoderVariant(blocks: "queries scaled by position") {
            $0.attention.temperature = .init(scale: 0.4, length: 5)
        },
        DecoderVariant(blocks: "norms of heads with weights of their own") {
            headNorms(&$0, .eachHead, .layer)
        },
        DecoderVariant(blocks: "norms of rows") { headNorms(&$0, .row, .rootMeanSquare) },
        DecoderVariant(blocks: "norms after rotation") {
            headNorms(&$0, .head, .rootMeanSquare)
            $0.attention.normAfterRotation = true
        },
        DecoderVariant(blocks: "latent rows, matrices apart") {
            latent(&$0, queryRank: 10, apart: true)
        },
        DecoderVariant(blocks: "latent rows, one matrix") {
            latent(&$0, queryRank: 10, apart: false)
        },
        DecoderVariant(blocks: "latent rows without positions") {
            latent(&$0, queryRank: 10, apart: true, turned: 0)
        },
        DecoderVariant(blocks: "latent keys only") { latent(&$0, queryRank: nil, apart: true) },
        DecoderVariant(blocks: "latent rows with a norm of what turns, a gate and a window") {
            latent(&$0, queryRank: 10, apart: true)
            let output = $0.attention.output
            $0.attention.latent?.rotatedNorm = .init(
                .rootMeanSquare, epsilon: 1e-5, weight: output.weight + ".k_norm")
            $0.attention.gate = .init(
                output.weight + ".gate", bias: nil, outputs: $0.attention.headCount, inputs: 32)
            $0.attention.window = 5
        },
        DecoderVariant(blocks: "side by side, one norm") {
            $0.arrangement = .parallel
            $0.feedForwardNorm = nil
        },
        DecoderVariant(blocks: "side by side, two norms") { $0.arrangement = .parallel },
        DecoderVariant(blocks: "side by side, norms after, scaled") {
            $0.arrangement = .parallel
            $0.postAttentionNorm = .init(.rootMeanSquare, epsilon: 1e-5, weight: nil)
            $0.postFeedForwardNorm = .init(.layer, epsilon: 1e-5, weight: nil)
            $0.residualScale = 0.3
        },
    ]

    /// Activations and experts.
    static let networks: [DecoderVariant] =
        [
            Block.Activation.silu, .geluTanh, .gelu, .relu, .reluSquared,
            .clampedSwiGLU(alpha: 1.702, limit: 0.8), .limitedSwiGLU(limit: 0.2),
            .cutSwiGLU(limit: 0.2),
            .xIELU(quadratic: 0.7, exponential: 0.9, linear: 0.5, limit: -1e-6),
        ].map { activation in
            DecoderVariant(blocks: "activation \(activation)") {
                guard case .dense(var network) = $0.feedForward else { return }
                network.activation = activation
                $0.feedForward = .dense(network)
            }
        } + [
            DecoderVariant(blocks: "plain ReLU network") {
                let name = $0.attention.output.weight
                $0.feedForward = .plain(
                    activation: .relu,
                    up: .init(name + ".up", bias: nil, outputs: 33, inputs: 32),
                    down: .init(name + ".down", bias: nil, outputs: 32, inputs: 33))
            },
            DecoderVariant(blocks: "experts") { experts(&$0) },
            DecoderVariant(blocks: "experts, weights divided and scaled") {
                experts(&$0) {
                    $0.normalisesWeights = true
                    $0.weightScale = 2.5
                }
            },
            DecoderVariant(blocks: "experts, softmax of the chosen, biases, stacked") {
                experts(&$0) {
                    $0.scoring = .softmaxOfChosen
                    $0.router.bias = $0.router.weight + ".bias"
                    let name = $0.network.output.weight
                    $0.network.input = [
                        .init(
                            name + ".gate_up", bias: name + ".gate_up_bias", outputs: 36, inputs: 32
                        )
                    ]
                    $0.network.output.bias = name + ".bias"
                    $0.network.activation = .clampedSwiGLU(alpha: 1.7, limit: 1)
                }
            },
            DecoderVariant(blocks: "experts, sigmoid, groups by their two best, bias of the choice")
            {
                experts(&$0) {
                    $0.scoring = .sigmoid
                    $0.choiceBias = $0.router.weight + ".choice"
                    $0.groups = .init(count: 3, usedCount: 2, score: .topTwoSum)
                    $0.normalisesWeights = true
                }
            },
            DecoderVariant(blocks: "experts, each weighed against those close to it") {
                experts(&$0) { $0.scoring = .sparseMixer(tolerance: 0.6) }
            },
            DecoderVariant(blocks: "experts, groups by their best, shared network") {
                experts(&$0) {
                    $0.groups = .init(count: 2, usedCount: 1, score: .largest)
                    $0.shared = network($0.router.weight + ".shared", hidden: 12)
                }
            },
            DecoderVariant(blocks: "experts, gated shared network, norm after") {
                experts(&$0) {
                    $0.shared = network($0.router.weight + ".shared", hidden: 12)
                    $0.sharedGate = .init(
                        $0.router.weight + ".shared_gate", bias: nil, outputs: 1, inputs: 32)
                }
                $0.postFeedForwardNorm = .init(.rootMeanSquare, epsilon: 1e-5, weight: nil)
                $0.residualScale = 0.5
            },
            DecoderVariant(blocks: "experts side by side with attention") {
                experts(&$0) {
                    $0.weighsInput = true
                    $0.sumScale = 0.5
                }
                $0.arrangement = .parallel
                $0.feedForwardNorm = nil
            },
            DecoderVariant(blocks: "experts rated by the block's input") {
                experts(&$0) { $0.ratesBlockInput = true }
            },
            DecoderVariant("dense block, then experts, one used") {
                experts(&$0.blocks[1]) { $0.usedCount = 1 }
            },
        ]

    private static func headNorms(
        _ block: inout Block, _ scope: Block.Attention.NormScope, _ kind: Block.Norm.Kind
    ) {
        let name = block.attention.output.weight
        block.attention.normScope = scope
        block.attention.queryNorm = .init(kind, epsilon: 1e-5, weight: name + ".q_norm")
        block.attention.keyNorm = .init(kind, epsilon: 1e-5, weight: name + ".k_norm")
    }

    private static func latent(
        _ block: inout Block, queryRank: Int?, apart: Bool, turned: Int = 4
    ) {
        let name = block.attention.output.weight
        let (heads, length, rank) = (3, 10, 6)
        block.attention.headCount = heads
        block.attention.headCountKV = heads
        block.attention.keyLength = length
        block.attention.input = [
            .init(name + ".q", bias: nil, outputs: queryRank ?? heads * length, inputs: 32),
            .init(name + ".kv", bias: nil, outputs: rank + turned, inputs: 32),
        ]
        block.attention.output.inputs = heads * block.attention.valueLength
        block.attention.latent = .init(
            queryNorm: queryRank.map { _ in
                .init(.rootMeanSquare, epsilon: 1e-5, weight: name + ".q_norm")
            },
            queries: queryRank.map {
                .init(name + ".q_b", bias: nil, outputs: heads * length, inputs: $0)
            }, norm: .init(.rootMeanSquare, epsilon: 1e-5, weight: name + ".kv_norm"), rank: rank,
            rotatedLength: turned,
            expansion: apart
                ? .apart(keys: name + ".k_b", values: name + ".v_b") : .together(name + ".kv_b"))
        if turned == 0 { block.attention.rotary = nil }
        block.attention.rotary?.dimensionCount = turned
        block.attention.rotary?.offset = length - turned
    }

    private static func network(_ name: String, hidden: Int) -> Block.Network {
        .init(
            activation: .silu, isGated: true,
            input: [
                .init(name + ".gate", bias: nil, outputs: hidden, inputs: 32),
                .init(name + ".up", bias: nil, outputs: hidden, inputs: 32),
            ], output: .init(name + ".down", bias: nil, outputs: 32, inputs: hidden))
    }

    /// Six experts of which two are used, changed as told.
    private static func experts(
        _ block: inout Block, _ change: (inout Block.Experts) -> Void = { _ in }
    ) {
        let name = block.attention.output.weight + ".experts"
        var experts = Block.Experts(
            count: 6, usedCount: 2,
            router: .init(name + ".router", bias: nil, outputs: 6, inputs: 32), scoring: .softmax,
            normalisesWeights: false, network: network(name, hidden: 18))
        change(&experts)
        block.feedForward = .experts(experts)
    }
}
