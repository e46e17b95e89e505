import TensorCore

extension ModelFamily {
    /// Deepgrove's Maple: experts in every layer, layers with a window that turn, and others that tell
    /// no positions.
    public static let maple = ModelFamily(
        name: "Maple", architecture: "maple", classes: ["MapleForCausalLM"],
        // The model's own code: MapleConfig
        defaults: [
            .integer("num_hidden_layers", 24),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .real("rms_norm_eps", 1e-6),
        ],
        keys: .common + [
            .count("vocab_size", "vocab_size"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                try configuration.rotaryDimension(
                    ofHeadShare: RotaryParameters(configuration).partialFactor ?? 1)
            },
            .count("attention.sliding_window", "sliding_window"),
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                try configuration.slidingLayers()
            },
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            // The model's code cuts at 7, whatever the configuration says.
            .entries { configuration throws(ArchitectureError) in
                let count = try configuration.blockCount()
                return [
                    .init(
                        "{arch}.swiglu_clamp_exp", .float32s([Float](repeating: 7, count: count)))
                ]
            },
        ],
        tensors: [
            .ends(outputPresence: .required),
            .blocks(.preNorms(), .headNorms(), .attention()),
            .blocks(
                of: "model.layers.{bid}.mlp.", .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .stackedExperts(width: .key("moe_intermediate_size"))),
        ],
        rotary: .yarnOrDynamic,
        checks: [
            .refused(.activation(.silu), .zero("num_shared_experts"), .on("norm_topk_prob")),
            .refusing { configuration throws(ArchitectureError) in
                guard configuration["nope_on_global_attention"]?.boolean == true else {
                    throw configuration.inexpressible(
                        "nope_on_global_attention", found: "false", expected: "true")
                }
                guard try configuration.slidingLayers() == nil else { return }
                throw configuration.fault(.missingKey, "layer_types")
            },
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            let base = try model.positiveNumber("rope.freq_base_swa")
            let limits = try model.limits("swiglu_clamp_exp")
            return try model.decoder(
                .init(
                    pairing: .halves, headNorms: .head, windowPeriod: 0,
                    experts: .init(scoring: .softmax, normalisesWeights: true))
            ) { index, block in
                if block.attention.window == nil {
                    block.attention.rotary = nil
                } else if let base {
                    block.attention.rotary?.base = Double(base)
                }
                if case .experts(var experts) = block.feedForward, let limit = limits[index] {
                    experts.network.activation = .cutSwiGLU(limit: limit)
                    block.feedForward = .experts(experts)
                }
            }
        })
}
