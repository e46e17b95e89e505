import TensorCore

extension ModelFamily {
    /// EXAONE 3 and 3.5: Llama's shape under the names of GPT-2.
    public static let exaone = ModelFamily(
        name: "Exaone",
        architecture: "exaone",
        classes: ["ExaoneForCausalLM"],
        // transformers: ExaoneConfig, and the model's own, which has other words
        defaults: [
            .integer("vocab_size", 102400), .integer("hidden_size", 2048),
            .same("num_hidden_layers", as: "num_layers"), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .computed("intermediate_size") { configuration in
                guard configuration["intermediate_size"] == nil,
                    let width = configuration["hidden_size"]?.integer, (0..<(1 << 40)) ~= width
                else { return nil }
                return .integer(4 * width)
            },
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .integer("max_position_embeddings", 2048),
            // The norms are RMS norms, whatever the word.
            .same("rms_norm_eps", as: "layer_norm_epsilon"), .real("rms_norm_eps", 1e-5),
            .computed("layer_norm_epsilon") { _ in .null }, .real("rope_theta", 10000),
        ],
        keys: .common + [
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                let share = try RotaryParameters(configuration).partialFactor ?? 1
                return try configuration.rotaryDimension(share: share)
            }
        ],
        tensors: [
            .ends("transformer.wte", norm: "transformer.ln_f"),
            .blocks(
                of: "transformer.h.{bid}.", .norm("ln_1", "attn_norm"), .norm("ln_2", "ffn_norm"),
                .init("attn.attention.q_proj", "attn_q", [.queryHeads, .hidden]),
                .init("attn.attention.k_proj", "attn_k", [.keyValueHeads, .hidden]),
                .init("attn.attention.v_proj", "attn_v", [.keyValueHeads, .hidden]),
                .init("attn.attention.out_proj", "attn_output", [.hidden, .queryHeads]),
                .init("mlp.c_fc_0", "ffn_gate", [.feedForward, .hidden]),
                .init("mlp.c_fc_1", "ffn_up", [.feedForward, .hidden]),
                .init("mlp.c_proj", "ffn_down", [.hidden, .feedForward])),
        ],
        rotary: .llama3,
        checks: [
            .refused(
                .activation(.silu, at: "hidden_act", "activation_function"),
                .number("partial_rotary_factor", 1))
        ],
        decoder: .blocks(.init(pairing: .halves)))
}
