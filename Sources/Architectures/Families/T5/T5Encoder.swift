import TensorCore

extension ModelFamily {
    /// The encoder of T5 alone, of which sentence embeddings are made.
    public static let t5Encoder = ModelFamily(
        name: "T5Encoder",
        architecture: "t5encoder",
        classes: ["T5EncoderModel"],
        defaults: t5Defaults + [.same("num_hidden_layers", as: "num_layers")],
        keys: .t5(blocks: [.count("block_count", "num_layers")]) + [.fileType],
        tensors: [.t5Encoder, .t5Embeddings, .ignoring("lm_head.weight")],
        checks: .t5,
        tokenizer: .init(model: "t5"), export: .t5(),
        decoder: .custom { model throws(DecoderDescriptionError) in try model.t5Encoder() })
}

extension DecoderMetadata {
    /// Norms in front without means, scores unscaled with learned parts for distances, which all
    /// blocks have from the first unless they have their own (UMT5).
    fileprivate func t5Encoder() throws(DecoderDescriptionError) -> DecoderDescription {
        let sizes = try sizes()
        let buckets = try count("attention.relative_buckets_count")
        guard buckets % 4 == 0 else {
            throw invalid("attention.relative_buckets_count", expected: "a multiple of 4")
        }
        var blocks: [BlockDescription] = []
        for index in 0..<sizes.blockCount {
            let name = "enc.blk.\(index)"
            let (heads, hidden) = (sizes.heads[index], sizes.feedForward[index])
            func projection(_ part: String, _ outputs: Int, _ inputs: Int)
                -> BlockDescription.Projection
            {
                self.projection("\(name).\(part)", outputs: outputs, inputs: inputs)
            }
            let queries = heads * sizes.keyLength
            let values = heads * sizes.valueLength
            var attention = BlockDescription.Attention(
                headCount: heads, headCountKV: heads, keyLength: sizes.keyLength,
                valueLength: sizes.valueLength,
                input: [
                    projection("attn_q", queries, sizes.width),
                    projection("attn_k", queries, sizes.width),
                    projection("attn_v", values, sizes.width),
                ], output: projection("attn_o", sizes.width, values), rotary: nil)
            attention.isCausal = false
            attention.scale = 1
            attention.relativeBias = .init(
                present("\(name).attn_rel_b.weight") ?? "enc.blk.0.attn_rel_b.weight",
                bucketCount: buckets)
            let up = projection("ffn_up", hidden, sizes.width)
            let down = projection("ffn_down", sizes.width, hidden)
            blocks.append(
                BlockDescription(
                    attentionNorm: try norm(.rootMeanSquare, "\(name).attn_norm"),
                    attention: attention,
                    feedForwardNorm: try norm(.rootMeanSquare, "\(name).ffn_norm"),
                    feedForward: present("\(name).ffn_gate.weight") == nil
                        ? .plain(activation: .relu, up: up, down: down)
                        : .gated(
                            activation: .geluTanh,
                            gateUp: [projection("ffn_gate", hidden, sizes.width), up], down: down)))
        }
        return DecoderDescription(
            architecture: architecture, contextLength: try count("context_length"),
            embeddingLength: sizes.width, tokenEmbedding: "token_embd.weight", blocks: blocks,
            outputNorm: try norm(.rootMeanSquare, "enc.output_norm"), output: "token_embd.weight")
    }
}
