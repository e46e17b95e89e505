import TensorCore

extension ModelFamily {
    /// RND1: Qwen 3 with experts, trained to fill in masked tokens from both sides.
    public static let rnd1 = ModelFamily(
        name: "Rnd1",
        architecture: "rnd1",
        classes: ["RND1"],
        // the model's own RND1Config
        defaults: [
            .integer("vocab_size", 151_936), .integer("hidden_size", 2048),
            .integer("intermediate_size", 6144), .integer("num_hidden_layers", 48),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 4),
            .integer("max_position_embeddings", 40960), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 1_000_000), .integer("num_experts_per_tok", 8),
            .integer("num_experts", 128), .integer("moe_intermediate_size", 768),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .constant("attention.causal", .bool(false)),
            .entries { configuration throws(ArchitectureError) in
                guard let id = try configuration.integer("mask_token_id") else { return [] }
                return [
                    .init(
                        "tokenizer.ggml.mask_token_id",
                        try configuration.uint32(id, "mask_token_id"))
                ]
            },
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .headNorms(), .attention(), .qwenExperts),
        ],
        rotary: .yarnOrDynamic,
        checks: .qwenExperts(normalizes: true),
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.decoder(
                .init(
                    pairing: .halves, headNorms: .head, seesAhead: true,
                    experts: .init(normalisesWeights: true)))
        })
}
