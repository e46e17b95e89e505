import TensorCore

extension ModelFamily {
    /// DeepSeek V3 and R1, and Kimi K2 and the language model of K2.5, which are built alike: V2's latent attention, and experts
    /// rated by sigmoids with a correction that decides the choice alone.
    public static let deepseekV3 = ModelFamily(
        name: "DeepseekV3",
        architecture: "deepseek2",
        classes: ["DeepseekV3ForCausalLM", "KimiK25ForConditionalGeneration"],
        // transformers: DeepseekV3Config
        defaults: [
            .integer("vocab_size", 129280), .integer("hidden_size", 7168),
            .integer("intermediate_size", 18432), .integer("moe_intermediate_size", 2048),
            .integer("num_hidden_layers", 61), .integer("num_attention_heads", 128),
            .integer("num_key_value_heads", 128),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("n_shared_experts", 1), .same("n_routed_experts", as: "num_local_experts"),
            .integer("n_routed_experts", 256), .real("routed_scaling_factor", 2.5),
            .integer("kv_lora_rank", 512), .integer("q_lora_rank", 1536),
            .integer("qk_rope_head_dim", 64), .integer("v_head_dim", 128),
            .integer("qk_nope_head_dim", 128), .integer("n_group", 8), .integer("topk_group", 4),
            .integer("num_experts_per_tok", 8), .integer("first_k_dense_replace", 3),
            .boolean("norm_topk_prob", true), .integer("max_position_embeddings", 4096),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            // What turns is all that the attention's rotary part is about.
            .replacement("head_dim", by: "qk_rope_head_dim"),
        ],
        keys: .common + .latentAttention,
        tensors: [.latentDecoder, .routedExperts(correction: .required, shared: .required)],
        checkpoint: .init(multiTokenPrediction: .leftOut),
        rotary: .yarnOrDynamic,
        checks: .latentAttention + [.statedSigmoids],
        export: .latentAttention(modelType: "deepseek_v3"),
        decoder: .latentAttention)

}
