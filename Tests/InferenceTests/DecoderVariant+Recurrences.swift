import Architectures

extension DecoderVariant {
    /// Mixers other than attention, and attention that goes with them.
    static let recurrences: [DecoderVariant] = [
        DecoderVariant(blocks: "gated attention") {
            $0.attention = gatedAttention($0.attention)
        },
        DecoderVariant("norms in front of output layers") {
            for index in $0.blocks.indices {
                func norm(_ part: String) -> BlockDescription.Norm {
                    .init(.rootMeanSquare, epsilon: 1e-4, weight: "blk.\(index).\(part)")
                }
                $0.blocks[index].mixedNorm = norm("mixed_norm")
                guard case .dense(var network) = $0.blocks[index].feedForward else { continue }
                network.hiddenNorm = norm("hidden_norm")
                $0.blocks[index].feedForward = .dense(network)
            }
        },
        DecoderVariant("delta rule beside attention, value heads side by side") {
            $0.blocks[0].mixer = .recurrence(deltaRule(0, .neighbours))
        },
        DecoderVariant("delta rule, value heads in turns") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(deltaRule(index, .turns))
            }
        },
        DecoderVariant("Kimi delta attention") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(
                    kimiDelta(index, bound: index == 0 ? nil : -3))
            }
        },
        DecoderVariant("short convolutions") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(shortConvolution(index, length: 3 + index))
            }
        },
        DecoderVariant("a long convolution before attention") {
            $0.blocks[0].mixer = .recurrence(shortConvolution(0, length: 7))
        },
        DecoderVariant("selective scans alone") {
            for index in $0.blocks.indices {
                $0.blocks[index] = BlockDescription(
                    mixerNorm: $0.blocks[index].attentionNorm,
                    recurrence: selectiveScan(index, stateLength: 5 + 14 * index))
            }
        },
        DecoderVariant("selective scans whose parameters are normalised, with weights and without")
        {
            for index in $0.blocks.indices {
                var recurrence = selectiveScan(index, stateLength: 5)
                guard case .selectiveScan(var scan) = recurrence.kind else { return }
                func norm(_ name: String) -> BlockDescription.Norm {
                    .init(
                        .rootMeanSquare, epsilon: 1e-3,
                        weight: index == 0 ? "blk.\(index).scan.\(name)_norm" : nil)
                }
                scan.norms = .init(steps: norm("dt"), input: norm("b"), output: norm("c"))
                recurrence.kind = .selectiveScan(scan)
                $0.blocks[index].mixer = .recurrence(recurrence)
            }
        },
        DecoderVariant("scans by heads") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(headScan(index, headCount: 3 + index))
            }
        },
        DecoderVariant("recurrences beside attention") {
            $0.blocks[0].parallelMixer = stateSpace(0, groupCount: 3, isNormed: false)
            $0.blocks[1].parallelMixer = selectiveScan(1, stateLength: 5)
            $0.blocks[1].residualScale = 0.5
        },
        DecoderVariant("blocks that are networks alone, first and last") {
            for index in [0, $0.blocks.count - 1] { $0.blocks[index].mixer = .absent }
        },
        DecoderVariant("state space beside attention") {
            $0.blocks[0].mixer = .recurrence(stateSpace(0, groupCount: 1, isNormed: true))
        },
        DecoderVariant("state spaces with groups, and without a norm") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(
                    stateSpace(index, groupCount: 2 + index, isNormed: index == 0))
            }
        },
    ]

    /// Keys and values that blocks share, rows for blocks, experts beside the network (Gemma 4).
    static let sharing: [DecoderVariant] = [
        DecoderVariant(blocks: "values are keys, with a norm") {
            $0.attention = keysAsValues($0.attention)
        },
        DecoderVariant("keys and values of the block before") {
            $0.blocks[1].attention.source = 0
            $0.blocks[1].attention.input = [$0.blocks[1].attention.input[0]]
            $0.blocks[0].attention.window = 6
        },
        DecoderVariant("values that are keys, and those of another block") {
            $0.blocks[0].attention = keysAsValues($0.blocks[0].attention)
            $0.blocks[1].attention = keysAsValues($0.blocks[1].attention)
            $0.blocks[1].attention.source = 0
            $0.blocks[1].attention.input = [$0.blocks[1].attention.input[0]]
            $0.blocks[1].attention.keyNorm = nil
            $0.blocks[1].attention.valueNorm = nil
            $0.blocks[1].attention.valuesAreKeys = false
        },
        DecoderVariant("rows for blocks, output scales") {
            $0.layerEmbedding = .init(
                embedding: "layer_embd", embeddingScale: 1.5, projection: "layer_proj",
                projectionScale: 0.7,
                norm: .init(.rootMeanSquare, epsilon: 1e-5, weight: "layer_norm"), sumScale: 0.8,
                length: 6)
            for index in $0.blocks.indices {
                let name = "blk.\(index)"
                $0.blocks[index].layerInput = .init(
                    gate: projection("\(name).layer_gate", 6, 32),
                    output: projection("\(name).layer_out", 32, 6),
                    norm: .init(.rootMeanSquare, epsilon: 1e-5, weight: "\(name).layer_norm"))
                $0.blocks[index].outputScale = "\(name).scale"
            }
        },
        DecoderVariant(blocks: "experts beside the network") {
            let name = $0.attention.output.weight
            func norm(_ part: String) -> BlockDescription.Norm {
                .init(.rootMeanSquare, epsilon: 1e-5, weight: "\(name).\(part)")
            }
            guard case .dense(let shared) = $0.feedForward else { return }
            var experts = BlockDescription.Experts(
                count: 5, usedCount: 2, router: projection(name + ".router", 5, 32),
                scoring: .softmax, normalisesWeights: true,
                network: .init(
                    activation: .geluTanh, isGated: true,
                    input: [projection(name + ".gate_up", 36, 32)],
                    output: projection(name + ".down", 32, 18)))
            experts.shared = shared
            experts.separateNorms = .init(
                routerNorm: norm("rating"), routerScale: 0.5, weightScales: name + ".scales",
                inputNorm: norm("input"), outputNorm: norm("output"), sharedNorm: norm("shared"))
            $0.feedForward = .experts(experts)
            $0.postFeedForwardNorm = norm("post")
        },
    ]

    private static func keysAsValues(
        _ attention: BlockDescription.Attention
    ) -> BlockDescription.Attention {
        var changed = attention
        changed.valueLength = changed.keyLength
        changed.input.removeLast()
        changed.valuesAreKeys = true
        changed.keyNorm = .init(
            .rootMeanSquare, epsilon: 1e-5, weight: attention.input[1].weight + ".norm")
        changed.valueNorm = .init(.rootMeanSquare, epsilon: 1e-5, weight: nil)
        changed.output.inputs = changed.headCount * changed.valueLength
        return changed
    }

    private static func projection(
        _ name: String, _ outputs: Int, _ inputs: Int
    ) -> BlockDescription.Projection {
        .init(name, bias: nil, outputs: outputs, inputs: inputs)
    }

    private static func gatedAttention(
        _ attention: BlockDescription.Attention
    ) -> BlockDescription.Attention {
        var gated = attention
        gated.isGated = true
        gated.valueLength = gated.keyLength
        gated.input[0].outputs *= 2
        gated.input[2].outputs = gated.valueWidth
        gated.output.inputs = gated.headCount * gated.valueLength
        return gated
    }

    static func deltaRule(
        _ index: Int, _ sharing: BlockDescription.DeltaRule.Sharing
    ) -> BlockDescription.Recurrence {
        let name = "blk.\(index).delta"
        let rule = BlockDescription.DeltaRule(
            keyHeadCount: 2, valueHeadCount: 6, keyLength: 5, valueLength: 19, sharing: sharing,
            convolution: .init("\(name).conv", bias: nil, length: 4), decay: "\(name).decay",
            stepBias: "\(name).step",
            norm: .init(.rootMeanSquare, epsilon: 1e-5, weight: "\(name).norm"))
        return .init(
            input: [
                projection("\(name).qkv", rule.channelCount, 32),
                projection("\(name).gate", rule.valueWidth, 32),
                projection("\(name).ba", 12, 32),
            ], output: projection("\(name).out", 32, rule.valueWidth), kind: .deltaRule(rule))
    }

    static func kimiDelta(
        _ index: Int, bound: Float? = nil
    ) -> BlockDescription.Recurrence {
        let name = "blk.\(index).kda"
        var delta = BlockDescription.KimiDelta(
            headCount: 3, headLength: 7,
            convolutions: ["q", "k", "v"].map {
                .init("\(name).conv_\($0)", bias: nil, length: 4)
            }, steps: bound == nil ? projection("\(name).steps", 21, 5) : nil,
            gates: bound == nil ? projection("\(name).gates", 21, 6) : nil,
            decay: "\(name).decay", stepBias: "\(name).step",
            norm: .init(.rootMeanSquare, epsilon: 1e-5, weight: "\(name).norm"))
        delta.bound = bound
        return .init(
            input: [
                projection("\(name).qkv", 63, 32),
                projection("\(name).short", bound == nil ? 11 : 42, 32),
                projection("\(name).beta", 3, 32),
            ], output: projection("\(name).out", 32, 21), kind: .kimiDelta(delta))
    }

    static func shortConvolution(
        _ index: Int, length: Int
    ) -> BlockDescription.Recurrence {
        let name = "blk.\(index).short"
        return .init(
            input: [projection("\(name).in", 72, 32)], output: projection("\(name).out", 32, 24),
            kind: .shortConvolution(.init("\(name).conv", bias: nil, length: length)))
    }

    private static func selectiveScan(
        _ index: Int, stateLength: Int
    ) -> BlockDescription.Recurrence {
        let name = "blk.\(index).scan"
        return .init(
            input: [projection("\(name).in", 96, 32)], output: projection("\(name).out", 32, 48),
            kind: .selectiveScan(
                .init(
                    stateLength: stateLength,
                    convolution: .init("\(name).conv", bias: "\(name).conv_bias", length: 4),
                    parameters: projection("\(name).x", 3 + 2 * stateLength, 48),
                    steps: .init(
                        "\(name).dt", bias: "\(name).dt_bias", outputs: 48, inputs: 3),
                    decay: "\(name).decay", skip: "\(name).skip")))
    }

    private static func headScan(
        _ index: Int, headCount: Int
    ) -> BlockDescription.Recurrence {
        let name = "blk.\(index).heads"
        let scan = BlockDescription.HeadScan(
            headCount: headCount, headLength: 6, stateLength: 5,
            convolution: .init("\(name).conv", bias: nil, length: 4),
            parameters: projection("\(name).x", 17, headCount * 6),
            steps: .init("\(name).dt", bias: "\(name).dt_bias", outputs: headCount, inputs: 7),
            norms: ["b", "c", "dt"].map {
                .init(.rootMeanSquare, epsilon: 1e-3, weight: "\(name).\($0)_norm")
            }, decay: "\(name).decay", skip: "\(name).skip")
        return .init(
            input: [projection("\(name).in", 2 * scan.width, 32)],
            output: projection("\(name).out", 32, scan.width), kind: .headScan(scan))
    }

    static func stateSpace(
        _ index: Int, groupCount: Int, isNormed: Bool
    ) -> BlockDescription.Recurrence {
        let name = "blk.\(index).space"
        let space = BlockDescription.StateSpace(
            headCount: 6, groupCount: groupCount, headLength: 7, stateLength: 19,
            convolution: .init(
                "\(name).conv", bias: isNormed ? "\(name).conv_bias" : nil, length: 4),
            decay: "\(name).decay", stepBias: "\(name).step", skip: "\(name).skip",
            norm: isNormed
                ? .init(.rootMeanSquare, epsilon: 1e-5, weight: "\(name).norm") : nil)
        return .init(
            input: [projection("\(name).in", space.width + space.channelCount + 6, 32)],
            output: projection("\(name).out", 32, space.width), kind: .stateSpace(space))
    }
}
