import TensorCore

extension ModelFamily {
    /// NVIDIA's Nemotron 3/4 and Minitron: layer norms stored as the difference from 1, a plain
    /// network with a squared ReLU, partial rotation.
    public static let nemotron = ModelFamily(
        name: "Nemotron",
        architecture: "nemotron",
        classes: ["NemotronForCausalLM"],
        // transformers: NemotronConfig
        defaults: [
            .integer("vocab_size", 256000), .integer("hidden_size", 6144),
            .integer("intermediate_size", 24576), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 48),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .integer("max_position_embeddings", 4096), .real("norm_eps", 1e-5),
            .real("rope_theta", 10000), .real("partial_rotary_factor", 0.5),
        ],
        keys: .common + [
            .count("vocab_size", "vocab_size"),
            .number(
                "attention.layer_norm_epsilon", "layer_norm_eps", "layer_norm_epsilon",
                "norm_epsilon", "norm_eps"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                let share = try RotaryParameters(configuration).partialFactor ?? 0.5
                let heads = try configuration.numAttentionHeads()
                // Minitron's heads have a size of their own.
                return try configuration.headDim() == configuration.hiddenSize() / heads
                    ? configuration.rotaryDimension(ofWidthShare: share)
                    : configuration.rotaryDimension(ofHeadShare: share)
            },
            .entries { configuration throws(ArchitectureError) in
                var factor = try configuration.number(["factor"])
                if factor == nil { factor = try RotaryParameters(configuration).number("factor") }
                let prefix = "{arch}.rope.scaling."
                guard let factor else { return [.init(prefix + "type", .string("none"))] }
                return [
                    .init(prefix + "type", .string("linear")),
                    .init(prefix + "factor", .float32(Float(factor))),
                ]
            },
        ],
        tensors: [
            .ends(normBias: .required, normTransform: .plusOne),
            .blocks(
                .preNorms(bias: .required, transform: .plusOne),
                .attention(biases: .optional, outputBias: .optional),
                .plainNetwork("mlp.up_proj", "mlp.down_proj", bias: .optional)),
        ],
        rotary: .init(["default", "linear", "dynamic"]),
        checks: [.activation(["relu2"])],
        tokenizer: .init(keys: { _ in
            [
                .init("tokenizer.ggml.padding_token_id", .uint32(0)),
                .init("tokenizer.ggml.unknown_token_id", .uint32(1)),
            ]
        }),
        export: .init(
            modelType: "nemotron", words: ["attention.layer_norm_epsilon": "norm_eps"],
            constants: [("hidden_act", .text("relu2"))],
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"), ("blk.0.ffn_up.bias", "mlp_bias"),
            ], rotaryShare: "partial_rotary_factor"),
        // Layer norms, part of every head turns, a squared ReLU without a gate. (The converter
        // adds the 1 to the weights of norms.)
        decoder: .blocks(
            .init(pairing: .halves, norm: .layer, network: .plain, activation: .reluSquared)))

}
