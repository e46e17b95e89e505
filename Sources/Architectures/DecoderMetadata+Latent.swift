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
    func latentDecoder(
        _ style: DecoderStyle
    ) throws(DecoderDescriptionError) -> DecoderDescription {
        let keyLength = try count(firstOf: ["attention.key_length_mla", "attention.key_length"])
        let valueLength: Int
        if let whole = try optionalCount("attention.value_length_mla") {
            valueLength = whole
        } else if let length = try optionalCount("attention.value_length") {
            valueLength = length
        } else {
            // Values share out the width among the heads where files say neither.
            valueLength = try sizes().valueLength
        }
        let rank = try count("attention.kv_lora_rank")
        let queryRank = try optionalCountOrZero("attention.q_lora_rank") ?? 0
        let rotated = try count("rope.dimension_count")
        guard rotated < keyLength, rotated % 2 == 0 else {
            throw invalid(
                "rope.dimension_count", expected: "an even number below the key length \(keyLength)"
            )
        }
        var unturned = style
        unturned.pairing = nil
        var rotary: BlockDescription.Rotary?
        if let pairing = style.pairing {
            rotary = try self.rotary(pairing: pairing, turned: rotated, keyLength: keyLength)
            rotary?.offset = keyLength - rotated
            // With a multiplier YaRN's magnitude is in the scale of the scores instead.
            if try number("rope.scaling.yarn_log_multiplier") != nil { rotary?.magnitude = 1 }
        }
        let scale = try latentScale(keyLength: keyLength)
        return try decoder(unturned) { index, block throws(DecoderDescriptionError) in
            guard case .attention = block.mixer else { return }
            let name = "blk.\(index)"
            let width = block.attention.output.outputs
            let heads = block.attention.headCount
            let queries =
                queryRank > 0
                ? projection("\(name).attn_q_a", outputs: queryRank, inputs: width)
                : projection("\(name).attn_q", outputs: heads * keyLength, inputs: width)
            block.attention = BlockDescription.Attention(
                headCount: heads, headCountKV: heads, keyLength: keyLength,
                valueLength: valueLength,
                input: [
                    queries,
                    projection("\(name).attn_kv_a_mqa", outputs: rank + rotated, inputs: width),
                ],
                output: projection(
                    "\(name).attn_output", outputs: width, inputs: heads * valueLength),
                rotary: rotary)
            block.attention.scale = scale
            let apart = present("\(name).attn_k_b.weight")
            block.attention.latent = BlockDescription.Latent(
                queryNorm: queryRank > 0
                    ? try norm(.rootMeanSquare, "\(name).attn_q_a_norm") : nil,
                queries: queryRank > 0
                    ? projection(
                        "\(name).attn_q_b", outputs: heads * keyLength, inputs: queryRank) : nil,
                norm: try norm(.rootMeanSquare, "\(name).attn_kv_a_norm"), rank: rank,
                rotatedLength: rotated,
                expansion: apart.map { .apart(keys: $0, values: "\(name).attn_v_b.weight") }
                    ?? .together("\(name).attn_kv_b.weight"))
        }
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
