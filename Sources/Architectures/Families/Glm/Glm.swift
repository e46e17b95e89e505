import TensorCore

extension ModelFamily {
    /// GLM-4 of 2024 (9B) as transformers has it: gate and up from one matrix, half of each head
    /// rotated.
    public static let glm = ModelFamily(
        name: "Glm",
        architecture: "chatglm",
        classes: ["GlmForCausalLM"],
        // transformers: GlmConfig
        defaults: [
            .integer("vocab_size", 151552), .integer("hidden_size", 4096),
            .integer("intermediate_size", 13696), .integer("num_hidden_layers", 40),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 2),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("head_dim", 128), .integer("max_position_embeddings", 131072),
            .real("rms_norm_eps", 1.5625e-7), .real("rope_theta", 10000),
        ],
        keys: [
            .count("context_length", "seq_length", "max_position_embeddings"),
            .count("embedding_length", "hidden_size"),
            .count("feed_forward_length", "intermediate_size"),
            .blockCount,
            .count("attention.head_count", "num_attention_heads"),
            .count("attention.head_count_kv", "num_key_value_heads"),
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            .fileType, .partialRotaryDimension,
            .entries { _ in [.init("tokenizer.ggml.add_bos_token", .bool(false))] },
            .rotaryBase,
        ],
        tensors: [.ends(), .blocks(.preNorms(), .stackedNetwork, .attention(biases: .optional))],
        rotary: .unscaled,
        checks: [.activation(.silu), .headsShareWidth],
        tokenizer: .init(roles: [
            .init("eos", "<|endoftext|>"), .init("eot", "<|user|>"), .init("unk", "<|endoftext|>"),
        ]),
        export: .init(
            modelType: "glm", presence: [("blk.0.attn_q.bias", "attention_bias")],
            rotaryShare: "partial_rotary_factor",
            computed: { source in source.headLength.map { [("head_dim", .integer($0))] } ?? [] }),
        // Stacked gate and up, half of every head turns.
        decoder: .blocks(.init(pairing: .interleaved, network: .stacked)))

}
