import TensorCore

extension ModelFamily {
    /// GLM-4.5 and its successors: a third norm less than GLM-4, DeepSeek V3's experts, and layers
    /// behind the last that predict further tokens, which are blocks of the file.
    public static let glm4Moe = ModelFamily(
        name: "Glm4Moe",
        architecture: "glm4moe",
        classes: ["Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration"],
        // transformers: Glm4MoeConfig
        defaults: .ofType(
            "glm4v_moe_text",
            values: [
                "vocab_size": .integer(151_424), "max_position_embeddings": .integer(65536),
            ]) + [
                .integer("vocab_size", 151552), .integer("hidden_size", 4096),
                .integer("intermediate_size", 10944), .integer("num_hidden_layers", 46),
                .integer("num_attention_heads", 96), .integer("num_key_value_heads", 8),
                .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-5),
                .integer("moe_intermediate_size", 1408), .integer("num_experts_per_tok", 8),
                .integer("n_shared_experts", 1), .same("n_routed_experts", as: "num_local_experts"),
                .integer("n_routed_experts", 128), .real("routed_scaling_factor", 1),
                .integer("n_group", 1), .integer("topk_group", 1),
                .integer("first_k_dense_replace", 1), .boolean("norm_topk_prob", true),
                .same("num_nextn_predict_layers", as: "num_mtp_layers"),
                .integer("num_nextn_predict_layers", 1), .real("rope_theta", 10000),
                .real("partial_rotary_factor", 0.5),
            ],
        keys: .glm4Moe,
        tensors: [
            .ends(),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                .norm("post_attention_layernorm", "post_attention_norm"),
                .headNorms(presence: .optional), .attention(biases: .optional)),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()), .routedExperts(),
            .predictorModules,
        ],
        checkpoint: .init(multiTokenPrediction: .kept),
        checks: [.activation(.silu)],
        tokenizer: .init(roles: glm4MoeRoles),
        export: .init(
            modelType: "glm4_moe",
            words: [
                "expert_count": "n_routed_experts", "expert_weights_norm": "norm_topk_prob",
                "nextn_predict_layers": "num_nextn_predict_layers",
            ],
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"),
                ("blk.0.attn_q_norm.weight", "use_qk_norm"),
            ], rotaryShare: "partial_rotary_factor",
            fits: { $0.tokenizer("eom_token_id") != nil },
            computed: { source in
                let further = source.integer("nextn_predict_layers") ?? 0
                guard let count = source.integer("block_count"), count > further else { return [] }
                return [("num_hidden_layers", .integer(count - further))]
            }),
        // GLM-4.5: biases, norms of heads in the large model, DeepSeek-V3's experts after dense
        // blocks.
        decoder: .glm4Moe)

    /// The parts of GLM's tokens from 4.5 on.
    static let glm4MoeRoles: [TokenizerRules.TokenRole] = [
        .init("bos", "[gMASK]"), .init("eot", "<|user|>"), .init("unk", "<|endoftext|>"),
        .init("eom", "<|observation|>"),
    ]

}

extension [MetadataRule] {
    /// The keys of GLM-4.5 and what is built like it.
    static let glm4Moe: Self =
        .common + [
            .partialRotaryDimension,
            .count("expert_count", "n_routed_experts"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_count", "n_shared_experts"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .constant("expert_gating_func", .uint32(2)),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .flag("expert_weights_norm", "norm_topk_prob"),
            .count("nextn_predict_layers", "num_nextn_predict_layers"),
        ]
}

extension DecoderRule {
    /// Biases, norms of heads in the large model, DeepSeek V3's experts after dense blocks.
    static let glm4Moe = blocks(
        .init(
            pairing: .halves, headNorms: .head, headNormsMayMiss: true,
            feedForwardNorm: "post_attention_norm",
            experts: .init(scoring: .sigmoid, normalisesWeights: true, shared: .stated)))
}
