import TensorCore

extension ModelFamily {
    /// MiniMax M2: norms over all queries and all keys, a part of every head turns, experts rated by
    /// sigmoids with a correction that decides the choice alone.
    public static let miniMaxM2 = ModelFamily(
        name: "MiniMaxM2",
        architecture: "minimax-m2",
        classes: ["MiniMaxM2ForCausalLM"],
        // transformers: MiniMaxM2Config
        defaults: [
            .integer("vocab_size", 200064), .integer("hidden_size", 3072),
            .integer("intermediate_size", 1536), .integer("num_hidden_layers", 62),
            .integer("num_attention_heads", 48), .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("head_dim", 128), .integer("max_position_embeddings", 196_608),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 5_000_000),
            .integer("num_experts_per_tok", 8), .same("num_local_experts", as: "num_experts"),
            .integer("num_local_experts", 256), .text("scoring_func", "sigmoid"),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "intermediate_size"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                if let count = try configuration.integer("rotary_dim") { return count }
                let share = try RotaryParameters(configuration).partialFactor ?? 1
                return try configuration.rotaryDimension(ofHeadShare: share)
            },
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .headNorms(wholeRows: true), .attention()),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.",
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("e_score_correction_bias", "exp_probs_b.bias", [.experts]),
                .experts(.numbered, width: .feedForward)),
        ],
        checkpoint: .init(spellings: [.init(".mlp.", means: ".block_sparse_moe.")]),
        checks: [.activation(.silu)],
        export: .init(
            modelType: "minimax_m2",
            words: [
                "expert_count": "num_local_experts", "expert_feed_forward_length": nil,
                "rope.dimension_count": "rotary_dim",
            ],
            computed: { source in
                source.integer("expert_gating_func") == 2
                    ? [("scoring_func", .text("sigmoid"))] : []
            }),
        // Qwen 3's block with norms over whole rows and DeepSeek-V3's choice of experts.
        decoder: .blocks(
            .init(
                pairing: .halves, headNorms: .row,
                experts: .init(scoring: .sigmoid, normalisesWeights: true))))

}
