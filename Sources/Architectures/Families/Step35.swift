import TensorCore

extension ModelFamily {
    /// StepFun's Step 3.5 and the language model of 3.7: layers with a window have heads and a rotation of
    /// their own, a gate for every head, experts rated by sigmoids after dense layers.
    public static let step35 = ModelFamily(
        name: "Step35", architecture: "step35",
        classes: ["Step3p5ForCausalLM", "Step3p7ForConditionalGeneration"],
        // The model's own code: Step3p5Config
        defaults: [
            .integer("vocab_size", 128815), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11264), .integer("num_hidden_layers", 45),
            .integer("num_attention_heads", 64), .integer("num_attention_groups", 8),
            .integer("head_dim", 128), .integer("max_position_embeddings", 128000),
            .real("rms_norm_eps", 1e-5), .integer("moe_num_experts", 288),
            .integer("moe_top_k", 8), .integer("moe_intermediate_size", 1280),
            .integer("share_expert_dim", 1280),
            .computed("step_layer_types") { $0["layer_types"] },
            .computed("layer_types") { configuration in
                guard let types = configuration["layer_types"]?.array,
                    let count = configuration["num_hidden_layers"]?.integer, count >= 0
                else { return nil }
                return .array(Array(types.prefix(count)))
            },
            .computed("step_rotary_bases") { $0["rope_theta"]?.array.map { .array($0) } },
            .computed("rope_theta") { $0["rope_theta"]?.array?.first },
            .computed("swa_rope_theta") { configuration in
                let bases = configuration["step_rotary_bases"]?.array ?? []
                return bases.count > 1 ? bases[1] : nil
            },
            .computed("swa_heads") { $0.stepOther("num_attention_heads") },
            .computed("swa_groups") { $0.stepOther("num_attention_groups") },
        ],
        keys: .common + [
            .entries { configuration throws(ArchitectureError) in
                let slides = try configuration.stepSlides()
                func counts(_ full: String, _ local: String) throws(ArchitectureError)
                    -> MetadataValue
                {
                    let numbers = (
                        full: try configuration.required(full),
                        local: try configuration.required(local)
                    )
                    return .int32s(
                        slides.map { Int32(clamping: $0 ? numbers.local : numbers.full) })
                }
                return [
                    .init(
                        "{arch}.attention.head_count",
                        try counts("num_attention_heads", "swa_heads")),
                    .init(
                        "{arch}.attention.head_count_kv",
                        try counts("num_attention_groups", "swa_groups")),
                    .init(
                        "{arch}.attention.sliding_window",
                        try configuration.uint32(
                            try configuration.required("sliding_window"), "sliding_window")),
                    .init("{arch}.attention.sliding_window_pattern", .bools(slides)),
                ]
            },
            .count("attention.value_length", "head_dim"),
            .count("expert_count", "moe_num_experts"), .count("expert_used_count", "moe_top_k"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_feed_forward_length", "share_expert_dim"),
            .number("expert_weights_scale", "moe_router_scaling_factor"),
            .flag("expert_weights_norm", "norm_expert_weight"),
            .count("leading_dense_block_count") { $0.stepDenseLayers },
            .count("moe_every_n_layers") { configuration throws(ArchitectureError) in
                try configuration.integer("moe_every_n_layer") ?? 1
            },
            .number("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            .stepLimits("swiglu_clamp_exp", "swiglu_limits"),
            .stepLimits("swiglu_clamp_shexp", "swiglu_limits_shared"), .predictorCount,
        ],
        tensors: [
            .ends(normTransform: .plusOne),
            .blocks(.preNorms(transform: .plusOne), .headNorms(transform: .plusOne)),
            .blocks(where: .stepSlides, .stepAttention(.key("swa_heads"), .key("swa_groups"))),
            .blocks(
                where: !.stepSlides,
                .stepAttention(.headCount, .key("num_attention_groups"))),
            .blocks(where: !.stepExperts, .gatedNetwork()),
            .blocks(where: .stepExperts, .stepExperts),
            .blocks(
                where: .predictsFurther, .init("eh_proj", "nextn.eh_proj", [.hidden, 2 * .hidden]),
                .init(
                    "embed_tokens", "nextn.embed_tokens", [.vocabulary, .hidden],
                    presence: .optional),
                .norm("enorm", "nextn.enorm", transform: .plusOne),
                .norm("hnorm", "nextn.hnorm", transform: .plusOne),
                .init(
                    "shared_head.head", "nextn.shared_head_head", [.vocabulary, .hidden],
                    presence: .optional),
                .norm(
                    "shared_head.norm", "nextn.shared_head_norm", presence: .optional,
                    transform: .plusOne)),
        ],
        checkpoint: .init(
            spellings: [
                .init(".transformer.shared_head.output.", means: ".shared_head.head."),
                .init(".transformer.shared_head.", means: ".shared_head."),
            ], multiTokenPrediction: .kept),
        rotary: .stepRotation,
        checks: [
            .needing("use_head_wise_attn_gate", "use_qk_norm", "use_moe_router_bias"),
            .refused(.text("moe_router_activation", "sigmoid")), .stepLayers,
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            let base = try model.positiveNumber("rope.freq_base_swa")
            func limits(_ suffix: String) -> [Float] {
                if case .float32s(let values)? = model.metadata[model.key(suffix)] { return values }
                return []
            }
            let (chosen, shared) = (limits("swiglu_clamp_exp"), limits("swiglu_clamp_shexp"))
            return try model.decoder(
                .init(
                    pairing: .halves, headNorms: .head, windowPeriod: 0,
                    experts: .init(scoring: .sigmoid, normalisesWeights: false, shared: .stated))
            ) { index, block in
                let attention = block.attention
                block.attention.gate = model.projection(
                    "blk.\(index).attn_gate", outputs: attention.headCount,
                    inputs: attention.output.outputs)
                block.feedForward.limit(
                    chosen: chosen.indices.contains(index) ? chosen[index] : 0,
                    others: shared.indices.contains(index) ? shared[index] : 0)
                if attention.window == nil {
                    block.attention.rotary?.factorCount = attention.keyLength / 2
                    block.attention.rotary?.dimensionCount = attention.keyLength / 2
                } else {
                    block.attention.rotary?.removeScaling()
                    if let base { block.attention.rotary?.base = Double(base) }
                }
            }
        })
}

extension BlockDescription.FeedForward {
    /// Limits what goes between the layers of networks; 0 is no limit.
    fileprivate mutating func limit(chosen: Float, others: Float) {
        func activation(_ limit: Float) -> BlockDescription.Activation {
            limit > 0 ? .limitedSwiGLU(limit: limit) : .silu
        }
        switch self {
        case .dense(var network):
            network.activation = activation(others)
            self = .dense(network)
        case .experts(var experts):
            experts.network.activation = activation(chosen)
            experts.shared?.activation = activation(others)
            self = .experts(experts)
        case .channelMix, .absent: break
        }
    }
}

extension MetadataRule {
    /// A limit for each block, 0 for none.
    fileprivate static func stepLimits(_ key: String, _ name: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            guard let limits = configuration[name]?.array else { return [] }
            let count = try configuration.blockCount()
            let values = limits.prefix(count).map { Float($0.double ?? 0) }
            return [
                .init(
                    "{arch}.\(key)",
                    .float32s(values + [Float](repeating: 0, count: count - values.count)))
            ]
        }
    }
}

extension RotaryRules {
    /// Llama 3's scaling of the half of a head that turns in layers that see everything; the divisors of
    /// the other half are 1.
    fileprivate static let stepRotation = Self(["default", "llama3"]) {
        configuration throws(ArchitectureError) in
        let rotary = try RotaryParameters(configuration)
        guard rotary.type == "llama3" else { return [] }
        let head = try configuration.headDim()
        let factors = try rotary.llama3Factors(
            dimension: head / 2, contextLength: rotary.originalContext())
        let rest = [Float](repeating: 1, count: max(0, head / 2 - factors.count))
        return [.init("rope_freqs.weight", factors + rest)]
    }
}

extension ConfigurationCheck {
    /// Layers with a window that turn whole heads, and others that turn half of them.
    fileprivate static let stepLayers = refusing { configuration throws(ArchitectureError) in
        let slides = try configuration.stepSlides()
        let shares = configuration["partial_rotary_factors"]?.array ?? []
        for (layer, share) in shares.enumerated() where slides.indices.contains(layer) {
            let expected = slides[layer] ? 1 : 0.5
            guard share.double != expected else { continue }
            throw configuration.inexpressible(
                "partial_rotary_factors", found: "\(share.double ?? 0) in layer \(layer)",
                expected: "\(expected)")
        }
    }
}

extension TensorRule.Condition {
    /// The layers with a sliding window.
    fileprivate static let stepSlides = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        let slides = try configuration.stepSlides()
        return slides.indices.contains(block) && slides[block]
    }

    /// The layers with experts, which `moe_layers_enum` lists.
    fileprivate static let stepExperts = TensorRule.Condition { configuration, block in
        configuration.stepExpertLayers.contains(block)
    }
}

extension TensorModules {
    /// Attention of so many heads, with a gate for each.
    fileprivate static func stepAttention(_ heads: Dimension, _ keys: Dimension) -> Self {
        [
            .init("self_attn.q_proj", "attn_q", [heads * .head, .hidden]),
            .init("self_attn.k_proj", "attn_k", [keys * .head, .hidden]),
            .init("self_attn.v_proj", "attn_v", [keys * .head, .hidden]),
            .init("self_attn.o_proj", "attn_output", [.hidden, heads * .head]),
            .init("self_attn.g_proj", "attn_gate", [heads, .hidden]),
        ]
    }

    /// Experts, which a checkpoint has stacked, and a network that every token passes.
    fileprivate static let stepExperts: Self = {
        let (count, width) = (
            Dimension.key("moe_num_experts"), Dimension.key("moe_intermediate_size")
        )
        return [
            .init("moe.gate", "ffn_gate_inp", [count, .hidden]),
            .tensor("moe.router_bias", "exp_probs_b.bias", [count], presence: .optional),
            .init("moe.gate_proj", "ffn_gate_exps", [count, width, .hidden]),
            .init("moe.up_proj", "ffn_up_exps", [count, width, .hidden]),
            .init("moe.down_proj", "ffn_down_exps", [count, .hidden, width]),
            .gatedNetwork("share_expert", width: .key("share_expert_dim"), suffix: "_shexp"),
        ]
    }()
}

extension ModelConfiguration {
    /// Which blocks have a sliding window, those that predict further tokens among them.
    fileprivate func stepSlides() throws(ArchitectureError) -> [Bool] {
        let types = self["step_layer_types"]?.array ?? []
        return try (0..<blockCount()).map {
            types.indices.contains($0) && types[$0].text == "sliding_attention"
        }
    }

    /// The numbers of the layers with experts.
    fileprivate var stepExpertLayers: Set<Int> {
        guard let text = self["moe_layers_enum"]?.text else { return [] }
        return Set(text.split(separator: ",").compactMap { Int($0.filter { $0 != " " }) })
    }

    /// The number of the first layer with experts.
    fileprivate var stepDenseLayers: Int { max(0, stepExpertLayers.min() ?? 0) }

    /// A number of layers with a sliding window; that of the others where the configuration does not say.
    fileprivate func stepOther(_ key: String) -> JSON? {
        self["attention_other_setting"]?[key] ?? self[key]
    }
}
