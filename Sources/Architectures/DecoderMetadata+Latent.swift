#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension DecoderMetadata {
    /// A decoder whose queries, keys and values come of latent rows.
    ///
    /// Current files name the lengths of whole keys and values with `_mla` and count one key head,
    /// because the reference attends in the latent space; older ones do neither.
    ///
    /// - Parameter windowed: What the keys of sizes end with that blocks with a window have for
    ///   themselves; `nil` where all blocks are alike.
    func latentDecoder(
        _ style: DecoderStyle, windowed: String? = nil
    ) throws(DecoderDescriptionError) -> DecoderDescription {
        let turns = style.pairing != nil
        let usual = try latentSizes(turns: turns)
        let local = try windowed.map { suffix throws(DecoderDescriptionError) in
            try latentSizes(suffix, turns: turns)
        }
        let queryRank = try optionalCountOrZero("attention.q_lora_rank") ?? 0
        var unturned = style
        unturned.pairing = nil
        var rotary: BlockDescription.Rotary?
        if let pairing = style.pairing {
            rotary = try self.rotary(
                pairing: pairing, turned: usual.rotated, keyLength: usual.keyLength)
            // With a multiplier YaRN's magnitude is in the scale of the scores instead.
            if try number("rope.scaling.yarn_log_multiplier") != nil { rotary?.magnitude = 1 }
        }
        let localBase = try positiveNumber("rope.freq_base_swa")
        return try decoder(unturned) { index, block throws(DecoderDescriptionError) in
            guard case .attention = block.mixer else { return }
            let window = block.attention.window
            let isLocal = window != nil && local != nil
            let sizes = isLocal ? local ?? usual : usual
            var rotary = rotary
            rotary?.offset = sizes.keyLength - sizes.rotated
            if isLocal {
                rotary?.removeScaling()
                if let localBase { rotary?.base = Double(localBase) }
            }
            block.attention = try latentAttention(
                "blk.\(index)", sizes, queryRank: queryRank, heads: block.attention.headCount,
                width: block.attention.output.outputs, rotary: rotary)
            block.attention.window = window
            block.attention.scale = try latentScale(keyLength: sizes.keyLength)
        }
    }

    /// The sizes of latent attention.
    private struct LatentSizes {
        let keyLength: Int
        let valueLength: Int
        let rank: Int
        let rotated: Int
    }

    private func latentSizes(
        _ suffix: String = "", turns: Bool
    ) throws(DecoderDescriptionError) -> LatentSizes {
        let keyLength = try count(
            firstOf: ["attention.key_length_mla\(suffix)", "attention.key_length\(suffix)"])
        let valueLength: Int
        if let whole = try optionalCount("attention.value_length_mla\(suffix)") {
            valueLength = whole
        } else if let length = try optionalCount("attention.value_length\(suffix)") {
            valueLength = length
        } else {
            // Values share out the width among the heads where files say neither.
            valueLength = try sizes().valueLength
        }
        // Without positions heads may share that part of their keys all the same.
        let rotated =
            if turns {
                try count("rope.dimension_count")
            } else {
                try optionalCountOrZero("rope.dimension_count") ?? 0
            }
        guard rotated < keyLength, rotated % 2 == 0 else {
            throw invalid(
                "rope.dimension_count", expected: "an even number below the key length \(keyLength)"
            )
        }
        return .init(
            keyLength: keyLength, valueLength: valueLength,
            rank: try count("attention.kv_lora_rank\(suffix)"), rotated: rotated)
    }

    private func latentAttention(
        _ name: String, _ sizes: LatentSizes, queryRank: Int, heads: Int, width: Int,
        rotary: BlockDescription.Rotary?
    ) throws(DecoderDescriptionError) -> BlockDescription.Attention {
        let queries =
            queryRank > 0
            ? projection("\(name).attn_q_a", outputs: queryRank, inputs: width)
            : projection("\(name).attn_q", outputs: heads * sizes.keyLength, inputs: width)
        var attention = BlockDescription.Attention(
            headCount: heads, headCountKV: heads, keyLength: sizes.keyLength,
            valueLength: sizes.valueLength,
            input: [
                queries,
                projection(
                    "\(name).attn_kv_a_mqa", outputs: sizes.rank + sizes.rotated, inputs: width),
            ],
            output: projection(
                "\(name).attn_output", outputs: width, inputs: heads * sizes.valueLength),
            rotary: rotary)
        let apart = present("\(name).attn_k_b.weight")
        attention.latent = BlockDescription.Latent(
            queryNorm: queryRank > 0 ? try norm(.rootMeanSquare, "\(name).attn_q_a_norm") : nil,
            queries: queryRank > 0
                ? projection(
                    "\(name).attn_q_b", outputs: heads * sizes.keyLength, inputs: queryRank)
                : nil,
            norm: try norm(.rootMeanSquare, "\(name).attn_kv_a_norm"), rank: sizes.rank,
            rotatedLength: sizes.rotated,
            expansion: apart.map { .apart(keys: $0, values: "\(name).attn_v_b.weight") }
                ?? .together("\(name).attn_kv_b.weight"))
        return attention
    }

    /// `1 / sqrt(keyLength)`, times the square of YaRN's magnitude where that is left out of the
    /// rotation.
    private func latentScale(keyLength: Int) throws(DecoderDescriptionError) -> Float {
        let plain = 1 / Float(keyLength).squareRoot()
        guard let multiplier = try number("rope.scaling.yarn_log_multiplier"),
            let factor = try positiveNumber("rope.scaling.factor"), factor > 1
        else { return plain }
        let magnitude = 1 + multiplier * log(factor)
        return plain * magnitude * magnitude
    }
}
