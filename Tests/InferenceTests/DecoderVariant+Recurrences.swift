import Architectures

extension DecoderVariant {
    /// Mixers other than attention, and attention that goes with them.
    static let recurrences: [DecoderVariant] = [
        DecoderVariant(blocks: "gated attention") {
            $0.attention = gatedAttention($0.attention)
        },
        DecoderVariant("delta rule beside attention, value heads side by side") {
            $0.blocks[0].mixer = .recurrence(deltaRule(0, .neighbours))
        },
        DecoderVariant("delta rule, value heads in turns") {
            for index in $0.blocks.indices {
                $0.blocks[index].mixer = .recurrence(deltaRule(index, .turns))
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
    ]

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

    private static func shortConvolution(
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
}
