import TensorCore

extension ModelFamily {
    /// NVIDIA's Nemotron-H and Nemotron 3 Nano: every layer is a state space of Mamba-2, attention
    /// without positions, or a network, dense or with experts.
    public static let nemotronH = ModelFamily(
        name: "NemotronH",
        architecture: "nemotron_h",
        variants: [
            .init("nemotron_h_moe") { configuration throws(ArchitectureError) in
                try configuration.nemotronLayers().contains(.experts)
            }
        ],
        classes: ["NemotronHForCausalLM"],
        // transformers: NemotronHConfig
        defaults: [
            .integer("vocab_size", 131072), .integer("hidden_size", 4096),
            .computed("layers_block_type") { $0.nemotronLayerTypes() },
            .computed("num_hidden_layers") { configuration in
                configuration["layers_block_type"]?.array.map { .integer($0.count) }
            },
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .same("head_dim", as: "attention_head_dim"), .integer("head_dim", 128),
            .integer("max_position_embeddings", 4096), .integer("intermediate_size", 21504),
            .integer("ssm_state_size", 128), .integer("mamba_num_heads", 128),
            .integer("mamba_head_dim", 64), .integer("n_groups", 8), .integer("conv_kernel", 4),
            .replacement("n_groups", by: "mamba_n_groups"),
            .replacement("conv_kernel", by: "mamba_d_conv"),
            .integer("n_routed_experts", 8), .integer("n_shared_experts", 1),
            .integer("moe_intermediate_size", 7688),
            .integer("moe_shared_expert_intermediate_size", 7688),
            .integer("num_experts_per_tok", 2), .real("routed_scaling_factor", 1),
            .integer("n_group", 1), .integer("topk_group", 1), .boolean("norm_topk_prob", true),
            .real("layer_norm_epsilon", 1e-5),
        ],
        keys: nemotronKeys + .stateSpace(nemotronStateSpace) + [
            .keyValueHeads(where: .isLayer(.attention)),
            // Nothing turns, and there is no limit; the reference converter writes this one.
            .entries { _ in
                [
                    .init("{arch}.rope.scaling.finetuned", .bool(false)),
                    .init("{arch}.context_length", .uint32(1 << 20)),
                ]
            },
            .count("attention.key_length", "head_dim"),
            .count("attention.value_length", "head_dim"),
            .entries { configuration throws(ArchitectureError) in
                let layers = try configuration.nemotronLayers()
                let isSparse = layers.contains(.experts)
                let width = try configuration.required(
                    isSparse ? "moe_intermediate_size" : "intermediate_size")
                var entries: [MetadataEntry] = [
                    .init(
                        "{arch}.feed_forward_length",
                        .int32s(
                            layers.map {
                                $0 == .network || $0 == .experts ? Int32(clamping: width) : 0
                            }))
                ]
                guard isSparse else { return entries }
                for (key, name) in [
                    ("expert_used_count", "num_experts_per_tok"),
                    ("expert_feed_forward_length", "moe_intermediate_size"),
                    (
                        "expert_shared_feed_forward_length",
                        "moe_shared_expert_intermediate_size"
                    ),
                    ("expert_count", "n_routed_experts"),
                    ("expert_shared_count", "n_shared_experts"),
                ] {
                    let value = try configuration.required(name)
                    entries.append(
                        .init("{arch}.\(key)", try configuration.uint32(value, name)))
                }
                let scale = try configuration.number(["routed_scaling_factor"]) ?? 1
                return entries + [
                    .init(
                        "{arch}.expert_weights_norm",
                        .bool(configuration["norm_topk_prob"]?.boolean ?? true)),
                    .init("{arch}.expert_weights_scale", .float32(Float(scale))),
                ]
            },
            .count("moe_latent_size", "moe_latent_size"),
        ],
        tensors: [
            .nemotronDecoder, .nemotronExperts(width: .key("moe_intermediate_size")),
            .blocks(
                of: nemotronMixer, where: .isLayer(.network),
                .plainNetwork("up_proj", "down_proj", bias: .optional)),
        ],
        checks: [
            .activation(["relu2"], at: "mlp_hidden_act"),
            .activation(.silu, at: "mamba_hidden_act"),
            .stateSpace(
                nemotronStateSpace, projectionBias: "use_bias", headLength: "mamba_head_dim"),
            .refused(.number("num_nextn_predict_layers", 0)),
            .refusing { configuration throws(ArchitectureError) in
                try configuration.reviewNemotronExperts()
            },
        ],
        export: .init(
            modelType: "nemotron_h",
            words: [
                "block_count": nil, "attention.head_count_kv": nil, "feed_forward_length": nil,
                "attention.layer_norm_epsilon": "layer_norm_epsilon",
                "rope.freq_base": "rope_theta", "expert_count": "n_routed_experts",
                "expert_shared_feed_forward_length": "moe_shared_expert_intermediate_size",
                "expert_weights_norm": "norm_topk_prob", "ssm.conv_kernel": "conv_kernel",
                "ssm.state_size": "ssm_state_size", "ssm.group_count": "n_groups",
                "ssm.time_step_rank": "mamba_num_heads",
            ],
            constants: [("use_bias", .bool(false))],
            computed: { source in
                let heads = source.value("attention.head_count_kv")?.integers ?? []
                let widths = source.value("feed_forward_length")?.integers ?? []
                let isSparse = source.value("expert_count") != nil
                let types = zip(heads, widths).map { heads, width in
                    width > 0 ? isSparse ? "moe" : "mlp" : heads > 0 ? "attention" : "mamba"
                }
                var entries: [ConfigurationExport.Entry] = [
                    ("num_key_value_heads", .integer(heads.max() ?? 0)),
                    ("layers_block_type", .array(types.map { .text($0) })),
                    ("mlp_bias", .bool(source.anyBlock(has: "ffn_up.bias"))),
                    ("use_conv_bias", .bool(source.anyBlock(has: "ssm_conv1d.bias"))),
                ]
                if !isSparse, let width = widths.max(), width > 0 {
                    entries.append(("intermediate_size", .integer(width)))
                }
                if let inner = source.integer("ssm.inner_size"),
                    let count = source.integer("ssm.time_step_rank"), count > 0
                {
                    entries.append(("mamba_head_dim", .integer(inner / count)))
                }
                return entries
            }),
        decoder: .nemotron)

    static let nemotronStateSpace = StateSpaceSizes(
        heads: .key("mamba_num_heads"), groups: .key("n_groups"),
        width: .key("mamba_num_heads") * .key("mamba_head_dim"), state: .key("ssm_state_size"),
        kernel: .key("conv_kernel"))

    /// The common keys; without experts none about experts, which the configuration has all the same.
    private static let nemotronKeys: [MetadataRule] =
        ([MetadataRule].commonWithoutHeadLength).map { rule in
            guard case .entries(let make) = rule else { return rule }
            return .entries { configuration throws(ArchitectureError) in
                let entries = try make(configuration)
                return try configuration.nemotronLayers().contains(.experts)
                    ? entries : entries.filter { !$0.key.hasPrefix("{arch}.expert_") }
            }
        } + [
            .fileType, .count("vocab_size", "vocab_size"),
            // Nothing turns; the reference converter leaves a head's own size out of account.
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                try configuration.hiddenSize() / configuration.numAttentionHeads()
            },
        ]

    fileprivate static let nemotronMixer = "backbone.layers.{bid}.mixer."
}

extension TensorModules {
    /// What all of Nemotron-H's models have: ends, norms, state spaces and attention.
    static let nemotronDecoder: Self = [
        .ends("backbone.embeddings", norm: "backbone.norm_f"),
        .blocks(of: "backbone.layers.{bid}.", .norm("norm", "attn_norm")),
        .blocks(
            of: ModelFamily.nemotronMixer, where: .isLayer(.stateSpace),
            .stateSpace("", ModelFamily.nemotronStateSpace)),
        // Queries and keys as they are for neighbouring pairs, although nothing turns: the reference
        // converter moves them.
        .blocks(
            of: ModelFamily.nemotronMixer, where: .isLayer(.attention),
            .init("q_proj", "attn_q", [.queryHeads, .hidden], transform: .rotaryPairs(.query)),
            .init(
                "k_proj", "attn_k", [.keyValueHeads, .hidden],
                transform: .rotaryPairs(.keyValue)),
            .init("v_proj", "attn_v", [.keyValueHeads, .hidden]),
            .init("o_proj", "attn_output", [.hidden, .queryHeads])),
    ]

    /// Experts, which may see a shorter row than the layer has, and the network that all tokens pass.
    static func nemotronExperts(width: Dimension) -> Self {
        let inner = Dimension.key("moe_latent_size", or: .hidden)
        let shared = Dimension.key("moe_shared_expert_intermediate_size")
        return .blocks(
            of: ModelFamily.nemotronMixer, where: .isLayer(.experts),
            .tensors(
                [
                    .init("experts.{xid}.down_proj.weight", [inner, width]),
                    .init("experts.{xid}.up_proj.weight", [width, inner]),
                ],
                into: [
                    .init("ffn_down_exps.weight", [.experts, inner, width], [.init(0)]),
                    .init("ffn_up_exps.weight", [.experts, width, inner], [.init(1)]),
                ]),
            .tensor("experts.up_proj", "ffn_up_exps.weight", [.experts, width, inner]),
            .tensor("experts.down_proj", "ffn_down_exps.weight", [.experts, inner, width]),
            .init("gate", "ffn_gate_inp", [.experts, .hidden]),
            .tensor("gate.e_score_correction_bias", "exp_probs_b.bias", [.experts]),
            .only(
                where: .hasLatentExperts,
                .init("fc1_latent_proj", "ffn_latent_down", [.key("moe_latent_size"), .hidden]),
                .init("fc2_latent_proj", "ffn_latent_up", [.hidden, .key("moe_latent_size")])),
            .init("shared_experts.up_proj", "ffn_up_shexp", [shared, .hidden]),
            .init("shared_experts.down_proj", "ffn_down_shexp", [.hidden, shared]))
    }
}

extension DecoderRule {
    /// A block is one of a state space, attention without positions, or a network, told by its counts of
    /// key heads and of hidden rows.
    static let nemotron = custom { model throws(DecoderDescriptionError) in
        let widths = try model.counts(
            "feed_forward_length", blockCount: model.blockCount(), orZero: true)
        let style = DecoderStyle(
            feedForwardNorm: "attn_norm", network: .plain, activation: .reluSquared,
            recurrence: .stateSpace,
            experts: .init(
                scoring: .sigmoid, normalisesWeights: false, activation: .reluSquared,
                isGated: false, shared: .stated, mayMiss: true))
        return try model.decoder(style) { index, block in
            if widths?[index] == 0 {
                block.feedForward = .absent
                block.feedForwardNorm = nil
            } else {
                block.mixer = .absent
                block.attentionNorm = nil
            }
        }
    }
}

/// What a layer of Nemotron-H is.
enum NemotronLayer {
    case stateSpace
    case attention
    case network
    case experts

    /// The kind by its name.
    init?(_ name: String) {
        switch name {
        case "mamba", "linear_attention": self = .stateSpace
        case "attention", "full_attention": self = .attention
        case "mlp": self = .network
        case "moe": self = .experts
        default: return nil
        }
    }
}

extension TensorRule.Condition {
    static func isLayer(_ kind: NemotronLayer) -> Self {
        .init { configuration, block throws(ArchitectureError) in
            try configuration.nemotronLayer(block) == kind
        }
    }

    /// Models whose experts see a shorter row than the layers have.
    fileprivate static let hasLatentExperts = TensorRule.Condition { configuration, _ in
        configuration["moe_latent_size"] != nil
    }
}

extension ModelConfiguration {
    func nemotronLayer(_ block: Int) throws(ArchitectureError) -> NemotronLayer {
        let types = self["layers_block_type"]?.array ?? []
        guard types.indices.contains(block),
            let kind = types[block].text.flatMap(NemotronLayer.init)
        else {
            throw fault(
                .invalidValue(
                    found: "no known type of layer \(block)",
                    expected: "mamba, attention, mlp or moe"), "layers_block_type")
        }
        return kind
    }

    /// What readers take for granted about models with experts.
    fileprivate func reviewNemotronExperts() throws(ArchitectureError) {
        let layers = try nemotronLayers()
        guard layers.contains(.experts) else { return }
        try require("mlp_bias", false)
        if layers.contains(.network) {
            throw inexpressible(
                "layers_block_type", found: "mlp beside moe", expected: "one kind of network")
        }
    }

    func nemotronLayers() throws(ArchitectureError) -> [NemotronLayer] {
        var layers: [NemotronLayer] = []
        for block in 0..<(try numHiddenLayers()) { layers.append(try nemotronLayer(block)) }
        return layers
    }

    /// The layers' kinds where they are given by letters.
    fileprivate func nemotronLayerTypes() -> JSON? {
        if let types = self["layers_block_type"] ?? self["layer_types"] { return types }
        guard let pattern = self["hybrid_override_pattern"]?.text else {
            return .array(["mamba", "moe", "attention", "mlp"].map { .text($0) })
        }
        let names: [Character: String] = ["M": "mamba", "*": "attention", "-": "mlp", "E": "moe"]
        return .array(pattern.map { .text(names[$0] ?? "\($0)") })
    }
}
