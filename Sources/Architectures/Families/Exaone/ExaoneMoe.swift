import TensorCore

extension ModelFamily {
    /// K-EXAONE: EXAONE 4's attention behind norms, and DeepSeek V3's experts after dense layers.
    public static let exaoneMoe = ModelFamily(
        name: "ExaoneMoe", architecture: "exaone-moe",
        classes: ["ExaoneMoeForCausalLM", "ExaoneMoEForCausalLM"],
        // transformers: ExaoneMoeConfig
        defaults: [
            .integer("vocab_size", 102400), .integer("hidden_size", 4096),
            .integer("intermediate_size", 16384), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 32),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .integer("sliding_window", 4096),
            .integer("moe_intermediate_size", 1024), .same("num_experts", as: "num_local_experts"),
            .integer("num_experts", 64), .integer("num_experts_per_tok", 8),
            .integer("num_shared_experts", 1), .boolean("norm_topk_prob", true),
            .real("routed_scaling_factor", 2.5), .integer("n_group", 1),
            .integer("topk_group", 1), .text("scoring_func", "sigmoid"),
            .denseLayers(standard: 1),
        ],
        keys: .common + .exaoneWindows + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_count", "num_shared_experts"),
            .size(
                "expert_shared_feed_forward_length",
                .key("moe_intermediate_size") * .key("num_shared_experts")),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .flag("expert_weights_norm", "norm_topk_prob"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .count("nextn_predict_layers") { $0.predictorCount }, .noRotaryScaling,
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .headNorms(), .attention()),
            .blocks(where: !.exaoneExperts, .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .exaoneExperts,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("gate.e_score_correction_bias", "exp_probs_b.bias", [.experts]),
                .gatedNetwork(
                    "shared_experts",
                    width: .key("moe_intermediate_size") * .key("num_shared_experts"),
                    suffix: "_shexp"),
                .experts(width: .key("moe_intermediate_size"))),
            .predictorModules,
        ],
        checkpoint: .init(
            spellings: [
                .init(".mlp.e_score_correction_bias", means: ".mlp.gate.e_score_correction_bias")
            ], multiTokenPrediction: .mtpLayers),
        rotary: .llama3,
        checks: [.activation(.silu), .denseLayersFirst],
        export: .init(
            modelType: "exaone_moe",
            words: [
                "expert_shared_count": "num_shared_experts",
                "expert_shared_feed_forward_length": nil, "expert_weights_norm": "norm_topk_prob",
            ], computed: { $0.networkTypes }),
        // Blocks without a window know no positions, where others have one.
        decoder: .exaone(
            .init(
                pairing: .halves, headNorms: .head, windowPeriod: 4,
                experts: .init(scoring: .sigmoid, normalisesWeights: true, shared: .stated))))
}

extension TensorRule.Condition {
    /// The layers with experts; one that predicts further tokens has a dense network.
    fileprivate static let exaoneExperts = sparseAfterFirst && !predictsFurther
}
