import TensorCore

extension ModelFamily {
    /// Jais 1: GPT-2's shape with a gated network, scores that fall with the distance (ALiBi), and
    /// factors that a file has multiplied into embeddings and output matrix.
    public static let jais = ModelFamily(
        name: "Jais",
        architecture: "jais",
        classes: ["JAISLMHeadModel"],
        // the model's own JAISConfig
        defaults: [
            .integer("vocab_size", 50257), .integer("n_positions", 1024), .integer("n_embd", 768),
            .integer("n_layer", 12), .integer("n_head", 12), .real("layer_norm_epsilon", 1e-5),
            .computed("n_inner") { configuration in
                guard configuration["n_inner"] == nil,
                    let width = configuration["n_embd"]?.integer, (1..<(1 << 40)) ~= width
                else { return nil }
                return .integer(4 * width)
            },
            .replacement("embeddings_scale", by: "mup_embeddings_scale"),
            .computed("width_scale") { configuration in
                guard let alpha = configuration["mup_output_alpha"]?.double,
                    let scale = configuration["mup_width_scale"]?.double
                else { return nil }
                return .real(alpha * scale)
            },
        ],
        keys: [
            .blockCount, .count("context_length", "n_positions"),
            .count("embedding_length", "n_embd"), .count("feed_forward_length", "n_inner"),
            .count("attention.head_count", "n_head"),
            .number("attention.layer_norm_epsilon", "layer_norm_epsilon"), .fileType,
        ],
        tensors: [
            .init(
                "transformer.wte", "token_embd", [.vocabulary, .hidden],
                times: [.init("embeddings_scale")]),
            .norm("transformer.ln_f", "output_norm", bias: .required),
            .init(
                "lm_head", "output", [.vocabulary, .hidden], presence: .optional,
                times: [.init("width_scale")]),
            .blocks(
                of: "transformer.h.{bid}.", .norm("ln_1", "attn_norm", bias: .required),
                .norm("ln_2", "ffn_norm", bias: .required),
                matrix("attn.c_attn", "attn_qkv", [3 * .hidden, .hidden]),
                matrix("attn.c_proj", "attn_output", [.hidden, .hidden]),
                matrix("mlp.c_fc", "ffn_up", [.key("n_inner"), .hidden]),
                matrix("mlp.c_fc2", "ffn_gate", [.key("n_inner"), .hidden]),
                matrix("mlp.c_proj", "ffn_down", [.hidden, .key("n_inner")])),
            // What the number of heads and the usual slope give.
            .ignoring("transformer.relative_pe.slopes", "transformer.h.{bid}.attn.bias"),
        ],
        rotary: .init(
            ["default"],
            leadingKeys: [.constant("attention.max_alibi_bias", .float32(8))]),
        checks: [
            .refused(
                .text("activation_function", "swiglu"), .text("position_embedding_type", "alibi")),
            .on("scale_attn_weights", "scale_qk_dot_by_d", "mup_scale_qk_dot_by_d"),
            .without("add_cross_attention"), .off("scale_attn_by_inverse_layer_idx"),
            .refusing { configuration throws(ArchitectureError) in
                for key in ["embeddings_scale", "width_scale"] where configuration[key] == nil {
                    throw configuration.fault(.missingKey, key)
                }
            },
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            let bias = try model.number("attention.max_alibi_bias") ?? 8
            return try model.decoder(.init(norm: .layer)) { _, block in
                block.attention.alibiBias = bias
                block.attention.scale = 1 / Float(block.attention.keyLength)
            }
        })

    private static func matrix(
        _ source: String, _ name: String, _ shape: [Dimension]
    ) -> TensorModules {
        .init(source, name, shape, bias: .required, transform: .transposed)
    }
}
