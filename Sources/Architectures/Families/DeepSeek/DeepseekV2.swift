import TensorCore

extension ModelFamily {
    /// DeepSeek V2 and V2 Lite: multi-head latent attention, routed and shared experts after some
    /// dense layers.
    ///
    /// GGUF has attention in its absorbed form: one key-value head as wide as the latent vector.
    /// For that the up-projection of keys and values is split, and the keys' part transposed.
    public static let deepseekV2 = ModelFamily(
        name: "DeepseekV2",
        architecture: "deepseek2",
        classes: ["DeepseekV2ForCausalLM"],
        // transformers: DeepseekV2Config
        defaults: [
            .integer("vocab_size", 102400), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("max_position_embeddings", 2048),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .integer("first_k_dense_replace", 0), .integer("kv_lora_rank", 512),
            .integer("q_lora_rank", 1536), .same("n_routed_experts", as: "num_experts"),
            .integer("n_routed_experts", 64), .integer("n_shared_experts", 2),
            .integer("qk_nope_head_dim", 128), .integer("qk_rope_head_dim", 64),
            .integer("v_head_dim", 128), .integer("moe_intermediate_size", 1407),
            .real("routed_scaling_factor", 1),
            // What turns is all that the attention's rotary part is about.
            .same("head_dim", as: "qk_rope_head_dim"),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: .common + .latentAttention,
        tensors: [.latentDecoder, .routedExperts(correction: nil, shared: .required)],
        rotary: .yarnOrDynamic,
        checks: .latentAttention,
        export: .latentAttention(modelType: "deepseek_v2"),
        decoder: .latentAttention)

}
