import TensorCore

extension ModelFamily {
    /// The language model of Qwen 3-VL: Qwen 3 whose rotation has sections, and whose first layers
    /// take features of pictures.
    public static let qwen3VL = ModelFamily(
        name: "Qwen3VL",
        architecture: "qwen3vl",
        classes: ["Qwen3VLForConditionalGeneration"],
        // transformers: Qwen3VLTextConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 4096),
            .integer("intermediate_size", 22016), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("head_dim", 128), .integer("max_position_embeddings", 128_000),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 500_000),
        ],
        keys: .common + [.deepstackLayers],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .headNorms(), .attention(biases: .optional, outputBias: .optional),
                .gatedNetwork()),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu)],
        decoder: .blocks(.init(pairing: .halves, headNorms: .head)))
}

extension MetadataRule {
    /// How many layers take features of pictures; three where the configuration does not say.
    static let deepstackLayers = MetadataRule.count("n_deepstack_layers") { configuration in
        configuration["vision_config"]?["deepstack_visual_indexes"]?.array?.count ?? 3
    }
}
