import TensorCore

extension ModelFamily {
    /// ByteDance's Seed-OSS: Llama's shape with biases on queries, keys and values.
    ///
    /// GGUF calls the norm before the feed-forward network `post_attention_norm` here.
    public static let seedOss = ModelFamily(
        name: "SeedOss",
        architecture: "seed_oss",
        classes: ["SeedOssForCausalLM"],
        // transformers: SeedOssConfig
        defaults: [
            .integer("vocab_size", 155136), .integer("hidden_size", 4096),
            .integer("intermediate_size", 27648), .integer("num_hidden_layers", 64),
            .integer("num_attention_heads", 80), .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 524_288), .real("rms_norm_eps", 1e-6),
            .integer("head_dim", 128),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .real("rope_theta", 10000),
        ],
        keys: .common,
        tensors: [
            .ends(),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                .norm("post_attention_layernorm", "post_attention_norm"),
                .attention(biases: .optional, outputBias: .optional), .gatedNetwork(bias: .optional)
            ),
        ],
        checks: [.activation(.silu)],
        export: .init(
            modelType: "seed_oss",
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"),
                ("blk.0.attn_output.bias", "attention_out_bias"),
                ("blk.0.ffn_gate.bias", "mlp_bias"),
            ]),
        // Qwen 2 whose second norm has another name.
        decoder: .blocks(.init(pairing: .halves, feedForwardNorm: "post_attention_norm")))

}
