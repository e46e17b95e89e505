import TensorCore

extension ModelFamily {
    /// Qwen 3: Qwen 2 with norms on queries and keys instead of biases, and heads of a size of
    /// their own.
    public static let qwen3 = ModelFamily(
        name: "Qwen3",
        architecture: "qwen3",
        classes: [
            "Qwen3ForCausalLM", "Qwen3Model",
            // The language model of Step3-VL 10B, which also takes pictures.
            "StepVLForConditionalGeneration",
        ],
        // transformers: Qwen3Config
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 4096),
            .integer("intermediate_size", 22016), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 32),
            .integer("head_dim", 128), .integer("max_position_embeddings", 32768),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .boolean("use_sliding_window", false),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: .common + .pooling,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .headNorms(), .attention(biases: .optional, outputBias: .optional),
                .gatedNetwork()),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .lostSlidingWindow],
        export: .init(
            modelType: "qwen3", presence: [("blk.0.attn_q.bias", "attention_bias")],
            textOf: ["qwen3vl"]),
        // An RMS norm of every query and key head, rotation of halves, heads whose length need not
        // be the width over their number.
        decoder: .blocks(.init(pairing: .halves, headNorms: .head)))
}
