import TensorCore

extension ModelFamily {
    /// Maincoder: neighbouring elements turn, then every query and key head is normalised.
    public static let maincoder = ModelFamily(
        name: "Maincoder",
        architecture: "maincoder",
        classes: ["MaincoderForCausalLM"],
        // the model's own MaincoderConfig
        defaults: [
            .integer("vocab_size", 151_936), .integer("hidden_size", 1536),
            .integer("intermediate_size", 4096), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 4),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 1_000_000),
        ],
        keys: .common + [.count("rope.dimension_count", "head_dim")],
        tensors: [
            .ends(),
            .blocks(.preNorms(), .headNorms(), .attention(), .gatedNetwork()),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .without("attention_bias"), .needing("use_qk_norm")],
        decoder: .blocks(.init(pairing: .interleaved, headNorms: .head)) { _, _, block in
            block.attention.normAfterRotation = true
        })
}
