import TensorCore

extension ModelFamily {
    /// Ling 2 and Ring 2 (BailingMoE 2): norms of heads, a part of which turns, DeepSeek V3's experts
    /// after dense layers.
    public static let bailingMoe2 = ModelFamily(
        name: "BailingMoe2", architecture: "bailingmoe2", classes: ["BailingMoeV2ForCausalLM"],
        // The model's own code: BailingMoeV2Config
        defaults: .bailingMoe2,
        keys: .bailingMoe2 { configuration throws(ArchitectureError) in
            let share = try RotaryParameters(configuration).partialFactor ?? 0.5
            return try configuration.rotaryDimension(ofHeadShare: share)
        },
        tensors: .bailingMoe2(),
        checkpoint: .init(multiTokenPrediction: .kept),
        rotary: .yarnOrDynamic,
        checks: .bailingMoe2,
        decoder: .bailingMoe2)
}

extension [ConfigurationDefault] {
    /// What Ling 2 assumes.
    static let bailingMoe2: Self = [
        .integer("vocab_size", 157184), .integer("hidden_size", 2048),
        .integer("intermediate_size", 5120), .integer("num_hidden_layers", 20),
        .integer("num_attention_heads", 16), .integer("num_key_value_heads", 4),
        .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
        .real("rope_theta", 600_000), .integer("num_experts", 256),
        .integer("num_shared_experts", 1), .integer("num_experts_per_tok", 8),
        .integer("n_group", 8), .integer("topk_group", 4),
        .integer("moe_intermediate_size", 512), .integer("first_k_dense_replace", 1),
        .real("routed_scaling_factor", 2.5), .boolean("norm_topk_prob", true),
        .real("partial_rotary_factor", 0.5), .text("score_function", "sigmoid"),
    ]
}

extension [MetadataRule] {
    /// The keys of Ling 2's files.
    ///
    /// - Parameter turned: How many elements of a head turn.
    static func bailingMoe2(
        turned: @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> Int
    ) -> Self {
        .common + [
            .count("rope.dimension_count", turned),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .count("vocab_size", "vocab_size"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .size("expert_shared_feed_forward_length", .bailingShared),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .count("expert_shared_count", "num_shared_experts"),
            .flag("expert_weights_norm", "norm_topk_prob"),
            .count("nextn_predict_layers", "num_nextn_predict_layers"),
        ]
    }
}

extension TensorModules {
    /// The tensors of Ling 2.
    ///
    /// - Parameter biasChange: What is done to the numbers that experts are chosen with.
    static func bailingMoe2(biasChange: ValueChange = .none) -> Self {
        [
            .ends("model.word_embeddings"),
            .blocks(
                .preNorms(), .headNorms("attention.query_layernorm", "attention.key_layernorm"),
                .init(
                    "attention.query_key_value", "attn_qkv",
                    [.queryHeads + 2 * .keyValueHeads, .hidden]),
                .init("attention.dense", "attn_output", [.hidden, .queryHeads])),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .sparseAfterFirst,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor(
                    "gate.expert_bias", "exp_probs_b.bias", [.experts], change: biasChange,
                    presence: .optional),
                .gatedNetwork("shared_experts", width: .bailingShared, suffix: "_shexp"),
                .experts(width: .key("moe_intermediate_size"))),
            .predictorModules,
            .blocks(where: .predictsFurther, .norm("final_layernorm", "layer_output_norm")),
        ]
    }
}

extension [ConfigurationCheck] {
    /// What files of Ling 2 take for granted.
    static let bailingMoe2: Self = [
        .activation(.silu), .needing("use_qk_norm"), .without("use_bias", "use_qkv_bias"),
    ]
}

extension DecoderRule {
    /// Norms of heads, a part of which turns, and experts chosen by sigmoids.
    static let bailingMoe2 = blocks(
        .init(
            pairing: .halves, headNorms: .head,
            experts: .init(scoring: .sigmoid, normalisesWeights: false, shared: .stated)))
}

extension Dimension {
    /// The width of the network that every token passes.
    fileprivate static let bailingShared = Dimension.key(
        "moe_shared_expert_intermediate_size",
        or: .key("moe_intermediate_size") * .key("num_shared_experts"))
}
