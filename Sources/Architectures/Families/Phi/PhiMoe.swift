import TensorCore

extension ModelFamily {
    /// Phi 3.5 MoE: Phi 3's rotation, layer norms, and two experts a token whose weights depend on
    /// how close the next best are.
    public static let phiMoe = ModelFamily(
        name: "PhiMoe",
        architecture: "phimoe",
        classes: ["PhiMoEForCausalLM", "PhimoeForCausalLM"],
        // transformers: PhimoeConfig
        defaults: [
            .integer("vocab_size", 32064), .integer("hidden_size", 4096),
            .integer("intermediate_size", 6400), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 131072),
            .integer("original_max_position_embeddings", 4096), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 1_000_000), .integer("num_experts_per_tok", 2),
            .same("num_local_experts", as: "num_experts"), .integer("num_local_experts", 16),
        ],
        keys: .phi3 + [
            .count("expert_used_count", "num_experts_per_tok"),
            .count("expert_count", "num_local_experts"),
        ],
        tensors: [
            .ends(normBias: .required, outputBias: .optional),
            .blocks(
                .preNorms(bias: .required), .attention(biases: .optional, outputBias: .optional)),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.",
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .experts(.numbered, width: .feedForward)),
        ],
        checkpoint: .init(spellings: [
            .init(".mlp.", means: ".block_sparse_moe."), .init(".router.", means: ".gate."),
        ]),
        rotary: .phi3(["default", "longrope", "su"]),
        checks: [
            .activation(.silu), .headsShareWidth,
            .refusing { configuration throws(ArchitectureError) in
                let rotary = try RotaryParameters(configuration)
                guard try rotary.number("short_mscale") != rotary.number("long_mscale") else {
                    return
                }
                throw configuration.inexpressible(
                    "long_mscale", found: "another than short_mscale", expected: "the same")
            }, .number("router_jitter_noise", 0.01), .count("num_experts_per_tok", 2),
        ],
        export: .init(
            modelType: "phimoe",
            words: [
                "rope.scaling.original_context_length": "original_max_position_embeddings",
                "expert_count": "num_local_experts",
            ],
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"), ("output.bias", "lm_head_bias"),
            ], magnitudeWords: ["short_mscale", "long_mscale"]),
        // Phi 3.5 MoE: Phi 3 with layer norms, whose ε the metadata have under the other norms'
        // key.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let style = DecoderStyle(
                pairing: .halves, windowPeriod: 0,
                experts: .init(scoring: .sparseMixer(tolerance: 0.02), normalisesWeights: false))
            var decoder = try model.decoder(style) { _, block in
                block.attentionNorm?.kind = .layer
                block.feedForwardNorm?.kind = .layer

            }
            decoder.outputNorm?.kind = .layer
            return decoder

        })

}
