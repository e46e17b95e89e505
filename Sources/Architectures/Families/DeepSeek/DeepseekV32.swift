import TensorCore

extension ModelFamily {
    /// DeepSeek V3.2: V3 with an indexer that picks the positions which attention sees, and layers that
    /// predict further tokens as blocks of the file.
    public static let deepseekV32 = ModelFamily(
        name: "DeepseekV32", architecture: "deepseek32", classes: ["DeepseekV32ForCausalLM"],
        // transformers: DeepseekV32Config
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
            .integer("num_experts_per_tok", 8), .denseLayers(standard: 3),
            .boolean("norm_topk_prob", true), .integer("max_position_embeddings", 163840),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .text("scoring_func", "sigmoid"), .replacement("head_dim", by: "qk_rope_head_dim"),
        ] + .indexer(heads: 64),
        keys: .common + .latentAttention + [.statedPredictors] + .indexer,
        tensors: [
            .latentDecoder, .routedExperts(correction: .required, shared: .required), .indexer,
            .predictorModules,
        ],
        checkpoint: .init(multiTokenPrediction: .kept),
        rotary: .yarnOrDynamic,
        checks: .latentAttention + [.denseLayersFirst],
        export: .latentAttention(
            modelType: "deepseek_v32", words: indexerWords,
            computed: { $0.networkTypes + $0.predictedLayers }),
        decoder: .sparseLatentAttention)
}
