import TensorCore

extension ModelFamily {
    /// InternLM 3, which runs as Llama does.
    public static let internLM3 = ModelFamily(
        name: "InternLM3",
        architecture: "llama",
        classes: ["InternLM3ForCausalLM"],
        // the model's own InternLM3Config
        defaults: [
            .integer("vocab_size", 128512), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000),
        ],
        keys: .common + .llama,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .attention(biases: .optional, outputBias: .optional, rotaryPairs: true),
                .gatedNetwork(bias: .optional)),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu)],
        tokenizer: .init(
            prefixSpace: .amid(always: false), replacements: [.init("eos", "<|im_end|>")]),
        decoder: .llama)
}
