import TensorCore

extension ModelFamily {
    /// Snowflake Arctic: a dense network behind attention, and experts beside both, which take the
    /// layer's input.
    ///
    /// It is converted and not run.
    public static let arctic = ModelFamily(
        name: "Arctic",
        architecture: "arctic",
        classes: ["ArcticForCausalLM"],
        // the model's own ArcticConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 14336), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 4096), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 1_000_000), .integer("num_local_experts", 8),
            .integer("num_experts_per_tok", 1),
        ],
        keys: .common + [
            .count("vocab_size", "vocab_size"),
            .size("rope.dimension_count", .hidden / .headCount),
        ],
        tensors: [
            .ends(),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                .norm("residual_layernorm", "ffn_norm"),
                .norm("post_attention_layernorm", "ffn_norm_exps"),
                .attention(rotaryPairs: true),
                .init("residual_mlp.w1", "ffn_gate", [.hidden, .hidden]),
                .init("residual_mlp.w2", "ffn_down", [.hidden, .hidden]),
                .init("residual_mlp.w3", "ffn_up", [.hidden, .hidden])),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.",
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .stackedExperts(.numbered, width: .feedForward)),
        ],
        rotary: .unscaledOrDynamic,
        checks: [
            .activation(.silu), .headsShareWidth, .refused(.number("moe_layer_frequency", 1)),
            .needing("use_residual", "parallel_attn_mlp_res"),
        ])
}
