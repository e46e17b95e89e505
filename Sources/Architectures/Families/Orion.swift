import TensorCore

extension ModelFamily {
    /// Orion 14B: Llama's shape with layer norms.
    public static let orion = ModelFamily(
        name: "Orion",
        architecture: "orion",
        classes: ["OrionForCausalLM"],
        // the model's own OrionConfig
        defaults: [
            .integer("vocab_size", 84608), .integer("hidden_size", 4096),
            .integer("intermediate_size", 15360), .integer("num_hidden_layers", 40),
            .integer("num_attention_heads", 40),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 4096), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000),
        ],
        keys: [
            .fileType, .originalLayout,
            .count(
                "context_length", "max_sequence_length", "max_position_embeddings",
                "model_max_length"),
            .count("embedding_length", "hidden_size"), .blockCount,
            .count("feed_forward_length", "intermediate_size"),
            .count("attention.head_count", "num_attention_heads"),
            .count("attention.head_count_kv", "num_key_value_heads"),
            // The norms are layer norms, whatever the word.
            .number("attention.layer_norm_epsilon", "rms_norm_eps"), .unusualRotaryBase,
        ],
        tensors: [
            .ends(normBias: .required),
            .blocks(.preNorms(bias: .required), .attention(), .gatedNetwork()),
        ],
        rotary: .unscaledOrDynamic,
        checks: [.activation(.silu), .without("attention_bias"), .headsShareWidth],
        decoder: .blocks(.init(pairing: .halves, norm: .layer)))
}
