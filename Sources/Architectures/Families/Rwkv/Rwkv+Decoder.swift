extension DecoderRule {
    /// RWKV 6 and 7: a time mix and a channel mix between layer norms.
    static let rwkv = custom { model throws(DecoderDescriptionError) in
        let width = try model.count("embedding_length")
        let every = try model.optionalCountOrZero("rescale_every_n_layers") ?? 0
        var decoder = try model.recurrentDecoder(norm: .layer) {
            index, name throws(DecoderDescriptionError) in
            var block = BlockDescription(
                mixerNorm: try model.norm(.layer, "\(name).attn_norm"),
                recurrence: try model.timeMix(name, index, width: width))
            block.feedForwardNorm = try model.norm(.layer, "\(name).attn_norm_2")
            block.feedForward = .channelMix(try model.channelMix(name, width: width))
            // Weights of later blocks are stored as much smaller.
            if every > 0, (index + 1) % every == 0 { block.outputFactor = 0.5 }
            return block
        }
        decoder.embeddingNorm = try model.norm(.layer, "token_embd_norm")
        return decoder
    }

    /// The networks of Qwen 2 between such time mixes.
    static let rwkvQwen = custom { model throws(DecoderDescriptionError) in
        let width = try model.count("embedding_length")
        let hidden = try model.count("feed_forward_length")
        return try model.recurrentDecoder(norm: .rootMeanSquare) {
            index, name throws(DecoderDescriptionError) in
            var block = BlockDescription(
                mixerNorm: try model.norm(.rootMeanSquare, "\(name).attn_norm"),
                recurrence: try model.timeMix(name, index, width: width))
            block.feedForwardNorm = try model.norm(.rootMeanSquare, "\(name).ffn_norm")
            block.feedForward = .gated(
                activation: .silu,
                gateUp: ["gate", "up"].map {
                    model.projection("\(name).ffn_\($0)", outputs: hidden, inputs: width)
                }, down: model.projection("\(name).ffn_down", outputs: width, inputs: hidden))
            return block
        }
    }
}

extension DecoderMetadata {
    /// The time mix of a block, as its tensors tell: RWKV 7's has rates of learning.
    fileprivate func timeMix(
        _ block: String, _ index: Int, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        let length = try count("wkv.head_size")
        guard width % length == 0, width * length <= DecoderMetadata.largest else {
            throw invalid("wkv.head_size", expected: "a divisor of the width \(width)")
        }
        let name = "\(block).time_mix"
        return present("\(name)_a0.weight") == nil
            ? try timeMix6(name, width: width, headLength: length)
            : try timeMix7(name, index, width: width, headLength: length)
    }

    private func timeMix6(
        _ name: String, width: Int, headLength: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        let heads = width / headLength
        let stated = try optionalCountOrZero("attention.head_count_kv") ?? 0
        let headsKV = stated == 0 ? heads : stated
        guard heads % headsKV == 0 else {
            throw invalid("attention.head_count_kv", expected: "a divisor of the \(heads) heads")
        }
        let (short, rank) = (try count("time_mix_extra_dim"), try count("time_decay_extra_dim"))
        let gate = projection("\(name)_gate", outputs: width, inputs: width)
        let bonus = present("\(name)_first.weight")
        let mix = BlockDescription.TimeMix(
            headLength: headLength, headCount: heads, headCountKV: headsKV,
            shift: .init(
                parts: [.decay, .key, .value, .receptance, .gate],
                factors: "\(name)_lerp_fused.weight",
                learned: .init(
                    factors: "\(name)_lerp_x.weight",
                    first: projection("\(name)_w1", outputs: 5 * short, inputs: width),
                    second: "\(name)_w2.weight")),
            decay: lowRank(
                "\(name)_decay_w", width: width, rank: rank, base: "\(name)_decay.weight"),
            gate: bonus == nil ? .sigmoid(gate) : .silu(gate),
            norm: bonus == nil ? nil : timeMixNorm(name),
            update: bonus.map { .bonus($0) } ?? .gated)
        return recurrence(name, mix, width: width)
    }

    private func timeMix7(
        _ name: String, _ index: Int, width: Int, headLength: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Recurrence {
        func factors(
            _ letter: String, _ key: String, base: Bool = true
        ) throws(DecoderDescriptionError) -> BlockDescription.TimeMix.LowRank {
            lowRank(
                "\(name)_\(letter)", width: width, rank: try count("attention.\(key)_lora_rank"),
                base: base ? "\(name)_\(letter)0.weight" : nil)
        }
        let hasGate = present("\(name)_g1.weight") != nil
        let delta = BlockDescription.TimeMix.Delta(
            rate: try factors("a", "iclr"), removal: "\(name)_k_k.weight",
            replacement: "\(name)_k_a.weight", bonus: "\(name)_r_k.weight",
            values: index == 0
                ? nil : .init(source: 0, share: try factors("v", "value_residual_mix")))
        let heads = width / headLength
        let mix = BlockDescription.TimeMix(
            headLength: headLength, headCount: heads, headCountKV: heads,
            shift: .init(
                parts: [.receptance, .decay, .key, .value, .rate] + (hasGate ? [.gate] : []),
                factors: "\(name)_lerp_fused.weight"),
            decay: try factors("w", "decay"),
            gate: hasGate ? .lowRank(try factors("g", "gate", base: false)) : nil,
            norm: present("\(name)_ln.weight") == nil ? nil : timeMixNorm(name),
            update: .delta(delta))
        return recurrence(name, mix, width: width)
    }

    private func recurrence(
        _ name: String, _ mix: BlockDescription.TimeMix, width: Int
    ) -> BlockDescription.Recurrence {
        let keyWidth = mix.headCountKV * mix.headLength
        return .init(
            input: [
                projection("\(name)_receptance", outputs: width, inputs: width),
                projection("\(name)_key", outputs: keyWidth, inputs: width),
                projection("\(name)_value", outputs: keyWidth, inputs: width),
            ], output: projection("\(name)_output", outputs: width, inputs: width),
            kind: .timeMix(mix))
    }

    /// Two matrices that are named by numbers.
    private func lowRank(
        _ name: String, width: Int, rank: Int, base: String?
    ) -> BlockDescription.TimeMix.LowRank {
        .init(
            first: projection("\(name)1", outputs: rank, inputs: width),
            second: projection("\(name)2", outputs: width, inputs: rank), base: base)
    }

    /// The norm of a head's result, whose ε is 64 times the usual one whatever the file says.
    private func timeMixNorm(_ name: String) -> BlockDescription.Norm {
        .init(
            .layer, epsilon: 64e-5, weight: "\(name)_ln.weight", bias: present("\(name)_ln.bias"))
    }

    fileprivate func channelMix(
        _ block: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.ChannelMix {
        let hidden = try count("feed_forward_length")
        let name = "\(block).channel_mix"
        return .init(
            keyFactors: "\(name)_lerp_k.weight",
            key: projection("\(name)_key", outputs: hidden, inputs: width),
            output: projection("\(name)_value", outputs: width, inputs: hidden),
            receptance: present("\(name)_lerp_r.weight").map {
                .init(
                    factors: $0,
                    matrix: projection("\(name)_receptance", outputs: width, inputs: width))
            })
    }
}
