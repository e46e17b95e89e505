import TensorCore

extension ModelFamily {
    /// Qwen3-Next: layers of the gated delta rule between layers of gated attention, routed experts
    /// and one that all tokens share.
    public static let qwen3Next = ModelFamily(
        name: "Qwen3Next",
        architecture: "qwen3next",
        classes: ["Qwen3NextForCausalLM"],
        // transformers: Qwen3NextConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 2048),
            .integer("intermediate_size", 5632), .integer("num_hidden_layers", 48),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 2),
            .integer("linear_num_value_heads", 32), .integer("num_experts_per_tok", 10),
            .same("num_experts", as: "num_local_experts"), .integer("num_experts", 512),
            .integer("moe_intermediate_size", 512),
            .integer("shared_expert_intermediate_size", 512), .boolean("norm_topk_prob", true),
        ] + .deltaLayers,
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
        ] + .deltaLayers,
        tensors: .deltaDecoder + qwen3NextMixer + .qwenExperts + .qwenSharedExpert,
        checkpoint: .init(multiTokenPrediction: .qwenPredictors),
        rotary: .yarnOrDynamic,
        checks: [.deltaLayers] + .qwenExperts(normalizes: true),
        export: .deltaLayers(modelType: "qwen3_next"),
        decoder: .deltaRule(experts: .init(normalisesWeights: true, shared: .stated)))

    /// The projections of a layer of the delta rule: each key head's query, key, values and gates
    /// stand together in a checkpoint.
    private static let qwen3NextMixer: [TensorRule] = {
        let layer = "model.layers.{bid}.linear_attn."
        let box: [Dimension] = [
            .keyHeads, 2 * .keyHead + 2 * (.valueRows / .keyHeads), .hidden,
        ]
        func part(_ start: Dimension, _ count: Dimension) -> TensorRule.Part {
            .init(0, .part(of: box, axis: 1, from: start, count: count))
        }
        let group = Dimension.valueRows / .keyHeads
        return [
            .init(
                [
                    .init(
                        layer + "in_proj_qkvz.weight",
                        [2 * .keyRows + 2 * .valueRows, .hidden])
                ],
                into: [
                    .init(
                        "blk.{bid}.attn_qkv.weight", [2 * .keyRows + .valueRows, .hidden],
                        [
                            part(0, .keyHead), part(.keyHead, .keyHead),
                            part(2 * .keyHead, group),
                        ]),
                    .init(
                        "blk.{bid}.attn_gate.weight", [.valueRows, .hidden],
                        [part(2 * .keyHead + group, group)]),
                ], where: .deltaRule),
            .init(
                layer + "in_proj_ba.weight", "blk.{bid}.ssm_ba.weight",
                [2 * .valueHeads, .hidden], where: .deltaRule),
            .init(
                layer + "out_proj.weight", "blk.{bid}.ssm_out.weight", [.hidden, .valueRows],
                where: .deltaRule),
            .init(
                layer + "A_log", "blk.{bid}.ssm_a", [.valueHeads], where: .deltaRule,
                transform: .negatedExponential),
            .init(
                layer + "dt_bias", "blk.{bid}.ssm_dt.bias", [.valueHeads], where: .deltaRule),
            .init(
                [
                    .init(
                        layer + "conv1d.weight",
                        [2 * .keyRows + .valueRows, 1, .key("linear_conv_kernel_dim")])
                ],
                into: [
                    .init(
                        "blk.{bid}.ssm_conv1d.weight",
                        [2 * .keyRows + .valueRows, .key("linear_conv_kernel_dim")])
                ], where: .deltaRule),
        ]
    }()
}

extension Dimension {
    /// The key heads of a layer of the delta rule.
    static let keyHeads = Dimension.key("linear_num_key_heads")
    /// Its value heads.
    static let valueHeads = Dimension.key("linear_num_value_heads")
    /// The values of one key head.
    static let keyHead = Dimension.key("linear_key_head_dim")
    /// The values of one value head.
    static let valueHead = Dimension.key("linear_value_head_dim")
    /// The values of all key heads.
    static let keyRows = keyHeads * keyHead
    /// The values of all value heads.
    static let valueRows = valueHeads * valueHead
}

extension [ConfigurationDefault] {
    /// What Qwen's models with layers of the delta rule assume.
    static let deltaLayers: Self = [
        .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
        .real("rope_theta", 10000), .real("partial_rotary_factor", 0.25),
        .integer("head_dim", 256), .integer("linear_conv_kernel_dim", 4),
        .integer("linear_key_head_dim", 128), .integer("linear_value_head_dim", 128),
        .integer("linear_num_key_heads", 16),
        // The reference converter writes an interval of 4 where it goes by the interval itself;
        // readers go by the list of layers that it writes beside it.
        .computed("written_attention_interval") {
            $0["layer_types"] == nil
                ? .integer(4) : $0["full_attention_interval"] ?? .integer(4)
        },
        .computed("layer_types") { $0.deltaLayerTypes() },
    ]
}

extension ConfigurationExport {
    /// The way back for Qwen's models with layers of the delta rule.
    static func deltaLayers(
        modelType: String,
        rotarySections: @escaping @Sendable (Source) -> [Int]? = { _ in nil }
    ) -> Self {
        .init(
            modelType: modelType,
            words: [
                "block_count": nil, "ssm.conv_kernel": "linear_conv_kernel_dim",
                "ssm.state_size": "linear_key_head_dim",
                "ssm.group_count": "linear_num_key_heads",
                "ssm.time_step_rank": "linear_num_value_heads",
                "full_attention_interval": "full_attention_interval",
                "nextn_predict_layers": "mtp_num_hidden_layers",
            ],
            rotaryShare: "partial_rotary_factor", rotarySections: rotarySections,
            computed: { source in
                var entries: [Entry] = [
                    ("attention_bias", .bool(source.anyBlock(has: "attn_q.bias")))
                ]
                if let inner = source.integer("ssm.inner_size"),
                    let heads = source.integer("ssm.time_step_rank"), heads > 0
                {
                    entries.append(("linear_value_head_dim", .integer(inner / heads)))
                }
                guard let count = source.layerCount else { return entries }
                entries.append(("num_hidden_layers", .integer(count)))
                let interval = max(1, source.integer("full_attention_interval") ?? 4)
                var recurrent = (1...count).map { $0 % interval != 0 }
                if case .bools(let layers)? = source.value("attention.recurrent_layers") {
                    recurrent = Array(layers.prefix(count))
                }
                let types = recurrent.map { $0 ? "linear_attention" : "full_attention" }
                entries.append(("layer_types", .array(types.map { .text($0) })))
                return entries
            })
    }
}

extension [HyperparameterRule] {
    /// The keys of Qwen's models about layers of the delta rule.
    static let deltaLayers: Self = [
        .entries { configuration throws(ArchitectureError) in
            guard configuration.predictorCount > 0 else { return [] }
            return [
                .init(
                    "{arch}.nextn_predict_layers",
                    try configuration.uint32(configuration.predictorCount, "mtp_num_hidden_layers"))
            ]
        },
        .count("ssm.conv_kernel", "linear_conv_kernel_dim"),
        .count("ssm.state_size", "linear_key_head_dim"),
        .count("ssm.group_count", "linear_num_key_heads"),
        .count("ssm.time_step_rank", "linear_num_value_heads"),
        .size("ssm.inner_size", .valueRows),
        .entries { configuration throws(ArchitectureError) in
            var recurrent: [Bool] = []
            for block in 0..<(try configuration.blockCount()) {
                recurrent.append(try configuration.hasDeltaRule(block))
            }
            return [.init("{arch}.attention.recurrent_layers", .bools(recurrent))]
        },
        .count("full_attention_interval", "written_attention_interval"),
        .count("rope.dimension_count") { configuration throws(ArchitectureError) in
            try configuration.rotaryDimension(
                ofHeadShare: RotaryParameters(configuration).partialFactor ?? 0.25)
        },
    ]
}

extension [TensorRule] {
    /// What all of Qwen's models with layers of the delta rule have: ends, norms, gated attention,
    /// and layers that predict further tokens.
    static let deltaDecoder: [TensorRule] = {
        let layer = "model.layers.{bid}."
        let block = "blk.{bid}."
        func norm(
            _ source: String, _ name: String, _ length: Dimension,
            where condition: TensorRule.Condition = .always,
            presence: TensorRule.Presence = .required
        ) -> TensorRule {
            .init(
                layer + source + ".weight", block + name + ".weight", [length], presence: presence,
                where: condition, transform: .plusOne)
        }
        var rules: [TensorRule] = [
            .init("model.embed_tokens.weight", "token_embd.weight", [.vocabulary, .hidden]),
            .init(
                "model.norm.weight", "output_norm.weight", [.hidden], transform: .plusOne),
            .init("lm_head.weight", "output.weight", [.vocabulary, .hidden], presence: .optional),
            norm("input_layernorm", "attn_norm", .hidden),
            norm("post_attention_layernorm", "post_attention_norm", .hidden),
            norm("self_attn.q_norm", "attn_q_norm", .head, where: !.deltaRule),
            norm("self_attn.k_norm", "attn_k_norm", .head, where: !.deltaRule),
            .init(
                layer + "linear_attn.norm.weight", block + "ssm_norm.weight", [.valueHead],
                where: .deltaRule),
            .init(
                layer + "eh_proj.weight", block + "nextn.eh_proj.weight",
                [.hidden, 2 * .hidden], where: .predictsNext),
            norm("enorm", "nextn.enorm", .hidden, where: .predictsNext),
            norm("hnorm", "nextn.hnorm", .hidden, where: .predictsNext),
            norm("shared_head.norm", "nextn.shared_head_norm", .hidden, where: .predictsNext),
        ]
        // A query head's rows are its query, then its gate.
        for (source, name, shape) in [
            ("q_proj", "attn_q", [2 * Dimension.queryHeads, .hidden]),
            ("k_proj", "attn_k", [.keyValueHeads, .hidden]),
            ("v_proj", "attn_v", [.keyValueHeads, .hidden]),
            ("o_proj", "attn_output", [.hidden, .queryHeads]),
        ] {
            rules += .projection(
                layer + "self_attn." + source, block + name, shape, bias: .optional,
                where: !.deltaRule)
        }
        return rules
    }()
}

extension TensorRule.Condition {
    /// The layers of the delta rule.
    static let deltaRule = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try configuration.hasDeltaRule(block)
    }

    /// The first of the layers that predict further tokens.
    static let predictsNext = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try block == configuration.numHiddenLayers()
    }
}

extension MultiTokenPrediction {
    /// How Qwen's models name layers that predict further tokens.
    static let qwenPredictors = Self.apart(
        prefix: "mtp.",
        modules: [
            "fc": "eh_proj", "pre_fc_norm_embedding": "enorm", "pre_fc_norm_hidden": "hnorm",
            "norm": "shared_head.norm",
        ])
}

extension ModelConfiguration {
    /// Whether a layer has the delta rule; layers that predict further tokens have attention.
    func hasDeltaRule(_ block: Int) throws(ArchitectureError) -> Bool {
        guard try block < numHiddenLayers() else { return false }
        let types = self["layer_types"]?.array ?? []
        let type = types.indices.contains(block) ? types[block].text : nil
        guard type == "linear_attention" || type == "full_attention" else {
            throw fault(
                .invalidValue(
                    found: type.map { "\"\($0)\"" } ?? "no type of layer \(block)",
                    expected: "linear_attention or full_attention"), "layer_types")
        }
        return type == "linear_attention"
    }

    /// The types of the layers where the file has an interval: every so many has attention.
    fileprivate func deltaLayerTypes() -> JSON? {
        let interval = self["full_attention_interval"] ?? .integer(4)
        guard self["layer_types"] == nil, let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count), let period = interval.integer,
            period > 0
        else { return nil }
        return .array(
            (1...count).map {
                .text($0 % period == 0 ? "full_attention" : "linear_attention")
            })
    }

}

extension ConfigurationCheck {
    /// Value heads of the delta rule that can be shared out among its key heads.
    static let deltaLayers = refusing { configuration throws(ArchitectureError) in
        let keyHeads = try Dimension.keyHeads.size(in: configuration)
        let valueHeads = try Dimension.valueHeads.size(in: configuration)
        guard valueHeads % keyHeads == 0 else {
            throw configuration.fault(
                .unevenHeadGroups(heads: valueHeads, keyValueHeads: keyHeads),
                "linear_num_value_heads")
        }
    }
}

extension DecoderRule {
    /// Blocks of the gated delta rule between blocks of gated attention.
    static func deltaRule(experts: ExpertStyle? = nil) -> Self {
        .custom { model throws(DecoderDescriptionError) in
            try model.deltaDecoder(experts: experts)
        }
    }
}
