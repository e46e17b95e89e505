import Architectures

extension DecoderVariant {
    /// Rows beside the residual one, ways past a block's parts, gains.
    static let alternates: [DecoderVariant] = [
        DecoderVariant("several rows for a token, a short way past the mixer") {
            updateAlternately(&$0, active: 0)
        },
        DecoderVariant("several rows, of which the third is active, and rows for blocks") {
            updateAlternately(&$0, active: 2)
            $0.layerEmbedding = .init(
                embedding: "layer_embd", embeddingScale: 1.5, projection: "layer_proj",
                projectionScale: 0.7,
                norm: .init(.rootMeanSquare, epsilon: 1e-5, weight: "layer_norm"), sumScale: 0.8,
                length: 6)
            for index in $0.blocks.indices {
                let name = "blk.\(index)"
                $0.blocks[index].layerInput = .init(
                    gate: matrix("\(name).layer_gate", 6, 32),
                    output: matrix("\(name).layer_out", 32, 6),
                    norm: .init(.rootMeanSquare, epsilon: 1e-5, weight: "\(name).layer_norm"))
            }
        },
        DecoderVariant(blocks: "hidden rows that keep their largest values") {
            guard case .dense(var network) = $0.feedForward else { return }
            network.activation = .geluTanh
            network.cutoff = 0.6
            $0.feedForward = .dense(network)
        },
        DecoderVariant(blocks: "gains of queries, of parts and of embeddings") {
            let name = $0.attention.output.weight
            $0.attention.queryNorm = .init(.rootMeanSquare, epsilon: 1e-5, weight: nil)
            $0.attention.normAfterRotation = true
            $0.attention.queryGains = name + ".gains"
            $0.mixerGain = name + ".mixer_gain"
            $0.feedForwardGain = name + ".network_gain"
            $0.embeddingGain = name + ".embedding_gain"
            $0.outputFactor = 0.9
        },
        DecoderVariant("normed rows go past the parts, before a network and before experts") {
            for index in $0.blocks.indices { $0.blocks[index].skipScale = 1.7 }
            $0.blocks[1].feedForward = .experts(
                .init(
                    count: 4, usedCount: 2, router: matrix("blk.1.router", 4, 32),
                    scoring: .softmax, normalisesWeights: true,
                    network: .init(
                        activation: .silu, isGated: true,
                        input: [matrix("blk.1.gate_up", 36, 32)],
                        output: matrix("blk.1.down", 32, 18))))
        },
    ]

    /// Linear attention without a convolution, and RWKV's parts.
    static let associations: [DecoderVariant] = [
        DecoderVariant("lightning attention") {
            for index in $0.blocks.indices {
                let name = "blk.\(index).lightning"
                $0.blocks[index].mixer = .recurrence(
                    .init(
                        input: [matrix("\(name).qkv", 63, 32), matrix("\(name).gate", 21, 32)],
                        output: matrix("\(name).out", 32, 21),
                        kind: .lightning(
                            .init(
                                headCount: 3, headLength: 7, slopes: [0.5, 0.2, 0.03],
                                norm: .init(
                                    .rootMeanSquare, epsilon: 1e-5, weight: "\(name).norm")))))
            }
        },
        DecoderVariant("RWKV 6") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(timeMix6(index, headCountKV: 4, bonus: true))
                $0.blocks[index].feedForward = .channelMix(channelMix(index, gated: true))
                $0.blocks[index].residualScale = 0.4
            }
            $0.blocks[0].outputFactor = 0.5
        },
        DecoderVariant("gated linear attention with shared keys") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(timeMix6(index, headCountKV: 2, bonus: false))
            }
        },
        DecoderVariant("RWKV 7") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(timeMix7(index, gated: true))
                $0.blocks[index].feedForward = .channelMix(channelMix(index, gated: false))
            }
        },
        DecoderVariant("RWKV 7 without gates and norms, beside networks") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(timeMix7(index, gated: false))
            }
        },
    ]

    private static func matrix(
        _ name: String, _ outputs: Int, _ inputs: Int
    ) -> BlockDescription.Projection {
        .init(name, bias: nil, outputs: outputs, inputs: inputs)
    }

    private static func updateAlternately(_ decoder: inout DecoderDescription, active: Int) {
        for index in decoder.blocks.indices {
            let name = "blk.\(index)"
            func norm(_ part: String) -> BlockDescription.Norm {
                .init(.rootMeanSquare, epsilon: 1e-5, weight: "\(name).\(part)")
            }
            decoder.blocks[index].postAttentionNorm = norm("post")
            decoder.blocks[index].laurel = .init(
                left: matrix("\(name).left", 5, 32), right: matrix("\(name).right", 32, 5),
                norm: norm("laurel_norm"))
            decoder.blocks[index].alternatingUpdates = .init(
                count: 3, active: active, norm: norm("router_norm"),
                router: matrix("\(name).router", 3, 32),
                prediction: matrix("\(name).predict", 9, 3),
                correction: matrix("\(name).correct", 3, 3), inputScale: "\(name).input_scale")
        }
        decoder.blocks[0].alternatingUpdates?.expansion = "expansion"
        decoder.blocks[decoder.blocks.count - 1].alternatingUpdates?.merging = "merging"
    }

    private static func factors(
        _ name: String, rank: Int, base: Bool = true
    ) -> BlockDescription.TimeMix.LowRank {
        .init(
            first: matrix("\(name)1", rank, 32), second: matrix("\(name)2", 32, rank),
            base: base ? "\(name)0" : nil)
    }

    private static func timeMix(
        _ name: String, _ mix: BlockDescription.TimeMix
    ) -> BlockDescription.Recurrence {
        let keys = mix.headCountKV * mix.headLength
        return .init(
            input: [
                matrix("\(name).r", 32, 32), matrix("\(name).k", keys, 32),
                matrix("\(name).v", keys, 32),
            ], output: matrix("\(name).out", 32, 32), kind: .timeMix(mix))
    }

    private static func timeMix6(
        _ index: Int, headCountKV: Int, bonus: Bool
    ) -> BlockDescription.Recurrence {
        let name = "blk.\(index).mix"
        let gate = matrix("\(name).g", 32, 32)
        return timeMix(
            name,
            .init(
                headLength: 8, headCount: 4, headCountKV: headCountKV,
                shift: .init(
                    parts: [.decay, .key, .value, .receptance, .gate], factors: "\(name).lerp",
                    learned: .init(
                        factors: "\(name).lerp_x", first: matrix("\(name).w1", 15, 32),
                        second: "\(name).w2")), decay: factors("\(name).decay", rank: 6),
                gate: bonus ? .silu(gate) : .sigmoid(gate),
                norm: bonus
                    ? .init(
                        .layer, epsilon: 1e-2, weight: "\(name).ln", bias: "\(name).ln_bias")
                    : nil, update: bonus ? .bonus("\(name).bonus") : .gated))
    }

    private static func timeMix7(_ index: Int, gated: Bool) -> BlockDescription.Recurrence {
        let name = "blk.\(index).mix"
        let delta = BlockDescription.TimeMix.Delta(
            rate: factors("\(name).a", rank: 4), removal: "\(name).kk",
            replacement: "\(name).ka", bonus: "\(name).rk",
            values: index == 0 ? nil : .init(source: 0, share: factors("\(name).v", rank: 3)))
        return timeMix(
            name,
            .init(
                headLength: 8, headCount: 4, headCountKV: 4,
                shift: .init(
                    parts: [.receptance, .decay, .key, .value, .rate] + (gated ? [.gate] : []),
                    factors: "\(name).lerp"), decay: factors("\(name).w", rank: 5),
                gate: gated ? .lowRank(factors("\(name).g", rank: 7, base: false)) : nil,
                norm: gated
                    ? .init(
                        .layer, epsilon: 1e-2, weight: "\(name).ln", bias: "\(name).ln_bias")
                    : nil, update: .delta(delta)))
    }

    private static func channelMix(_ index: Int, gated: Bool) -> BlockDescription.ChannelMix {
        let name = "blk.\(index).channels"
        return .init(
            keyFactors: "\(name).lerp_k", key: matrix("\(name).k", 40, 32),
            output: matrix("\(name).v", 32, 40),
            receptance: gated
                ? .init(factors: "\(name).lerp_r", matrix: matrix("\(name).r", 32, 32)) : nil)
    }
}
