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
        tensors: [TensorModule].ends().rules() + graniteMoeLayer.inBlocks()
            + graniteExperts()
            + graniteNetwork(
                "shared_mlp", width: .key("shared_intermediate_size"), suffix: "_shexp",
                presence: .optional),
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

    private static let graniteMoeLayer: [TensorModule] =
        [
            .norm("input_layernorm", "attn_norm"),
            .norm("post_attention_layernorm", "ffn_norm"),
        ] + .attention(biases: .optional, outputBias: .optional, rotaryPairs: true)

    /// The router, and experts as one tensor for gates and ups and one for downs.
    static func graniteExperts(where condition: TensorRule.Condition = .always) -> [TensorRule] {
        let layer = "model.layers.{bid}.block_sparse_moe."
        let block = "blk.{bid}.ffn_"
        return [
            .init(
                layer + "router.layer.weight", block + "gate_inp.weight", [.experts, .hidden],
                where: condition),
            .init(
                layer + "output_linear.weight", block + "down_exps.weight",
                [.experts, .hidden, .feedForward], where: condition),
            .init(
                [.init(layer + "input_linear.weight", [.experts, 2 * .feedForward, .hidden])],
                into: ["gate", "up"].enumerated().map { half, name in
                    .init(
                        "\(block)\(name)_exps.weight", [.experts, .feedForward, .hidden],
                        [
                            .init(
                                0,
                                .part(
                                    of: [.experts, 2, .feedForward, .hidden], axis: 1,
                                    from: .constant(half)))
                        ])
                }, where: condition),
        ]
    }

    /// The names that transformers 5 has in memory.
    static let graniteExpertSpellings: [Spelling] = [
        .init(
            "block_sparse_moe.experts.gate_up_proj",
            means: "block_sparse_moe.input_linear.weight"),
        .init("block_sparse_moe.experts.down_proj", means: "block_sparse_moe.output_linear.weight"),
        .init("block_sparse_moe.router.weight", means: "block_sparse_moe.router.layer.weight"),
    ]

    /// A network whose gate and up are one tensor in a checkpoint.
    static func graniteNetwork(
        _ source: String, width: Dimension, suffix: String,
        presence: TensorRule.Presence = .required,
        where condition: TensorRule.Condition = .always
    ) -> [TensorRule] {
        let layer = "model.layers.{bid}.\(source)."
        return [
            .init(
                [.init(layer + "input_linear.weight", [2 * width, .hidden])],
                into: ["gate", "up"].enumerated().map { half, name in
                    .init(
                        "blk.{bid}.ffn_\(name)\(suffix).weight", [width, .hidden],
                        [.init(0, .part(of: [2, width, .hidden], axis: 0, from: .constant(half)))])
                }, presence: presence, where: condition),
            .init(
                layer + "output_linear.weight", "blk.{bid}.ffn_down\(suffix).weight",
                [.hidden, width], presence: presence, where: condition),
        ]
    }
}

extension HyperparameterRule {
    /// The width of the network beside the experts, where there is one.
    static let sharedNetwork = HyperparameterRule.entries {
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
