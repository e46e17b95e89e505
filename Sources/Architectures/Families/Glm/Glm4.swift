import TensorCore

extension ModelFamily {
    /// GLM-4 of 2025 (0414): norms before and after attention and feed-forward network, gate and up
    /// from one matrix, half of each head rotated.
    public static let glm4 = ModelFamily(
        name: "Glm4",
        architecture: "glm4",
        classes: ["Glm4ForCausalLM"],
        // transformers: Glm4Config
        defaults: [
            .integer("vocab_size", 151552), .integer("hidden_size", 4096),
            .integer("intermediate_size", 13696), .integer("num_hidden_layers", 40),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 2),
            .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1.5625e-7),
            .integer("head_dim", 128), .real("rope_theta", 10000),
            .real("partial_rotary_factor", 0.5),
        ],
        keys: .common + [.partialRotaryDimension],
        tensors: [
            .ends(),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                .norm("post_self_attn_layernorm", "post_attention_norm"),
                .norm("post_attention_layernorm", "ffn_norm"),
                .norm("post_mlp_layernorm", "post_ffw_norm"),
                .stackedNetwork, .attention(biases: .optional)),
        ],
        checks: [.activation(.silu)],
        tokenizer: .init(roles: [
            .init("eos", "<|endoftext|>"), .init("eot", "<|user|>"), .init("unk", "<|endoftext|>"),
            .init("bos", "<|endoftext|>"),
        ]),
        export: .init(
            modelType: "glm4", presence: [("blk.0.attn_q.bias", "attention_bias")],
            rotaryShare: "partial_rotary_factor"),
        // Norms before and after, stacked gate and up, half of every head turns; with sections of the
        // rotation (GLM-4.1V) by halves.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let hasSections = model.metadata[model.key("rope.dimension_sections")] != nil
            return try model.decoder(
                .init(
                    pairing: hasSections ? .halves : .interleaved, hasPostNorms: true,
                    network: .stacked))
        })

}

extension MetadataRule {
    /// The part of a head that turns, where half of it does unless the configuration says another.
    static let partialRotaryDimension = MetadataRule.count("rope.dimension_count") {
        configuration throws(ArchitectureError) in
        let share = try RotaryParameters(configuration).partialFactor ?? 0.5
        return try configuration.rotaryDimension(ofHeadShare: share)
    }
}
