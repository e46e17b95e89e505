extension DecoderMetadata {
    /// The decoder that most families vary: RMS norms before attention and before a gated SiLU
    /// network, rotary positions.
    func preNormDecoder(
        pairing: BlockDescription.Rotary.Pairing, headNorms: Bool = false
    ) throws(DecoderDescriptionError) -> DecoderDescription {
        let blockCount = try blockCount()
        let width = try count("embedding_length")
        let heads = try counts("attention.head_count", blockCount: blockCount)
        guard let heads, let firstHeads = heads.first else {
            throw DecoderDescriptionError(
                .missingKey, path: path, key: "\(architecture).attention.head_count")
        }
        let headsKV = try counts("attention.head_count_kv", blockCount: blockCount) ?? heads
        let feedForward = try counts("feed_forward_length", blockCount: blockCount)
        guard let feedForward else {
            throw DecoderDescriptionError(
                .missingKey, path: path, key: "\(architecture).feed_forward_length")
        }
        let keyLength = try optionalCount("attention.key_length") ?? max(1, width / firstHeads)
        let valueLength = try optionalCount("attention.value_length") ?? max(1, width / firstHeads)
        let rotary = try rotary(pairing: pairing, keyLength: keyLength)
        let scale = try positiveNumber("attention.scale")

        var blocks: [BlockDescription] = []
        for index in 0..<blockCount {
            guard heads[index] % headsKV[index] == 0 else {
                throw DecoderDescriptionError(
                    .invalidValue(
                        found: "\(headsKV[index]) key heads for \(heads[index]) query heads",
                        expected: "a divisor"), path: path,
                    key: "\(architecture).attention.head_count_kv")
            }
            let block = "blk.\(index)"
            let (queries, keys) = (heads[index] * keyLength, headsKV[index] * keyLength)
            let values = headsKV[index] * valueLength
            var attention = BlockDescription.Attention(
                headCount: heads[index], headCountKV: headsKV[index], keyLength: keyLength,
                valueLength: valueLength,
                input: [
                    projection("\(block).attn_q", outputs: queries, inputs: width),
                    projection("\(block).attn_k", outputs: keys, inputs: width),
                    projection("\(block).attn_v", outputs: values, inputs: width),
                ],
                output: projection(
                    "\(block).attn_output", outputs: width, inputs: heads[index] * valueLength),
                rotary: rotary)
            if let scale { attention.scale = scale }
            if headNorms {
                attention.queryNorm = try rootMeanSquareNorm("\(block).attn_q_norm")
                attention.keyNorm = try rootMeanSquareNorm("\(block).attn_k_norm")
            }
            let hidden = feedForward[index]
            blocks.append(
                BlockDescription(
                    attentionNorm: try rootMeanSquareNorm("\(block).attn_norm"),
                    attention: attention,
                    feedForwardNorm: try rootMeanSquareNorm("\(block).ffn_norm"),
                    feedForward: .gated(
                        activation: .silu,
                        gateUp: [
                            projection("\(block).ffn_gate", outputs: hidden, inputs: width),
                            projection("\(block).ffn_up", outputs: hidden, inputs: width),
                        ],
                        down: projection("\(block).ffn_down", outputs: width, inputs: hidden))))
        }
        var decoder = DecoderDescription(
            architecture: architecture, contextLength: try count("context_length"),
            embeddingLength: width, tokenEmbedding: "token_embd.weight", blocks: blocks,
            outputNorm: try rootMeanSquareNorm("output_norm"),
            output: present("output.weight") ?? "token_embd.weight")
        decoder.outputBias = present("output.bias")
        return decoder
    }
}
