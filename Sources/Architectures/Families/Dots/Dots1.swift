import TensorCore

extension ModelFamily {
    /// Rednote's dots.llm1: experts in all but the first layers, norms on every query and key head.
    public static let dots1 = ModelFamily(
        name: "Dots1",
        architecture: "dots1",
        classes: ["Dots1ForCausalLM"],
        // transformers: Dots1Config
        defaults: [
            .integer("vocab_size", 152064), .integer("hidden_size", 4608),
            .integer("intermediate_size", 10944), .integer("moe_intermediate_size", 1408),
            .integer("num_hidden_layers", 62), .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("n_group", 1), .integer("topk_group", 1),
            .integer("first_k_dense_replace", 0), .boolean("norm_topk_prob", false),
            .real("routed_scaling_factor", 1), .integer("max_position_embeddings", 2048),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .text("scoring_func", "sigmoid"),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .count("expert_shared_count", "n_shared_experts"),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .flag("expert_weights_norm", "norm_topk_prob"),
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .headNorms(), .attention(biases: .optional, outputBias: .optional)),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()), .routedExperts(),
        ],
        checks: [.activation(.silu), .layerTypes("full attention in all layers") { _ in false }],
        export: .init(
            modelType: "dots1",
            words: [
                "expert_count": "n_routed_experts", "expert_weights_norm": "norm_topk_prob",
            ],
            constants: [("sliding_window", .null)],
            presence: [("blk.0.attn_q.bias", "attention_bias")]),
        // Dots.llm1: Qwen 3's attention with DeepSeek-V3's experts.
        decoder: .blocks(
            .init(
                pairing: .halves, headNorms: .head,
                experts: .init(scoring: .sigmoid, normalisesWeights: false, shared: .stated))))

}
