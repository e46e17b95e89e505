import TensorCore

extension ModelFamily {
    /// PLM: multi-head latent attention (MLA) without compressed queries, and a network of two
    /// matrices with a squared ReLU between.
    public static let plm = ModelFamily(
        name: "Plm",
        architecture: "plm",
        classes: ["PLMForCausalLM"],
        // the model's own PLMConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 2048),
            .integer("intermediate_size", 8192), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 16),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 4096), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 100_000), .integer("kv_lora_rank", 512),
            .integer("qk_nope_head_dim", 128), .integer("qk_rope_head_dim", 64),
            .integer("v_head_dim", 128), .boolean("tie_word_embeddings", true),
        ],
        keys: .commonWithoutHeadLength + [
            .fileType, .count("vocab_size", "vocab_size"),
            .count("attention.kv_lora_rank", "kv_lora_rank"),
            .size("attention.key_length", .key("qk_nope_head_dim") + .key("qk_rope_head_dim")),
            .count("attention.value_length", "v_head_dim"),
            .count("rope.dimension_count", "qk_rope_head_dim"),
        ],
        tensors: .latentDecoderTogether([
            .plainNetwork("mlp.up_proj", "mlp.down_proj")
        ]),
        rotary: .unscaledOrDynamic,
        checks: [
            .activation(["relu2"]), .without("attention_bias", "mlp_bias"),
            .refused(.absent("q_lora_rank")),
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.latentDecoder(
                .init(pairing: .interleaved, network: .plain, activation: .reluSquared))
        })
}
