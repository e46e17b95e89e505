import TensorCore

extension ModelFamily {
    /// gpt-oss: experts with biases, attention sinks, windows in every other layer.
    ///
    /// The experts of the published checkpoints are MXFP4 and stay MXFP4, bit for bit; unpacked
    /// ones become what the rest of the file is. Gate and up are interleaved, column by column.
    public static let gptOss = ModelFamily(
        name: "GptOss",
        architecture: "gpt-oss",
        classes: ["GptOssForCausalLM"],
        // transformers: GptOssConfig
        defaults: [
            .integer("vocab_size", 201088), .integer("hidden_size", 2880),
            .integer("intermediate_size", 2880), .integer("num_hidden_layers", 36),
            .integer("num_attention_heads", 64), .integer("num_key_value_heads", 8),
            .integer("head_dim", 64), .integer("max_position_embeddings", 131072),
            .real("rms_norm_eps", 1e-5), .real("rope_theta", 150_000),
            .integer("num_experts_per_tok", 4), .same("num_local_experts", as: "num_experts"),
            .integer("num_local_experts", 128), .integer("sliding_window", 128),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .computed("rope_scaling") { configuration in
                configuration["rope_parameters"] == nil ? usualScaling : nil
            },
        ],
        keys: .common + [
            .count("attention.sliding_window", "sliding_window"),
            .count("expert_feed_forward_length", "intermediate_size"),
            .slidingLayers(unlessEvery: 2),
        ],
        tensors: decoder + packedExperts + experts,
        checkpoint: .init(packedMethods: ["mxfp4"]),
        rotary: .yarnOrDynamic,
        checks: [.number("swiglu_alpha", 1.702), .number("swiglu_limit", 7)],
        export: .init(
            modelType: "gpt_oss",
            words: ["expert_count": "num_local_experts", "expert_feed_forward_length": nil],
            // The bounds of the blend are not rounded to whole pairs, as this class is published.
            scalingConstants: [("truncate", .bool(false))]),
        // Gpt-oss: sinks in attention, sliding windows in every other block, experts with biases
        // and a clamped activation, and YaRN whose blend starts and ends between pairs.
        decoder: .blocks(
            .init(
                pairing: .halves, feedForwardNorm: "post_attention_norm", windowPeriod: 2,
                experts: .init(
                    scoring: .softmaxOfChosen, normalisesWeights: false,
                    activation: .clampedSwiGLU(alpha: 1.702, limit: 7)))
        ) { _, index, block in
            block.attention.sinks = "blk.\(index).attn_sinks.weight"
            block.attention.rotary?.yarn?.truncates = false
        })

    private static let usualScaling = JSON.object([
        .init(key: "rope_type", value: .string("yarn")),
        .init(key: "factor", value: .real(32)),
        .init(key: "beta_fast", value: .real(32)),
        .init(key: "beta_slow", value: .real(1)),
        .init(key: "original_max_position_embeddings", value: .integer(4096)),
    ])

    private static let layer = "model.layers.{bid}."
    private static let stack = "blk.{bid}.ffn_"

    private static let decoder: [TensorRule] = {
        let attention = layer + "self_attn."
        let block = "blk.{bid}."
        var rules: [TensorRule] = [
            .init("model.embed_tokens.weight", "token_embd.weight", [.vocabulary, .hidden]),
            .init("model.norm.weight", "output_norm.weight", [.hidden]),
            .init("lm_head.weight", "output.weight", [.vocabulary, .hidden], presence: .optional),
            .init(layer + "input_layernorm.weight", block + "attn_norm.weight", [.hidden]),
            .init(
                layer + "post_attention_layernorm.weight", block + "post_attention_norm.weight",
                [.hidden]),
            .init(attention + "sinks", block + "attn_sinks.weight", [.headCount]),
        ]
        for (source, name, shape) in [
            ("self_attn.q_proj", "attn_q", [Dimension.queryHeads, .hidden]),
            ("self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden]),
            ("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden]),
            ("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
        ] {
            rules += .projection(layer + source, block + name, shape, bias: .optional)
        }
        return rules
            + .projection(
                layer + "mlp.router", block + "ffn_gate_inp", [.experts, .hidden], bias: .required)
    }()

    /// Codes and exponents of blocks of 32 values.
    private static let packedExperts: [TensorRule] = {
        let experts = layer + "mlp.experts."
        func sources(_ name: String, rows: Dimension, columns: Dimension) -> [TensorRule.Source] {
            [
                .init(experts + name + "_blocks", [.experts, rows, columns / 32, 16]),
                .init(experts + name + "_scales", [.experts, rows, columns / 32]),
            ]
        }
        let rows: [Dimension] = [.experts, .feedForward, 2]
        return [
            TensorRule(
                sources("down_proj", rows: .hidden, columns: .feedForward),
                into: [
                    .init(
                        stack + "down_exps.weight", [.experts, .hidden, .feedForward],
                        values: .mxfp4(codes: 0, exponents: 1, rows: nil))
                ], presence: .optional, isLeading: true),
            TensorRule(
                sources("gate_up_proj", rows: 2 * .feedForward, columns: .hidden),
                into: ["gate", "up"].enumerated().map { index, name in
                    .init(
                        "\(stack)\(name)_exps.weight", [.experts, .feedForward, .hidden],
                        values: .mxfp4(
                            codes: 0, exponents: 1,
                            rows: .part(of: rows, axis: 2, from: .constant(index))))
                }, presence: .optional, isLeading: true),
        ]
    }()

    /// Unpacked matrices, stored with a column for each output; and the biases.
    private static let experts: [TensorRule] = {
        let experts = layer + "mlp.experts."
        let columns: [Dimension] = [.experts, .hidden, .feedForward, 2]
        let biases: [Dimension] = [.experts, .feedForward, 2]
        let down: [Dimension] = [.experts, .feedForward, .hidden]
        return [
            TensorRule(
                [.init(experts + "down_proj", down)],
                into: [
                    .init(
                        stack + "down_exps.weight", [.experts, .hidden, .feedForward],
                        [.init(0, TensorView(as: down, order: [0, 2, 1]))])
                ]),
            TensorRule(
                experts + "down_proj_bias", stack + "down_exps.bias", [.experts, .hidden]),
            TensorRule(
                [.init(experts + "gate_up_proj", [.experts, .hidden, 2 * .feedForward])],
                into: ["gate", "up"].enumerated().map { index, name in
                    .init(
                        "\(stack)\(name)_exps.weight", [.experts, .feedForward, .hidden],
                        [
                            .init(
                                0,
                                .part(
                                    of: columns, axis: 3, from: .constant(index),
                                    order: [0, 2, 3, 1]))
                        ])
                }),
            TensorRule(
                [.init(experts + "gate_up_proj_bias", [.experts, 2 * .feedForward])],
                into: ["gate", "up"].enumerated().map { index, name in
                    .init(
                        "\(stack)\(name)_exps.bias", [.experts, .feedForward],
                        [.init(0, .part(of: biases, axis: 2, from: .constant(index)))])
                }),
        ]
    }()
}
