import TensorCore

extension ModelFamily {
    /// Poolside's Laguna: gated attention whose layers with a window have heads and a rotation of their
    /// own, DeepSeek V3's experts after dense layers.
    public static let laguna = ModelFamily(
        name: "Laguna", architecture: "laguna", classes: ["LagunaForCausalLM"],
        // transformers: LagunaConfig
        defaults: [
            .integer("vocab_size", 100352), .integer("hidden_size", 2048),
            .integer("intermediate_size", 8192), .integer("num_hidden_layers", 40),
            .integer("num_attention_heads", 48), .integer("num_key_value_heads", 8),
            .integer("head_dim", 128), .integer("max_position_embeddings", 131072),
            .real("rms_norm_eps", 1e-6), .integer("sliding_window", 512),
            .integer("moe_intermediate_size", 512),
            .integer("shared_expert_intermediate_size", 512),
            .same("num_experts", as: "num_local_experts"), .integer("num_experts", 256),
            .integer("num_experts_per_tok", 8), .real("moe_routed_scaling_factor", 1),
            .denseLayers(standard: 1),
            .computed("rope_parameters") { configuration in
                configuration["rope_parameters"] == nil ? usualRotation : nil
            },
            .computed("full_attention_heads") { $0.lagunaHeads(sliding: false) },
            .computed("sliding_attention_heads") { $0.lagunaHeads(sliding: true) },
            .computed("attention_gate_length") { $0.lagunaGateLength },
        ],
        keys: .common + [
            .count("vocab_size", "vocab_size"),
            .entries { configuration throws(ArchitectureError) in
                var heads: [Int32] = []
                for layer in 0..<(try configuration.numHiddenLayers()) {
                    let key = configuration.slides(layer) ? "sliding" : "full"
                    heads.append(
                        Int32(clamping: try configuration.required("\(key)_attention_heads")))
                }
                return [.init("{arch}.attention.head_count", .int32s(heads))]
            },
            .entries { configuration throws(ArchitectureError) in
                guard try configuration.slidingLayers()?.contains(true) == true,
                    let window = try configuration.integer("sliding_window"), window > 0
                else { return [] }
                return [
                    .init(
                        "{arch}.attention.sliding_window",
                        try configuration.uint32(window, "sliding_window"))
                ]
            },
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
            .constant("expert_weights_norm", .bool(true)),
            .number("expert_weights_scale", "moe_routed_scaling_factor"),
            .constant("expert_gating_func", .uint32(2)),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                try configuration.rotaryDimension(
                    ofHeadShare: RotaryParameters(configuration).partialFactor ?? 1)
            },
            .entries { configuration throws(ArchitectureError) in
                guard let local = configuration["rope_parameters"]?["sliding_attention"] else {
                    return []
                }
                let count = try configuration.rotaryDimension(
                    ofHeadShare: local["partial_rotary_factor"]?.double ?? 1)
                return [
                    .init(
                        "{arch}.rope.dimension_count_swa",
                        try configuration.uint32(count, "partial_rotary_factor"))
                ]
            },
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .headNorms()),
            .blocks(where: !.slides, .lagunaAttention(.key("full_attention_heads"))),
            .blocks(where: .slides, .lagunaAttention(.key("sliding_attention_heads"))),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .sparseAfterFirst,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("gate.e_score_correction_bias", "exp_probs_b.bias", [.experts]),
                .gatedNetwork(
                    "shared_experts", width: .key("shared_expert_intermediate_size"),
                    suffix: "_shexp"),
                .experts(
                    [("gate_proj", "gate"), ("up_proj", "up"), ("down_proj", "down")],
                    width: .key("moe_intermediate_size"))),
        ],
        checkpoint: .init(spellings: [
            .init(
                ".mlp.experts.e_score_correction_bias", means: ".mlp.gate.e_score_correction_bias"),
            .init(".mlp.shared_expert.", means: ".mlp.shared_experts."),
        ]),
        checks: [
            .activation(.silu), .off("moe_apply_router_weight_on_input"), .denseLayersFirst,
            .number("moe_router_logit_softcapping", 0), .lagunaLayers,
        ],
        export: .init(
            modelType: "laguna",
            words: [
                "attention.head_count": nil, "leading_dense_block_count": nil,
                "expert_weights_scale": "moe_routed_scaling_factor",
            ], presence: [("blk.0.attn_q.bias", "attention_bias")], turnsByLayerType: true,
            computed: { $0.networkTypes + $0.lagunaLayers }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            let base = try model.positiveNumber("rope.freq_base_swa")
            let turned = try model.optionalCount("rope.dimension_count_swa")
            return try model.decoder(
                .init(
                    pairing: .halves, headNorms: .head, windowPeriod: 4, fullBlockIsFirst: true,
                    experts: .init(scoring: .sigmoid, normalisesWeights: true, shared: .stated))
            ) { index, block in
                let gate = "blk.\(index).attn_gate"
                let output = block.attention.output
                block.attention.gate = model.projection(
                    gate, outputs: model.rowCount("\(gate).weight") ?? block.attention.headCount,
                    inputs: output.outputs)
                block.attention.gateFunction = .softplus
                guard block.attention.window != nil else { return }
                block.attention.rotary?.removeScaling()
                if let base { block.attention.rotary?.base = Double(base) }
                if let turned, turned <= block.attention.keyLength, turned % 2 == 0 {
                    block.attention.rotary?.dimensionCount = turned
                }
            }
        })

    private static let usualRotation = JSON.object(
        [("full_attention", 500_000.0, 0.5), ("sliding_attention", 10_000.0, 1.0)].map {
            key, base, share in
            .init(
                key: ByteString(key),
                value: .object([
                    .init(key: "rope_type", value: .string("default")),
                    .init(key: "rope_theta", value: .real(base)),
                    .init(key: "partial_rotary_factor", value: .real(share)),
                ]))
        })
}

extension ConfigurationExport.Source {
    /// Heads and kinds of layers, and what a gate opens.
    fileprivate var lagunaLayers: [ConfigurationExport.Entry] {
        let heads = value("attention.head_count")?.integers ?? []
        let slides = integer("attention.sliding_window") ?? 0 > 0
        let types = heads.indices.map {
            slides && $0 % 4 != 0 ? "sliding_attention" : "full_attention"
        }
        let isByHead = shape("blk.0.attn_gate.weight")?.first == heads.first
        return [
            ("num_attention_heads", heads.first.map { .integer($0) } ?? .null),
            ("num_attention_heads_per_layer", .array(heads.map { .integer($0) })),
            ("layer_types", .array(types.map { .text($0) })),
            ("gating", .text(isByHead ? "per-head" : "per-element")),
        ]
    }
}

extension TensorModules {
    /// Attention of so many heads, with a gate.
    fileprivate static func lagunaAttention(_ heads: Dimension) -> Self {
        [
            .init("self_attn.q_proj", "attn_q", [heads * .head, .hidden], bias: .optional),
            .init("self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden], bias: .optional),
            .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden], bias: .optional),
            .init("self_attn.o_proj", "attn_output", [.hidden, heads * .head], bias: .optional),
            .init(
                "self_attn.g_proj", "attn_gate", [heads * .key("attention_gate_length"), .hidden]),
        ]
    }
}

extension ConfigurationCheck {
    /// Layers whose kind says how many heads they have, one in four seeing everything.
    fileprivate static let lagunaLayers = refusing { configuration throws(ArchitectureError) in
        for kind in ["full", "sliding"] {
            let key = "\(kind)_attention_heads"
            guard configuration[key] == nil else { continue }
            throw configuration.inexpressible(
                "num_attention_heads_per_layer", found: "several numbers for \(kind) attention",
                expected: "one number")
        }
        if configuration["attention_gate_length"] == nil {
            throw configuration.inexpressible(
                "gating", found: "gates of several kinds", expected: "per-head or per-element")
        }
        guard try configuration.slidingLayers()?.contains(true) == true else { return }
        try configuration.requireLayerTypes("full attention in every fourth layer from the first") {
            $0 % 4 != 0
        }
    }
}

extension TensorRule.Condition {
    /// The layers with a sliding window, which `layer_types` names.
    fileprivate static let slides = TensorRule.Condition { configuration, block in
        configuration.slides(block)
    }
}

extension ModelConfiguration {
    /// Whether a layer has a sliding window.
    fileprivate func slides(_ layer: Int) -> Bool {
        let types = self["layer_types"]?.array ?? []
        return types.indices.contains(layer) && types[layer].text == "sliding_attention"
    }

    /// How many heads layers of a kind have; `nil` where they differ.
    fileprivate func lagunaHeads(sliding: Bool) -> JSON? {
        let usual = self["num_attention_heads"]
        let all = self["num_attention_heads_per_layer"]?.array ?? []
        let heads = Set(all.indices.filter { slides($0) == sliding }.map { all[$0].integer ?? 0 })
        guard heads.count < 2 else { return nil }
        return heads.first.map { .integer($0) } ?? usual
    }

    /// How many numbers a head's gate has: one, or one for each element.
    fileprivate var lagunaGateLength: JSON? {
        var kinds = Set((self["gating_types"]?.array ?? []).compactMap(\.text))
        if kinds.isEmpty { kinds = [self["gating"]?.text ?? "per-head"] }
        guard kinds.count == 1, let kind = kinds.first?.replacing("_", with: "-") else {
            return nil
        }
        switch kind {
        case "per-head": return .integer(1)
        case "per-element": return self["head_dim"]
        default: return nil
        }
    }
}
