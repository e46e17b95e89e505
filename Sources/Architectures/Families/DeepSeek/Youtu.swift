import TensorCore

extension ModelFamily {
    /// Tencent's Youtu: DeepSeek V3's latent attention with a dense network in every layer.
    public static let youtu = ModelFamily(
        name: "Youtu", architecture: "deepseek2", classes: ["YoutuForCausalLM"],
        // transformers: YoutuConfig
        defaults: [
            .integer("vocab_size", 128256), .integer("hidden_size", 2048),
            .integer("intermediate_size", 6144), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 16),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("kv_lora_rank", 512), .integer("q_lora_rank", 1536),
            .integer("qk_rope_head_dim", 64), .integer("v_head_dim", 128),
            .integer("qk_nope_head_dim", 128), .integer("max_position_embeddings", 131072),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .boolean("tie_word_embeddings", true),
            .replacement("head_dim", by: "qk_rope_head_dim"),
            .same("first_k_dense_replace", as: "num_hidden_layers"),
            .same("moe_intermediate_size", as: "intermediate_size"),
            .integer("n_shared_experts", 0),
        ],
        keys: .common + .latentAttention,
        tensors: [.latentDecoder],
        rotary: .yarnOrDynamic,
        checks: .latentAttention + [.refused(.absent("n_routed_experts"))],
        export: .latentAttention(
            modelType: "youtu",
            words: [
                "leading_dense_block_count": nil, "expert_feed_forward_length": nil,
                "expert_shared_count": nil,
            ], fits: { $0.value("expert_count") == nil }),
        decoder: .latentAttention)
}
