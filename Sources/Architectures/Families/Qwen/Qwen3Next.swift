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
        tensors: [
            .deltaDecoder,
            .blocks(of: "model.layers.{bid}.linear_attn.", where: .deltaRule, qwen3NextMixer),
            .blocks(.qwenExperts, .qwenSharedExpert),
        ],
        checkpoint: .init(multiTokenPrediction: .mtpLayers),
        rotary: .yarnOrDynamic,
        checks: [.deltaLayers] + .qwenExperts(normalizes: true),
        export: .deltaLayers(modelType: "qwen3_next"),
        decoder: .deltaRule(experts: .init(normalisesWeights: true, shared: .stated)))

    /// The projections of a layer of the delta rule: each key head's query, key, values and gates
    /// stand together in a checkpoint.
    private static let qwen3NextMixer: TensorModules = {
        let (rows, kernel) = (2 * .keyRows + .valueRows, Dimension.key("linear_conv_kernel_dim"))
        let group = Dimension.valueRows / .keyHeads
        let box = TensorView.reshaped([.keyHeads, 2 * .keyHead + 2 * group, .hidden])
        func part(_ start: Dimension, _ count: Dimension) -> TensorRule.Part {
            .init(0, box.narrowed(1, from: start, count: count))
        }
        return [
            .tensors(
                [.init("in_proj_qkvz.weight", [2 * .keyRows + 2 * .valueRows, .hidden])],
                into: [
                    .init(
                        "attn_qkv.weight", [rows, .hidden],
                        [
                            part(0, .keyHead), part(.keyHead, .keyHead),
                            part(2 * .keyHead, group),
                        ]),
                    .init(
                        "attn_gate.weight", [.valueRows, .hidden],
                        [part(2 * .keyHead + group, group)]),
                ]),
            .init("in_proj_ba", "ssm_ba", [2 * .valueHeads, .hidden]),
            .init("out_proj", "ssm_out", [.hidden, .valueRows]),
            .tensor("A_log", "ssm_a", [.valueHeads], change: .negatedExponential),
            .tensor("dt_bias", "ssm_dt.bias", [.valueHeads]),
            .tensor(
                "conv1d.weight", "ssm_conv1d.weight", [rows, kernel], from: [rows, 1, kernel]),
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

extension [MetadataRule] {
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

extension TensorModules {
    /// What all of Qwen's models with layers of the delta rule have: ends, norms, gated attention,
    /// and layers that predict further tokens (MTP).
    static let deltaDecoder: Self = [
        .ends(normTransform: .plusOne),
        .blocks(
            .norm("input_layernorm", "attn_norm", transform: .plusOne),
            .norm("post_attention_layernorm", "post_attention_norm", transform: .plusOne)),
        .gatedAttention,
        .blocks(where: .deltaRule, .norm("linear_attn.norm", "ssm_norm", .valueHead)),
        .blocks(
            where: .predictsNext, .init("eh_proj", "nextn.eh_proj", [.hidden, 2 * .hidden]),
            .norm("enorm", "nextn.enorm", transform: .plusOne),
            .norm("hnorm", "nextn.hnorm", transform: .plusOne),
            .norm("shared_head.norm", "nextn.shared_head_norm", transform: .plusOne)),
    ]

    /// The attention of layers without the delta rule.
    static let gatedAttention = blocks(
        where: !.deltaRule, .headNorms(transform: .plusOne),
        // A query head's rows are its query, then its gate.
        .init("self_attn.q_proj", "attn_q", [2 * .queryHeads, .hidden], bias: .optional),
        .init("self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden], bias: .optional),
        .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden], bias: .optional),
        .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads], bias: .optional))
}
