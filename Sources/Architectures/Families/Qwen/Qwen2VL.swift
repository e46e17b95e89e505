import TensorCore

extension ModelFamily {
    /// The language model of Qwen 2-VL and 2.5-VL: Qwen 2 whose rotation has sections for time,
    /// height and width; in text all three are the position.
    public static let qwen2VL = ModelFamily(
        name: "Qwen2VL",
        architecture: "qwen2vl",
        classes: [
            "Qwen2VLForConditionalGeneration", "Qwen2VLModel",
            "Qwen2_5_VLForConditionalGeneration", "Qwen2_5OmniModel",
            "Qwen2_5OmniForConditionalGeneration",
        ],
        // transformers: Qwen2VLTextConfig, Qwen2_5_VLTextConfig
        defaults: [
            .integer("vocab_size", 152064), .integer("hidden_size", 8192),
            .integer("intermediate_size", 29568), .integer("num_hidden_layers", 80),
            .integer("num_attention_heads", 64), .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 1_000_000), .boolean("use_sliding_window", false),
        ],
        keys: .common,
        tensors: [.ends(), .blocks(.preNorms(), .attention(biases: .required), .gatedNetwork())],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .lostSlidingWindow],
        decoder: .blocks(.init(pairing: .halves)))
}
