import TensorCore

extension ModelFamily {
    /// The language model of Kimi VL: DeepSeek V3 in the words of its first code, which give heads no
    /// length.
    public static let kimiVL = ModelFamily(
        name: "KimiVL", architecture: "deepseek2",
        classes: ["KimiVLForConditionalGeneration"],
        // The models' own code: DeepseekV3Config
        defaults: [
            .integer("vocab_size", 129280), .integer("hidden_size", 7168),
            .integer("intermediate_size", 18432), .integer("moe_intermediate_size", 2048),
            .integer("num_hidden_layers", 61), .integer("num_attention_heads", 128),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("n_shared_experts", 1), .integer("n_routed_experts", 256),
            .real("routed_scaling_factor", 2.5), .integer("kv_lora_rank", 512),
            .integer("qk_rope_head_dim", 64), .integer("v_head_dim", 128),
            .integer("qk_nope_head_dim", 128), .integer("n_group", 8),
            .integer("topk_group", 4), .integer("num_experts_per_tok", 8),
            .integer("first_k_dense_replace", 3), .boolean("norm_topk_prob", true),
            .integer("max_position_embeddings", 4096), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .text("scoring_func", "sigmoid"),
            .replacement("head_dim", by: "qk_rope_head_dim"),
        ],
        keys: .commonWithoutHeadLength + [.fileType] + .latentAttention,
        tensors: [.latentDecoder, .routedExperts(correction: .required, shared: .required)],
        checkpoint: .init(multiTokenPrediction: .leftOut),
        rotary: .yarnOrDynamic,
        checks: .latentAttention,
        decoder: .latentAttention)
}
