import TensorCore

extension ModelFamily {
    /// GLM-4.7 Flash: DeepSeek V3's architecture with GLM's tokens, and with layers that predict
    /// further tokens as blocks of the file.
    public static let glm4MoeLite = ModelFamily(
        name: "Glm4MoeLite",
        architecture: "deepseek2",
        classes: ["Glm4MoeLiteForCausalLM"],
        // transformers: Glm4MoeLiteConfig
        defaults: [
            .integer("vocab_size", 154880), .integer("hidden_size", 2048),
            .integer("intermediate_size", 10240), .integer("moe_intermediate_size", 1536),
            .integer("num_hidden_layers", 47), .integer("num_attention_heads", 20),
            .integer("num_key_value_heads", 20),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("n_shared_experts", 1), .same("n_routed_experts", as: "num_local_experts"),
            .integer("n_routed_experts", 64), .real("routed_scaling_factor", 1.8),
            .integer("kv_lora_rank", 512), .integer("q_lora_rank", 768),
            .integer("qk_rope_head_dim", 64), .integer("v_head_dim", 256),
            .integer("qk_nope_head_dim", 192), .integer("n_group", 1), .integer("topk_group", 1),
            .integer("num_experts_per_tok", 4), .boolean("norm_topk_prob", true),
            .integer("max_position_embeddings", 202752), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .denseLayers(standard: 1),
            .replacement("head_dim", by: "qk_rope_head_dim"),
        ],
        keys: .commonWithoutHeadLength + [.fileType] + .latentAttention + [.predictorCount],
        tensors: [
            .latentDecoder, .routedExperts(correction: .required, shared: .required),
            .predictorModules,
        ],
        checkpoint: .init(multiTokenPrediction: .kept),
        rotary: .yarnOrDynamic,
        checks: [.denseLayersFirst, .statedSigmoids] + .latentAttention,
        tokenizer: .init(roles: glm4MoeRoles),
        export: .latentAttention(
            modelType: "glm4_moe_lite",
            words: ["nextn_predict_layers": "num_nextn_predict_layers"],
            fits: { $0.tokenizer("eom_token_id") != nil },
            computed: { source in
                let further = source.integer("nextn_predict_layers") ?? 0
                guard let count = source.integer("block_count"), count > further,
                    count - further <= ModelConfiguration.layerLimit
                else { return [] }
                let dense = source.integer("leading_dense_block_count") ?? 0
                let types = (0..<count - further).map { $0 < dense ? "dense" : "sparse" }
                return [
                    ("num_hidden_layers", .integer(count - further)),
                    ("mlp_layer_types", .array(types.map { .text($0) })),
                ]
            }),
        decoder: .latentAttention)
}
