import TensorCore

extension ModelFamily {
    /// Mamba-2: blocks of a state space alone, without attention or feed-forward network.
    public static let mamba2 = ModelFamily(
        name: "Mamba2",
        architecture: "mamba2",
        classes: ["Mamba2ForCausalLM"],
        // transformers: Mamba2Config
        defaults: [
            .integer("vocab_size", 32768), .integer("hidden_size", 4096),
            .integer("state_size", 128), .integer("num_hidden_layers", 64),
            .real("layer_norm_epsilon", 1e-5), .integer("expand", 2), .integer("conv_kernel", 4),
            .integer("num_heads", 128), .integer("head_dim", 64), .integer("n_groups", 8),
        ],
        keys: .recurrenceAlone + [
            .size("ssm.conv_kernel", mamba2Sizes.kernel),
            .size("ssm.inner_size", mamba2Sizes.width),
            .size("ssm.state_size", mamba2Sizes.state),
            .size("ssm.time_step_rank", mamba2Sizes.heads),
            .size("ssm.group_count", mamba2Sizes.groups),
            .number("attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
            .fileType,
        ],
        tensors: [
            .ends("backbone.embeddings", norm: "backbone.norm_f", outputPresence: .unlessTied),
            .blocks(
                of: "backbone.layers.{bid}.", .norm("norm", "attn_norm"),
                .stateSpace("mixer.", mamba2Sizes)),
        ],
        checks: [
            .activation(.silu),
            .stateSpace(mamba2Sizes, projectionBias: "use_bias", headLength: "head_dim"),
        ],
        export: .init(
            modelType: "mamba2",
            words: [
                "context_length": nil, "feed_forward_length": nil, "attention.head_count": nil,
                "attention.layer_norm_rms_epsilon": "layer_norm_epsilon",
                "ssm.conv_kernel": "conv_kernel", "ssm.state_size": "state_size",
                "ssm.time_step_rank": "num_heads", "ssm.group_count": "n_groups",
            ],
            constants: [("use_bias", .bool(false))],
            presence: [("blk.0.ssm_conv1d.bias", "use_conv_bias")],
            computed: { source in
                guard let inner = source.integer("ssm.inner_size"),
                    let width = source.integer("embedding_length"), width > 0,
                    let count = source.integer("ssm.time_step_rank"), count > 0
                else { return [] }
                return [
                    ("expand", .integer(inner / width)), ("head_dim", .integer(inner / count)),
                ]
            }),
        // A state space in every block, and nothing else.
        decoder: .recurrence(.stateSpace))

    private static let mamba2Sizes = StateSpaceSizes(
        heads: .key("num_heads"), groups: .key("n_groups"), width: .key("expand") * .hidden,
        state: .key("state_size"), kernel: .key("conv_kernel"))
}

extension [MetadataRule] {
    /// The keys in front of a recurrence's own where there is neither attention nor network.
    static let recurrenceAlone: [MetadataRule] = [
        // The model has no limit; the reference converter writes this one.
        .constant("context_length", .uint32(1 << 20)),
        .count("embedding_length", "hidden_size"),
        .constant("feed_forward_length", .uint32(0)),
        .constant("attention.head_count", .uint32(0)),
        .blockCount,
    ]
}
