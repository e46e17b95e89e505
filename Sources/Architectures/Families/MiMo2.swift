import TensorCore

extension ModelFamily {
    /// Xiaomi's MiMo V2: layers with a window have key heads and a rotary base of their own and attention
    /// sinks, values are shorter than keys, experts as DeepSeek V3's.
    public static let miMo2 = ModelFamily(
        name: "MiMo2", architecture: "mimo2",
        classes: ["MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM"],
        // transformers: MiMoV2FlashConfig; the published words are those of the model's own code
        defaults: [
            .integer("vocab_size", 152576), .integer("hidden_size", 4096),
            .integer("intermediate_size", 16384), .integer("num_hidden_layers", 48),
            .integer("num_attention_heads", 64), .integer("num_key_value_heads", 4),
            .integer("head_dim", 192), .integer("v_head_dim", 128),
            .integer("max_position_embeddings", 131072),
            .same("n_routed_experts", as: "num_local_experts"), .integer("n_routed_experts", 256),
            .integer("num_experts_per_tok", 8), .integer("moe_intermediate_size", 2048),
            .same("rms_norm_eps", as: "layernorm_epsilon"), .real("rms_norm_eps", 1e-5),
            .computed("layernorm_epsilon") { $0["layernorm_epsilon"] ?? $0["rms_norm_eps"] },
            .computed("hybrid_layer_pattern") { $0.mimoPattern },
            .computed("mlp_layer_types") { $0.mimoNetworks },
            .computed("swa_num_key_value_heads") { configuration in
                configuration["swa_num_key_value_heads"]
                    ?? configuration["num_key_value_heads"]?.integer.map {
                        .integer(2 * min($0, ModelConfiguration.layerLimit))
                    }
            },
            .computed("attention_value_scale") { $0.mimoValueScale },
        ],
        keys: .common + [
            .entries { configuration throws(ArchitectureError) in
                let slides = try configuration.mimoSlides()
                let (full, local) = (
                    try configuration.numKeyValueHeads(),
                    try configuration.required("swa_num_key_value_heads")
                )
                return [
                    .init(
                        "{arch}.attention.head_count_kv",
                        .int32s(slides.map { Int32(clamping: $0 ? local : full) })),
                    .init(
                        "{arch}.attention.sliding_window",
                        try configuration.uint32(
                            try configuration.required("sliding_window", "sliding_window_size"),
                            "sliding_window")),
                    .init(
                        "{arch}.attention.sliding_window_pattern",
                        .int32s(slides.map { $0 ? 1 : 0 })),
                ]
            },
            .count("attention.value_length", "v_head_dim"),
            .count("expert_count", "n_routed_experts"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                try configuration.rotaryDimension(
                    ofHeadShare: RotaryParameters(configuration).partialFactor ?? 0.334)
            },
            .number("attention.layer_norm_rms_epsilon", "layernorm_epsilon"),
            .number("attention.value_scale", "attention_value_scale"), .predictorCount,
        ],
        tensors: [
            .ends(), .blocks(.preNorms()),
            .blocks(where: .mimoSlides, .mimoAttention(.key("swa_num_key_value_heads"))),
            .blocks(where: !.mimoSlides, .mimoAttention(.keyValueHeadCount)),
            .blocks(where: !.mimoExperts, .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .mimoExperts,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("gate.e_score_correction_bias", "exp_probs_b.bias", [.experts]),
                .experts(
                    [("gate_proj", "gate"), ("up_proj", "up"), ("down_proj", "down")],
                    width: .key("moe_intermediate_size"))),
            .predictorModules,
            .blocks(where: .predictsFurther, .norm("final_layernorm", "layer_output_norm")),
        ],
        checkpoint: .init(multiTokenPrediction: .apart(prefix: "model.mtp.", modules: [:])),
        checks: [
            .activation(.silu),
            .refused(.text("topk_method", "noaux_tc"), .text("scoring_func", "sigmoid")),
            .on("norm_topk_prob"), .refused(.zero("n_shared_experts")),
        ],
        export: .init(
            modelType: "mimo_v2_flash",
            words: [
                "attention.value_length": "v_head_dim", "expert_count": "n_routed_experts",
                "attention.value_scale": "attention_value_scale", "attention.head_count_kv": nil,
            ], presence: [("blk.0.attn_q.bias", "attention_bias")], turnsByLayerType: true,
            computed: { $0.networkTypesByRouter + $0.gating() + $0.mimoLayers }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let base = try model.positiveNumber("rope.freq_base_swa")
            let scale = try model.number("attention.value_scale") ?? 1
            return try model.decoder(
                .init(
                    pairing: .halves, windowPeriod: 0,
                    experts: .init(scoring: .sigmoid, normalisesWeights: true))
            ) { index, block in
                block.attention.sinks = model.present("blk.\(index).attn_sinks.weight")
                block.attention.valueScale = scale
                guard block.attention.window != nil else { return }
                block.attention.rotary?.removeScaling()
                if let base { block.attention.rotary?.base = Double(base) }
            }
        })
}

extension TensorModules {
    /// Attention with so many key heads, from one matrix or three.
    fileprivate static func mimoAttention(_ keys: Dimension) -> Self {
        let value = Dimension.key("v_head_dim")
        let rows = .queryHeads + keys * (.head + value)
        return [
            .init("self_attn.qkv_proj", "attn_qkv", [rows, .hidden], presence: .optional),
            .init(
                "self_attn.q_proj", "attn_q", [.queryHeads, .hidden], bias: .optional,
                presence: .optional),
            .init(
                "self_attn.k_proj", "attn_k", [keys * .head, .hidden], bias: .optional,
                presence: .optional),
            .init(
                "self_attn.v_proj", "attn_v", [keys * value, .hidden], bias: .optional,
                presence: .optional),
            .init("self_attn.o_proj", "attn_output", [.hidden, .headCount * value]),
            .sinks("self_attn.attention_sink_bias"), .sinks("self_attn.sinks"),
        ]
    }
}

extension ConfigurationExport.Source {
    /// Kinds of layers, and their key heads.
    fileprivate var mimoLayers: [ConfigurationExport.Entry] {
        guard let count = layerCount,
            let pattern = value("attention.sliding_window_pattern")?.integers
        else { return [] }
        let slides = pattern.prefix(count).map { $0 != 0 }
        func heads(_ kind: Bool) -> JSON? {
            slides.firstIndex(of: kind).flatMap {
                integer("attention.head_count_kv", ofLayer: $0).map { .integer($0) }
            }
        }
        return [
            ("num_hidden_layers", .integer(count)),
            (
                "layer_types",
                .array(slides.map { .text($0 ? "sliding_attention" : "full_attention") })
            ), ("num_key_value_heads", heads(false) ?? .null),
            ("swa_num_key_value_heads", heads(true) ?? .null),
            ("attention_value_scale", value("attention.value_scale")?.json ?? .null),
        ]
    }
}

extension TensorModules {
    /// Attention sinks under one of their names.
    fileprivate static func sinks(_ name: String) -> Self {
        .tensor(name, "attn_sinks.weight", [.headCount], presence: .optional)
    }
}

extension TensorRule.Condition {
    /// The layers with a sliding window, those that predict further tokens among them.
    fileprivate static let mimoSlides = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        let slides = try configuration.mimoSlides()
        return slides.indices.contains(block) ? slides[block] : true
    }

    /// The layers with experts.
    fileprivate static let mimoExperts = TensorRule.Condition { configuration, block in
        let types = configuration["mlp_layer_types"]?.array ?? []
        return types.indices.contains(block) && types[block].text == "sparse"
    }
}

extension ModelConfiguration {
    /// Which blocks have a sliding window; those that predict further tokens do.
    fileprivate func mimoSlides() throws(ArchitectureError) -> [Bool] {
        let pattern = self["hybrid_layer_pattern"]?.array ?? []
        let count = try numHiddenLayers()
        guard pattern.count == count else {
            throw fault(
                .invalidValue(found: "\(pattern.count) values", expected: "\(count) values"),
                "hybrid_layer_pattern")
        }
        return pattern.map { $0.integer == 1 } + [Bool](repeating: true, count: predictorCount)
    }

    /// 1 for each layer with a sliding window, by the words of transformers where there are no others.
    fileprivate var mimoPattern: JSON? {
        if let pattern = self["hybrid_layer_pattern"] { return pattern }
        if let types = self["layer_types"]?.array {
            return .array(types.map { .integer($0.text == "sliding_attention" ? 1 : 0) })
        }
        guard let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        return .array((0..<count).map { .integer($0 == 0 || ($0 + 1) % 6 == 0 ? 0 : 1) })
    }

    /// Which layers have experts, by the published words where there are no others.
    fileprivate var mimoNetworks: JSON? {
        guard self["mlp_layer_types"] == nil, let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        let frequency = self["moe_layer_freq"]?.array ?? []
        return .array(
            (0..<count).map { layer in
                let isSparse =
                    frequency.indices.contains(layer) ? frequency[layer].integer != 0 : layer > 0
                return .string(isSparse ? "sparse" : "dense")
            })
    }

    /// What values are multiplied by; transformers' class has a usual number where it is not said, and
    /// none where it is null.
    fileprivate var mimoValueScale: JSON? {
        if states("attention_value_scale") { return self["attention_value_scale"] }
        return self["layer_types"] == nil ? nil : .real(0.707)
    }
}
