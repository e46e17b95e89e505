import TensorCore

extension ModelFamily {
    /// Granite 3 with experts, and with a network beside them that every token passes.
    public static let graniteMoe = ModelFamily(
        name: "GraniteMoe",
        architecture: "granitemoe",
        classes: ["GraniteMoeForCausalLM", "GraniteMoeSharedForCausalLM"],
        // transformers: GraniteMoeConfig, GraniteMoeSharedConfig
        defaults: graniteDefaults + [
            .integer("num_local_experts", 8), .integer("num_experts_per_tok", 2),
            .integer("shared_intermediate_size", 0),
        ],
        keys: .granite + [.sharedNetwork],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .attention(biases: .optional, outputBias: .optional, rotaryPairs: true),
                .graniteExperts, .graniteNetwork(suffix: "_shexp", presence: .optional)),
        ],
        checkpoint: .init(spellings: graniteExpertSpellings),
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .headsShareWidth],
        tokenizer: .llama,
        export: .init(
            modelType: "granitemoe",
            words: [
                "attention.scale": "attention_multiplier",
                "embedding_scale": "embedding_multiplier",
                "residual_scale": "residual_multiplier", "logit_scale": "logits_scaling",
                "expert_count": "num_local_experts",
                "expert_shared_feed_forward_length": "shared_intermediate_size",
            ],
            presence: [("blk.0.attn_q.bias", "attention_bias")],
            fits: { $0.value("ssm.conv_kernel") == nil },
            otherClass: { source in
                source.value("expert_shared_feed_forward_length") == nil
                    ? nil : ("GraniteMoeSharedForCausalLM", "granitemoeshared")
            }),
        decoder: .granite())

    /// The names that transformers 5 has in memory.
    static let graniteExpertSpellings: [Spelling] = [
        .init(
            "block_sparse_moe.experts.gate_up_proj",
            means: "block_sparse_moe.input_linear.weight"),
        .init("block_sparse_moe.experts.down_proj", means: "block_sparse_moe.output_linear.weight"),
        .init("block_sparse_moe.router.weight", means: "block_sparse_moe.router.layer.weight"),
    ]

}

extension MetadataRule {
    /// The width of the network beside the experts, where there is one.
    static let sharedNetwork = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        let key = "shared_intermediate_size"
        let width = try configuration.integer(key) ?? 0
        guard width != 0 else { return [] }
        return [
            .init(
                "{arch}.expert_shared_feed_forward_length", try configuration.uint32(width, key))
        ]
    }
}

extension TensorModules {
    /// The router, and experts as one tensor for gates and ups and one for downs.
    static let graniteExperts: Self = [
        .init("block_sparse_moe.router.layer", "ffn_gate_inp", [.experts, .hidden]),
        .tensor(
            "block_sparse_moe.output_linear.weight", "ffn_down_exps.weight",
            [.experts, .hidden, .feedForward]),
        .gateAndUp(
            "block_sparse_moe.input_linear.weight", [.experts, 2 * .feedForward, .hidden],
            "ffn_{role}_exps.weight", [.experts, .feedForward, .hidden],
            as: [.experts, 2, .feedForward, .hidden], axis: 1),
    ]

    /// The network that every token passes, whose gate and up are one tensor in a checkpoint.
    static func graniteNetwork(
        suffix: String, presence: TensorRule.Presence = .required
    ) -> Self {
        let width = Dimension.key("shared_intermediate_size")
        return [
            .gateAndUp(
                "shared_mlp.input_linear.weight", [2 * width, .hidden],
                "ffn_{role}\(suffix).weight", [width, .hidden], as: [2, width, .hidden], axis: 0,
                presence: presence),
            .init(
                "shared_mlp.output_linear", "ffn_down\(suffix)", [.hidden, width],
                presence: presence),
        ]
    }
}
