import TensorCore

extension ModelFamily {
    /// GLM-5: DeepSeek V3.2's attention with GLM's tokens; indexers may be shared by neighbouring layers.
    public static let glmMoeDsa = ModelFamily(
        name: "GlmMoeDsa", architecture: "glm-dsa", classes: ["GlmMoeDsaForCausalLM"],
        // transformers: GlmMoeDsaConfig
        defaults: [
            .integer("vocab_size", 154880), .integer("hidden_size", 6144),
            .integer("intermediate_size", 12288), .integer("moe_intermediate_size", 2048),
            .integer("num_hidden_layers", 78), .integer("num_attention_heads", 64),
            .integer("num_key_value_heads", 64),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("n_shared_experts", 1), .same("n_routed_experts", as: "num_local_experts"),
            .integer("n_routed_experts", 256), .real("routed_scaling_factor", 2.5),
            .integer("kv_lora_rank", 512), .integer("q_lora_rank", 2048),
            .integer("qk_rope_head_dim", 64), .integer("v_head_dim", 256),
            .integer("qk_nope_head_dim", 192), .integer("n_group", 1), .integer("topk_group", 1),
            .integer("num_experts_per_tok", 8), .denseLayers(standard: 3),
            .boolean("norm_topk_prob", true), .integer("max_position_embeddings", 202752),
            .real("rms_norm_eps", 1e-5), .real("rope_theta", 10000),
            .replacement("head_dim", by: "qk_rope_head_dim"),
        ] + .indexer(heads: 32),
        keys: .common + .latentAttention + [.statedPredictors] + .indexer + [
            .entries { configuration in
                guard let types = configuration["indexer_types"]?.array else { return [] }
                return [
                    .init(
                        "{arch}.attention.indexer.types", .bools(types.map { $0.text == "full" }))
                ]
            }
        ],
        tensors: [
            .latentDecoder, .routedExperts(correction: .required, shared: .required), .indexer,
            .predictorModules,
        ],
        checkpoint: .init(multiTokenPrediction: .kept),
        rotary: .yarnOrDynamic,
        checks: .latentAttention + [.denseLayersFirst],
        tokenizer: .init(roles: glm4MoeRoles),
        export: .latentAttention(
            modelType: "glm_moe_dsa", words: indexerWords, fits: { _ in true },
            computed: { source in
                var entries = source.networkTypes + source.predictedLayers
                if case .bools(let types)? = source.value("attention.indexer.types") {
                    entries.append(
                        ("indexer_types", .array(types.map { .text($0 ? "full" : "shared") })))
                }
                return entries
            }),
        decoder: .sparseLatentAttention)
}
