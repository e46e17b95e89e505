import TensorCore

extension ModelFamily {
    /// Cohere 2 with experts: attention and network side by side, dense layers in front, positions in
    /// layers with a window and in dense ones, and a shared network averaged with the experts.
    public static let cohere2Moe = ModelFamily(
        name: "Cohere2Moe", architecture: "cohere2moe", classes: ["Cohere2MoeForCausalLM"],
        // transformers: Cohere2MoeConfig
        defaults: cohereDefaults + [
            .real("rope_theta", 10000), .integer("sliding_window", 4096),
            .integer("head_dim", 128), .same("num_experts", as: "num_local_experts"),
            .integer("num_experts", 8), .integer("num_experts_per_tok", 2),
            .integer("num_shared_experts", 0), .text("expert_selection_fn", "softmax"),
            .boolean("norm_topk_prob", true), .denseLayers(standard: 0),
            .computed("layer_types") { $0.cohereLayerTypes() },
            // Weights that a softmax has made of the chosen have a sum of 1, whatever the key says.
            .computed("norm_topk_prob") {
                $0["expert_selection_fn"]?.text == "softmax" ? .bool(true) : nil
            },
        ],
        keys: .common + [
            .number("logit_scale", "logit_scale"),
            .count("attention.sliding_window", "sliding_window"),
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                try configuration.slidingLayers()
            },
            .count("vocab_size", "vocab_size"),
            .count("expert_feed_forward_length", "intermediate_size"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .flag("expert_weights_norm", "norm_topk_prob"),
            .entries { configuration throws(ArchitectureError) in
                let count = try configuration.integer("num_shared_experts") ?? 0
                guard count > 0 else { return [] }
                let width = try (Dimension.feedForward * .key("num_shared_experts"))
                    .size(in: configuration)
                return [
                    .init(
                        "{arch}.expert_shared_count",
                        try configuration.uint32(count, "num_shared_experts")),
                    .init(
                        "{arch}.expert_shared_feed_forward_length",
                        try configuration.uint32(width, "num_shared_experts")),
                ]
            }, .predictorCount, .count("rope.dimension_count", "head_dim"), .noRotaryScaling,
        ],
        tensors: [
            .ends(), .blocks(.norm("input_layernorm", "attn_norm"), .attention()),
            .blocks(
                where: !.sparseAfterFirst,
                .gatedNetwork(
                    width: .key("prefix_dense_intermediate_size", or: .feedForward))),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .sparseAfterFirst,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .experts(width: .feedForward)),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .sparseAfterFirst && .cohereShared,
                .gatedNetwork(
                    "shared_experts", width: .feedForward * .key("num_shared_experts"),
                    suffix: "_shexp")),
            .predictorModules,
        ],
        checkpoint: .init(multiTokenPrediction: .kept),
        rotary: .unscaledOrDynamic,
        checks: [
            .activation(.silu), .without("attention_bias"), .denseLayersFirst,
            .refused(.text("expert_selection_fn", "softmax", "sigmoid")),
            .refused(.text("shared_expert_combination_strategy", "average")),
            .departing { configuration throws(ArchitectureError) in
                let period = try configuration.integer("prefix_dense_sliding_window_pattern") ?? 1
                let dense = try configuration.integer("first_k_dense_replace") ?? 0
                let slides = try configuration.slidingLayers()?.prefix(dense) ?? []
                guard period != 1, slides.contains(false) else { return }
                throw configuration.inexpressible(
                    "prefix_dense_sliding_window_pattern", found: "\(period)", expected: "1")
            },
        ],
        export: .init(
            modelType: "cohere2_moe",
            words: [
                "feed_forward_length": "prefix_dense_intermediate_size",
                "expert_feed_forward_length": "intermediate_size",
                "expert_shared_count": "num_shared_experts",
                "expert_shared_feed_forward_length": nil,
                "expert_weights_norm": "norm_topk_prob",
            ],
            computed: { source in
                let isSoftmax = source.integer("expert_gating_func") == 1
                return source.networkTypes + [
                    ("expert_selection_fn", .text(isSoftmax ? "softmax" : "sigmoid"))
                ]
            }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let dense = try model.optionalCountOrZero("leading_dense_block_count") ?? 0
            let epsilon = try model.number("attention.layer_norm_rms_epsilon") ?? 0
            let style = DecoderStyle(
                pairing: .interleaved, norm: epsilon == 0 ? .layer : .rootMeanSquare,
                arrangement: .parallel, windowPeriod: 4,
                experts: .init(scoring: .sigmoid, normalisesWeights: false, shared: .stated))
            var decoder = try model.decoder(style) { index, block in
                if block.attention.window == nil, index >= dense { block.attention.rotary = nil }
                if case .experts(var experts) = block.feedForward, experts.shared != nil {
                    experts.sumScale = 0.5
                    block.feedForward = .experts(experts)
                }
            }
            decoder.logitScale = try model.number("logit_scale") ?? 1
            return decoder
        })
}

extension TensorRule.Condition {
    fileprivate static let cohereShared = TensorRule.Condition {
        configuration, _ throws(ArchitectureError) in
        try (configuration.integer("num_shared_experts") ?? 0) > 0
    }
}

extension ModelConfiguration {
    /// The types of layers where the configuration has periods of dense and other layers instead.
    fileprivate func cohereLayerTypes() -> JSON? {
        guard self["layer_types"] == nil, let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        let dense = min(count, max(0, self["first_k_dense_replace"]?.integer ?? 0))
        let periods = [
            self["prefix_dense_sliding_window_pattern"]?.integer ?? 1,
            self["sliding_window_pattern"]?.integer ?? 4,
        ]
        guard periods.allSatisfy({ $0 > 0 }) else { return nil }
        return .array(
            (0..<count).map { layer in
                let isFull =
                    layer < dense
                    ? (layer + 1) % periods[0] == 0 : (layer - dense + 1) % periods[1] == 0
                return .string(isFull ? "full_attention" : "sliding_attention")
            })
    }
}
