import TensorCore

extension ModelFamily {
    /// openPangu Embedded: Llama's shape with biases.
    public static let panguEmbedded = ModelFamily(
        name: "PanguEmbedded",
        architecture: "pangu-embedded",
        classes: ["PanguEmbeddedForCausalLM"],
        // the model's own PanguEmbeddedConfig
        defaults: [
            .integer("vocab_size", 153_376), .integer("hidden_size", 4096),
            .integer("intermediate_size", 12800), .integer("num_hidden_layers", 34),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 16_000_000),
        ],
        keys: .common + [
            .count("vocab_size", "vocab_size"), .wholeHeadTurns,
            .size("attention.key_length", .head), .size("attention.value_length", .head),
        ],
        tensors: [
            .ends(outputPresence: .unlessTied),
            .blocks(
                .preNorms(), .attention(biases: .optional, outputBias: .optional),
                .gatedNetwork()),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu)],
        tokenizer: .init(prefixSpace: .last),
        decoder: .blocks(.init(pairing: .halves)))
}
