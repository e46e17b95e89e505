import TensorCore

extension ModelFamily {
    /// OLMo 1: norms without weights; queries, keys and values cut to a range in some models.
    public static let olmo = ModelFamily(
        name: "Olmo",
        architecture: "olmo",
        classes: ["OlmoForCausalLM", "OLMoForCausalLM"],
        // transformers: OlmoConfig
        defaults: [
            .integer("vocab_size", 50304), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rope_theta", 10000),
        ],
        keys: .common + [
            // The model's own; the configuration has no word for it.
            .constant("attention.layer_norm_epsilon", .float32(1e-5)),
            .number("attention.clamp_kqv", "clip_qkv"),
        ],
        tensors: [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .init("lm_head", "output", [.vocabulary, .hidden], presence: .optional),
            .blocks(.attention(rotaryPairs: true), .gatedNetwork()),
        ],
        checks: [.activation(.silu), .without("attention_bias"), .headsShareWidth],
        export: .init(
            modelType: "olmo",
            words: ["attention.layer_norm_epsilon": nil, "attention.clamp_kqv": "clip_qkv"]),
        // Layer norms without weights; queries, keys and values cut to a range.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let style = DecoderStyle(pairing: .interleaved, norm: .layer, hasPreNorms: false)
            let epsilon = try model.epsilon(of: .layer)
            let norm = BlockDescription.Norm(.layer, epsilon: epsilon, weight: nil)
            let limit = try model.inputLimit()
            var decoder = try model.decoder(style) { _, block in
                block.attentionNorm = norm
                block.feedForwardNorm = norm
                block.attention.inputLimit = limit
            }
            decoder.outputNorm = norm
            return decoder

        })
}
