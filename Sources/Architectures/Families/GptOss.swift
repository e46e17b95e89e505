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
                let stated = configuration["rope_parameters"] ?? configuration["rope_scaling"]
                return stated == nil ? usualScaling : nil
            },
        ],
        keys: .common + [
            .count("attention.sliding_window", "sliding_window"),
            .count("expert_feed_forward_length", "intermediate_size"),
            .slidingLayers(unlessEvery: 2),
        ],
        tensors: [
            .ends(),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                .norm("post_attention_layernorm", "post_attention_norm"),
                .tensor("self_attn.sinks", "attn_sinks.weight", [.headCount]),
                .attention(biases: .optional, outputBias: .optional),
                .init("mlp.router", "ffn_gate_inp", [.experts, .hidden], bias: .required)),
            .blocks(of: "model.layers.{bid}.mlp.experts.", packedExperts, experts),
        ],
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

    /// Codes and exponents of blocks of 32 values.
    private static let packedExperts: TensorModules = {
        func sources(_ name: String, rows: Dimension, columns: Dimension) -> [TensorRule.Source] {
            [
                .init(name + "_blocks", [.experts, rows, columns / 32, 16]),
                .init(name + "_scales", [.experts, rows, columns / 32]),
            ]
        }
        let rows = TensorView.reshaped([.experts, .feedForward, 2])
        return [
            .tensors(
                sources("down_proj", rows: .hidden, columns: .feedForward),
                into: [
                    .init(
                        "ffn_down_exps.weight", [.experts, .hidden, .feedForward],
                        values: .mxfp4(codes: 0, exponents: 1, rows: nil))
                ], presence: .optional, isLeading: true),
            .tensors(
                sources("gate_up_proj", rows: 2 * .feedForward, columns: .hidden),
                into: ["gate", "up"].enumerated().map { index, name in
                    .init(
                        TensorPattern("ffn_\(name)_exps.weight"),
                        [.experts, .feedForward, .hidden],
                        values: .mxfp4(
                            codes: 0, exponents: 1,
                            rows: rows.narrowed(2, from: .constant(index))))
                }, presence: .optional, isLeading: true),
        ]
    }()

    /// Unpacked matrices, stored with a column for each output; and the biases.
    private static let experts: TensorModules = [
        .tensor(
            "down_proj", "ffn_down_exps.weight", [.experts, .hidden, .feedForward],
            from: [.experts, .feedForward, .hidden],
            view: .reshaped([.experts, .feedForward, .hidden]).permuted([0, 2, 1])),
        .tensor("down_proj_bias", "ffn_down_exps.bias", [.experts, .hidden]),
        .gateAndUp(
            "gate_up_proj", [.experts, .hidden, 2 * .feedForward], "ffn_{role}_exps.weight",
            [.experts, .feedForward, .hidden], as: [.experts, .hidden, .feedForward, 2], axis: 3,
            order: [0, 2, 3, 1]),
        .gateAndUp(
            "gate_up_proj_bias", [.experts, 2 * .feedForward], "ffn_{role}_exps.bias",
            [.experts, .feedForward], as: [.experts, .feedForward, 2], axis: 2),
    ]
}
