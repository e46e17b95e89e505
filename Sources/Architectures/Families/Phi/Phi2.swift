import TensorCore

extension ModelFamily {
    /// Phi 1, 1.5 and 2: attention and a plain GELU network side by side after one layer norm,
    /// biases everywhere, partial rotation.
    public static let phi2 = ModelFamily(
        name: "Phi2",
        architecture: "phi2",
        classes: ["PhiForCausalLM"],
        // transformers: PhiConfig
        defaults: [
            .integer("vocab_size", 51200), .integer("hidden_size", 2048),
            .integer("intermediate_size", 8192), .integer("num_hidden_layers", 24),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("layer_norm_eps", 1e-5),
            .real("rope_theta", 10000), .real("partial_rotary_factor", 0.5),
        ],
        keys: [
            .count("context_length", "n_positions", "max_position_embeddings"),
            .count("embedding_length", "hidden_size", "n_embd"),
            .count("feed_forward_length", "intermediate_size"),
            .blockCount,
            .count("attention.head_count", "num_attention_heads", "n_head"),
            .count("attention.head_count_kv", "num_key_value_heads"),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon", "layer_norm_eps"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                let share = try RotaryParameters(configuration).partialFactor ?? 0.5
                return try configuration.rotaryDimension(ofWidthShare: share)
            },
            .unusualRotaryBase,
            .fileType,
            .entries { _ in [.init("tokenizer.ggml.add_bos_token", .bool(false))] },
        ],
        tensors: [
            .ends(norm: "model.final_layernorm", normBias: .required, outputBias: .optional),
            .blocks(
                .norm("input_layernorm", "attn_norm", bias: .required),
                .attention(output: "self_attn.dense", biases: .required, outputBias: .required),
                .plainNetwork("mlp.fc1", "mlp.fc2", bias: .required)),
        ],
        rotary: .unscaledOrDynamic,
        checks: [.activation(["gelu_new", "gelu_pytorch_tanh", "gelu"]), .headsShareWidth],
        export: .init(
            modelType: "phi", rotaryShare: "partial_rotary_factor"),
        // Attention and network side by side behind one layer norm, biases everywhere, part of
        // every head turns.
        decoder: .blocks(
            .init(
                pairing: .halves, norm: .layer, arrangement: .parallel, network: .plain,
                activation: .geluTanh)))
}
