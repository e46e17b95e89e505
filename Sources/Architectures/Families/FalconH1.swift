import TensorCore

extension ModelFamily {
    /// Falcon-H1: a state space of Mamba-2 beside attention in every layer, and factors everywhere,
    /// which a file has multiplied into its matrices.
    public static let falconH1 = ModelFamily(
        name: "FalconH1",
        architecture: "falcon-h1",
        classes: ["FalconH1ForCausalLM"],
        // transformers: FalconH1Config
        defaults: [
            .integer("vocab_size", 128000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 14336), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .integer("max_position_embeddings", 8192), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 10000), .integer("mamba_n_heads", 128),
            .integer("mamba_n_groups", 1), .integer("mamba_d_state", 256),
            .integer("mamba_d_conv", 4), .integer("mamba_expand", 2),
            .integer("mamba_d_ssm", 1024), .computed("mamba_d_ssm") { $0.falconWidth() },
            .boolean("mamba_rms_norm", false), .boolean("mamba_norm_before_gate", true),
        ],
        keys: [
            .count("context_length", "max_position_embeddings"),
            .count("embedding_length", "hidden_size"),
            .count("feed_forward_length", "intermediate_size"),
            .count("attention.head_count", "num_attention_heads"), .blockCount,
            .size("ssm.conv_kernel", falconStateSpace.kernel),
            .size("ssm.inner_size", falconStateSpace.width),
            .size("ssm.state_size", falconStateSpace.state),
            .size("ssm.time_step_rank", falconStateSpace.heads),
            .size("ssm.group_count", falconStateSpace.groups),
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"), .fileType,
            .count("vocab_size", "vocab_size"),
            .count("attention.head_count_kv", "num_key_value_heads"),
            .count("attention.key_length", "head_dim"),
            .count("attention.value_length", "head_dim"),
            .entries { configuration throws(ArchitectureError) in
                let theta = try RotaryParameters(configuration).theta ?? 10000
                return [.init("{arch}.rope.freq_base", .float32(Float(theta)))]
            },
        ],
        tensors: [
            .init(
                "model.embed_tokens", "token_embd", [.vocabulary, .hidden],
                times: [.init("embedding_multiplier")]),
            .init(
                "lm_head", "output", [.vocabulary, .hidden], presence: .optional,
                times: [.init("lm_head_multiplier")]),
            .norm("model.final_layernorm", "output_norm"),
            .blocks(
                .norm("input_layernorm", "attn_norm"),
                // The name without a suffix is the reference converter's and its readers'.
                .tensor("pre_ff_layernorm.weight", "ffn_norm", [.hidden]),
                matrices, stateSpace,
                .stateSpace("mamba.", falconStateSpace, hasNorm: false, hasProjections: false)),
            .blocks(
                where: .init { configuration, _ in configuration["mamba_rms_norm"]?.boolean == true
                }, .stateSpaceNorm("mamba.", falconStateSpace)),
        ],
        rotary: .unscaled,
        checks: [
            .refused(.activation(.silu)),
            .without("attention_bias", "mlp_bias", "projectors_bias"),
            .stateSpace(
                falconStateSpace, projectionBias: "mamba_proj_bias", headLength: "mamba_d_head"),
            .departing { configuration throws(ArchitectureError) in
                guard configuration["mamba_rms_norm"]?.boolean == true else { return }
                try configuration.require("mamba_norm_before_gate", false)
            },
            .departing { configuration throws(ArchitectureError) in
                let embedding = try TensorRule.Factor("embedding_multiplier").value(
                    in: configuration)
                let output = try TensorRule.Factor("lm_head_multiplier").value(in: configuration)
                guard configuration.tieWordEmbeddings, embedding != output else { return }
                throw configuration.inexpressible(
                    "lm_head_multiplier", found: "\(output) with tied embeddings",
                    expected: "the embeddings' \(embedding)")
            },
        ],
        export: .init(
            modelType: "falcon_h1",
            words: [
                "ssm.conv_kernel": "mamba_d_conv", "ssm.state_size": "mamba_d_state",
                "ssm.group_count": "mamba_n_groups", "ssm.time_step_rank": "mamba_n_heads",
                "ssm.inner_size": "mamba_d_ssm",
            ],
            constants: [
                ("mamba_norm_before_gate", .bool(false)), ("mamba_proj_bias", .bool(false)),
            ],
            presence: [
                ("blk.0.ssm_norm.weight", "mamba_rms_norm"),
                ("blk.0.ssm_conv1d.bias", "mamba_conv_bias"),
            ],
            computed: { source in
                guard let inner = source.integer("ssm.inner_size"),
                    let count = source.integer("ssm.time_step_rank"), count > 0
                else { return [] }
                return [("mamba_d_head", .integer(inner / count))]
            }),
        // Llama's shape with a state space beside attention.
        decoder: .blocks(.init(pairing: .halves)) {
            model, index, block throws(DecoderDescriptionError) in
            let norm = "blk.\(index).ffn_norm"
            block.feedForwardNorm?.weight = model.present(norm) ?? "\(norm).weight"
            block.parallelMixer = try model.recurrence(
                .stateSpace, "blk.\(index)", width: block.attention.output.outputs)
        })

    private static let falconStateSpace = StateSpaceSizes(
        heads: .key("mamba_n_heads"), groups: .key("mamba_n_groups"),
        width: .key("mamba_d_ssm"), state: .key("mamba_d_state"), kernel: .key("mamba_d_conv"))

    private static let matrices: TensorModules = [
        .init(
            "self_attn.q_proj", "attn_q", [.queryHeads, .hidden],
            times: [.init("attention_in_multiplier")]),
        .init(
            "self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden],
            times: [.init("key_multiplier"), .init("attention_in_multiplier")]),
        .init(
            "self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden],
            times: [.init("attention_in_multiplier")]),
        .init(
            "self_attn.o_proj", "attn_output", [.hidden, .queryHeads],
            times: [.init("attention_out_multiplier")]),
        .init(
            "feed_forward.gate_proj", "ffn_gate", [.feedForward, .hidden],
            times: [.init("mlp_multipliers", 0)]),
        .init("feed_forward.up_proj", "ffn_up", [.feedForward, .hidden]),
        .init(
            "feed_forward.down_proj", "ffn_down", [.hidden, .feedForward],
            times: [.init("mlp_multipliers", 1)]),
    ]

    /// The projections of the state space: the input has a factor for each of its parts.
    private static let stateSpace: TensorModules = {
        let sizes = falconStateSpace
        let shared = sizes.groups * sizes.state
        let parts = [sizes.width, sizes.width, shared, shared, sizes.heads]
        let rows = sizes.width + sizes.channels + sizes.heads
        let starts = parts.indices.map { parts[..<$0].reduce(.constant(0), +) }
        return [
            .tensors(
                [.init("mamba.in_proj.weight", [rows, .hidden])],
                into: [
                    .init(
                        "ssm_in.weight", [rows, .hidden],
                        parts.indices.map { index in
                            .init(
                                0,
                                .reshaped([rows, .hidden]).narrowed(
                                    0, from: starts[index], count: parts[index]),
                                times: [
                                    .init("ssm_in_multiplier"), .init("ssm_multipliers", index),
                                ])
                        })
                ]),
            .init(
                "mamba.out_proj", "ssm_out", [.hidden, sizes.width],
                times: [.init("ssm_out_multiplier")]),
        ]
    }()
}

extension ModelConfiguration {
    /// The width of the state space where the file says that it is none of its own.
    fileprivate func falconWidth() -> JSON? {
        guard self["mamba_d_ssm"] == nil, let factor = self["mamba_expand"]?.integer,
            let width = self["hidden_size"]?.integer, (1...1024).contains(factor),
            (0..<(1 << 40)).contains(width)
        else { return nil }
        return .integer(factor * width)
    }
}
