import TensorCore

extension ModelFamily {
    /// Granite 3 with experts, and with a network beside them that every token passes.
    public static let graniteMoe = ModelFamily(
        name: "GraniteMoe", architecture: "granitemoe",
        classes: [.init("GraniteMoeForCausalLM"), .init("GraniteMoeSharedForCausalLM")],
        // transformers: GraniteMoeConfig, GraniteMoeSharedConfig
        defaults: graniteDefaults + [
            .integer("num_local_experts", 8), .integer("num_experts_per_tok", 2),
            .integer("shared_intermediate_size", 0),
        ],
        hyperparameters: .granite + [
            .entries { configuration throws(ArchitectureError) in
                let width = try configuration.integer("shared_intermediate_size") ?? 0
                guard width != 0 else { return [] }
                return [
                    .init(
                        "{arch}.expert_shared_feed_forward_length",
                        try configuration.uint32(width, "shared_intermediate_size"))
                ]
            }
        ],
        tensors: [TensorModule].ends().rules() + graniteMoeLayer.inBlocks()
            + graniteExperts + graniteSharedNetwork,
        rotaryScalings: ["default", "linear", "yarn", "dynamic"],
        review: { configuration throws(ArchitectureError) in
            try configuration.requireActivation(
                ["hidden_act"], oneOf: ["silu", "swish"], architecture: "granitemoe")
            try configuration.requireHeadDimIsShare(architecture: "granitemoe")
            return []
        },
        writesPrefixSpace: true, tokenizerKeys: llamaTokenizerKeys,
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
            otherClass: { source in
                source.value("expert_shared_feed_forward_length") == nil
                    ? nil : ("GraniteMoeSharedForCausalLM", "granitemoeshared")
            }))

    private static let graniteMoeLayer: [TensorModule] =
        [
            .norm("input_layernorm", "attn_norm"),
            .norm("post_attention_layernorm", "ffn_norm"),
            .init("block_sparse_moe.router.layer", "ffn_gate_inp", [.experts, .hidden]),
            .init(
                "block_sparse_moe.output_linear", "ffn_down_exps",
                [.experts, .hidden, .feedForward]),
        ] + .attention(biases: .optional, outputBias: .optional, rotaryPairs: true)

    private static let graniteExperts: [TensorRule] = [
        .init(
            [
                .init(
                    "model.layers.{bid}.block_sparse_moe.input_linear.weight",
                    [.experts, 2 * .feedForward, .hidden])
            ],
            into: ["gate", "up"].enumerated().map { half, name in
                .init(
                    "blk.{bid}.ffn_\(name)_exps.weight", [.experts, .feedForward, .hidden],
                    [
                        .init(
                            0,
                            .part(
                                of: [.experts, 2, .feedForward, .hidden], axis: 1,
                                from: .constant(half)))
                    ])
            })
    ]

    private static let graniteSharedNetwork: [TensorRule] = {
        let width = Dimension.key("shared_intermediate_size")
        return [
            .init(
                [
                    .init(
                        "model.layers.{bid}.shared_mlp.input_linear.weight", [2 * width, .hidden])
                ],
                into: ["gate", "up"].enumerated().map { half, name in
                    .init(
                        "blk.{bid}.ffn_\(name)_shexp.weight", [width, .hidden],
                        [.init(0, .part(of: [2, width, .hidden], axis: 0, from: .constant(half)))])
                },
                presence: .optional),
            .init(
                "model.layers.{bid}.shared_mlp.output_linear.weight",
                "blk.{bid}.ffn_down_shexp.weight", [.hidden, width], presence: .optional),
        ]
    }()
}
