import TensorCore

extension ModelFamily {
    /// Dream: Qwen 2.5's shape for diffusion, every token seeing all others.
    public static let dream = ModelFamily(
        name: "Dream", architecture: "dream", classes: ["DreamModel"],
        // The model's own code: DreamConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 4096),
            .integer("intermediate_size", 22016), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 32),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000),
        ],
        keys: .common + .pooling + [
            .constant("attention.causal", .bool(false)),
            .entries { configuration throws(ArchitectureError) in
                guard let token = try configuration.integer("mask_token_id") else { return [] }
                return [
                    .init(
                        "tokenizer.ggml.mask_token_id",
                        try configuration.uint32(token, "mask_token_id"))
                ]
            },
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .attention(biases: .optional), .gatedNetwork()),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .lostSlidingWindow])
}
