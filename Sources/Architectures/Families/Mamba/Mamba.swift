import TensorCore

extension ModelFamily {
    /// Mamba: blocks of a selective scan alone, without attention or feed-forward network.
    public static let mamba = ModelFamily(
        name: "Mamba",
        architecture: "mamba",
        classes: ["MambaForCausalLM", "MambaLMHeadModel"],
        // transformers: MambaConfig
        defaults: [
            .integer("vocab_size", 50280), .integer("hidden_size", 768),
            .integer("state_size", 16), .integer("num_hidden_layers", 32),
            .real("layer_norm_epsilon", 1e-5), .integer("expand", 2),
            .integer("conv_kernel", 4), .boolean("tie_word_embeddings", true),
            .computed("intermediate_size") { $0.mambaWidth() },
            .computed("time_step_rank") { $0.mambaStepRank() },
        ],
        keys: .recurrenceAlone + [
            .count("ssm.conv_kernel", "conv_kernel"),
            .count("ssm.inner_size", "intermediate_size"),
            .count("ssm.state_size", "state_size"),
            .count("ssm.time_step_rank", "time_step_rank"),
            .number("attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
            .constant("ssm.dt_b_c_rms", .bool(false)),
            .fileType,
        ],
        tensors: [
            .ends("backbone.embeddings", norm: "backbone.norm_f", outputPresence: .unlessTied),
            .blocks(of: "backbone.layers.{bid}.", .norm("norm", "attn_norm")),
            .blocks(of: "backbone.layers.{bid}.mixer.", mixer),
        ],
        checks: [
            .activation(.silu), .without("use_bias"),
            .refusing { configuration throws(ArchitectureError) in
                let (width, inner) = (
                    try configuration.hiddenSize(), try configuration.required("intermediate_size")
                )
                guard inner != 2 * width else { return }
                throw configuration.inexpressible(
                    "intermediate_size", found: "\(inner)",
                    expected: "twice the hidden size \(width)")
            },
        ],
        export: .init(
            modelType: "mamba",
            words: mambaWords,
            constants: [("expand", .integer(2)), ("use_bias", .bool(false))],
            presence: [("blk.0.ssm_conv1d.bias", "use_conv_bias")],
            fits: { $0.value("ssm.dt_b_c_rms") != .bool(true) }),
        // A selective scan in every block, and nothing else.
        decoder: .recurrence(.selectiveScan))

    /// What transformers calls the keys.
    static let mambaWords: [String: String?] = [
        "context_length": nil, "feed_forward_length": nil, "attention.head_count": nil,
        "attention.layer_norm_rms_epsilon": "layer_norm_epsilon",
        "ssm.conv_kernel": "conv_kernel", "ssm.inner_size": "intermediate_size",
        "ssm.state_size": "state_size", "ssm.time_step_rank": "time_step_rank",
    ]

    private static let mixer: TensorModules = {
        let (inner, kernel) = (Dimension.key("intermediate_size"), Dimension.key("conv_kernel"))
        let (state, rank) = (Dimension.key("state_size"), Dimension.key("time_step_rank"))
        return [
            .tensor("A_log", "ssm_a", [inner, state], change: .negatedExponential),
            .tensor("D", "ssm_d", [inner]),
            .tensor("conv1d.bias", "ssm_conv1d.bias", [inner], presence: .optional),
            .tensor(
                "conv1d.weight", "ssm_conv1d.weight", [inner, kernel], from: [inner, 1, kernel]),
            .init("dt_proj", "ssm_dt", [inner, rank], bias: .required),
            .init("in_proj", "ssm_in", [2 * inner, .hidden]),
            .init("out_proj", "ssm_out", [.hidden, inner]),
            .init("x_proj", "ssm_x", [rank + 2 * state, inner]),
        ]
    }()
}

extension ModelConfiguration {
    /// The width inside a block: the hidden size times `expand`.
    fileprivate func mambaWidth() -> JSON? {
        guard self["intermediate_size"] == nil, let width = self["hidden_size"]?.integer,
            let factor = self["expand"]?.double, (0...1024).contains(factor),
            (0..<(1 << 40)).contains(width)
        else { return nil }
        return .integer(Int(factor * Double(width)))
    }

    /// The rank of the step sizes: a sixteenth of the hidden size, rounded up, where the file says
    /// `auto` or nothing.
    fileprivate func mambaStepRank() -> JSON? {
        guard self["time_step_rank"]?.text ?? "auto" == "auto",
            self["time_step_rank"]?.integer == nil, let width = self["hidden_size"]?.integer,
            (0..<(1 << 40)).contains(width)
        else { return nil }
        return .integer((width + 15) / 16)
    }
}
