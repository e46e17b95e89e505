import TensorCore

extension ModelFamily {
    /// Gemma 4, text-only or the language model of a multimodal checkpoint: Gemma 3 with heads of
    /// another size in layers that see the whole context, embeddings for every layer, layers that
    /// take keys and values from an earlier one, and experts beside the network.
    public static let gemma4 = ModelFamily(
        name: "Gemma4",
        architecture: "gemma4",
        classes: [
            "Gemma4ForCausalLM", "Gemma4ForConditionalGeneration",
            "Gemma4UnifiedForConditionalGeneration",
        ],
        // transformers: Gemma4TextConfig
        defaults: .ofType(
            "gemma4_unified_text",
            values: [
                "max_position_embeddings": .integer(262_144), "sliding_window": .integer(1024),
            ]) + [
                .integer("vocab_size", 262_144), .integer("hidden_size", 2304),
                .integer("intermediate_size", 9216), .integer("num_hidden_layers", 30),
                .integer("num_attention_heads", 8), .integer("num_key_value_heads", 4),
                .integer("head_dim", 256), .integer("max_position_embeddings", 131_072),
                .real("rms_norm_eps", 1e-6), .integer("sliding_window", 512),
                .integer("vocab_size_per_layer_input", 262_144),
                .integer("hidden_size_per_layer_input", 256), .integer("num_kv_shared_layers", 0),
                .boolean("attention_k_eq_v", false), .boolean("use_double_wide_mlp", false),
                .boolean("enable_moe_block", false), .boolean("tie_word_embeddings", true),
                .computed("rope_parameters") { $0["rope_parameters"] == nil ? .gemma4Rotary : nil },
                .computed("layer_types") { $0.gemma4LayerTypes() },
                .computed("full_head_dim") {
                    $0["global_head_dim"] ?? $0.gemma4Override("head_dim") ?? .integer(512)
                },
                .computed("full_key_value_heads") { $0.gemma4KeyValueHeads() },
            ],
        keys: .common + gemma4Keys + [.gemma4SuppressedTokens],
        tensors: gemma4Tensors,
        rotary: .init(["proportional"]) { configuration throws(ArchitectureError) in
            // Pairs that do not turn have a frequency next to nothing.
            let length = try configuration.required("full_head_dim")
            let share = try RotaryParameters(configuration).partialFactor ?? 1
            guard share >= 0, share <= 1, length <= 1 << 16 else {
                throw configuration.fault(
                    .invalidValue(found: "\(share)", expected: "a share from 0 to 1"),
                    "rope_parameters.full_attention.partial_rotary_factor")
            }
            let turning = Int(Double(length) * share / 2)
            return [
                .init(
                    "rope_freqs.weight",
                    [Float](repeating: 1, count: turning)
                        + [Float](repeating: 1e30, count: length / 2 - turning))
            ]
        },
        checks: [
            .activation(["gelu_pytorch_tanh"], at: "hidden_activation"), .without("attention_bias"),
            .departing { configuration throws(ArchitectureError) in
                guard let found = configuration["use_bidirectional_attention"],
                    found.text != "vision", found.boolean != false
                else { return }
                throw configuration.inexpressible(
                    "use_bidirectional_attention", found: found.text ?? "true",
                    expected: "attention to the past")
            },
            .refusing { configuration throws(ArchitectureError) in
                try configuration.reviewGemma4()
            },
        ],
        tokenizer: .init(
            model: "gemma4",
            keys: { _ in
                [
                    .init("tokenizer.ggml.add_space_prefix", .bool(false)),
                    .init("tokenizer.ggml.add_bos_token", .bool(true)),
                ]
            }),
        export: .gemma4,
        decoder: .gemma4)

    private static let gemma4Keys: [MetadataRule] = [
        .number("final_logit_softcapping", "final_logit_softcapping"),
        .count("attention.sliding_window", "sliding_window"),
        .count("attention.shared_kv_layers", "num_kv_shared_layers"),
        .count("embedding_length_per_layer_input") { configuration throws(ArchitectureError) in
            try configuration.integer("hidden_size_per_layer_input") ?? 0
        },
        .slidingWindowPattern { configuration throws(ArchitectureError) in
            try configuration.slidingLayers()
        },
        .count("attention.key_length", "full_head_dim"),
        .count("attention.value_length", "full_head_dim"),
        .count("attention.key_length_swa", "head_dim"),
        .count("attention.value_length_swa", "head_dim"),
        .count("expert_feed_forward_length", "moe_intermediate_size"),
        .entries { configuration throws(ArchitectureError) in
            guard configuration["use_double_wide_mlp"]?.boolean == true else { return [] }
            var widths: [Int32] = []
            let width = try configuration.intermediateSize()
            for block in 0..<(try configuration.numHiddenLayers()) {
                let wide = try configuration.isGemma4Wide(block) ? 2 * width : width
                guard let narrow = Int32(exactly: wide) else {
                    throw configuration.fault(
                        .invalidValue(found: "\(wide)", expected: "a width below 2^31"),
                        "intermediate_size")
                }
                widths.append(narrow)
            }
            return [.init("{arch}.feed_forward_length", .int32s(widths))]
        },
        .entries { configuration throws(ArchitectureError) in
            guard let full = configuration["full_key_value_heads"],
                let sliding = try configuration.slidingLayers()
            else { return [] }
            let local = try configuration.numKeyValueHeads()
            guard let full = full.integer.flatMap({ Int32(exactly: $0) }),
                let local = Int32(exactly: local)
            else { throw configuration.fault(.invalidHeadCount(local), "num_key_value_heads") }
            return [
                .init(
                    "{arch}.attention.head_count_kv", .int32s(sliding.map { $0 ? local : full }))
            ]
        },
        .count("rope.dimension_count", "full_head_dim"),
        .count("rope.dimension_count_swa", "head_dim"),
    ]

    private static let gemma4Tensors: TensorModules = {
        let length = Dimension.key("hidden_size_per_layer_input")
        let all = Dimension.key("num_hidden_layers") * length
        let full = Dimension.key("full_head_dim")
        let fullKeys = Dimension.key("full_key_value_heads", or: .keyValueHeadCount) * full
        return [
            .ends(),
            .only(
                where: .hasLayerEmbeddings,
                .init(
                    "model.embed_tokens_per_layer", "per_layer_token_embd",
                    [.key("vocab_size_per_layer_input"), all]),
                .init("model.per_layer_model_projection", "per_layer_model_proj", [all, .hidden]),
                .norm("model.per_layer_projection_norm", "per_layer_proj_norm", length),
                .blocks(
                    .init("per_layer_input_gate", "inp_gate", [length, .hidden]),
                    .init("per_layer_projection", "proj", [.hidden, length]),
                    .norm("post_per_layer_input_norm", "post_norm"))),
            .blocks(
                .tensor(
                    "layer_scalar", "layer_output_scale.weight", [1], presence: .optional),
                .gemmaNorms(.none)),
            .blocks(where: .slides, gemma4Attention(head: .head, keys: .keyValueHeads)),
            .blocks(where: !.slides, gemma4Attention(head: full, keys: fullKeys)),
            .blocks(where: !.isGemma4Wide, .gatedNetwork()),
            .blocks(where: .isGemma4Wide, .gatedNetwork(width: 2 * .feedForward)),
            .blocks(where: .hasGemma4Experts, gemma4Experts),
        ]
    }()

    private static func gemma4Attention(head: Dimension, keys: Dimension) -> TensorModules {
        let queries = Dimension.headCount * head
        return [
            .init("self_attn.q_proj", "attn_q", [queries, .hidden]),
            .init("self_attn.o_proj", "attn_output", [.hidden, queries]),
            .norm("self_attn.q_norm", "attn_q_norm", head),
            // Layers that take those of an earlier one have none, or some that nobody reads; values
            // may be the keys' projections.
            .init("self_attn.k_proj", "attn_k", [keys, .hidden], presence: .optional),
            .norm("self_attn.k_norm", "attn_k_norm", head, presence: .optional),
            .init("self_attn.v_proj", "attn_v", [keys, .hidden], presence: .optional),
        ]
    }

    private static let gemma4Experts: TensorModules = {
        let width = Dimension.key("moe_intermediate_size")
        func experts(_ suffix: String) -> TensorModules {
            [
                .tensor(
                    "experts.down_proj" + suffix, "ffn_down_exps.weight",
                    [.experts, .hidden, width]),
                .tensor(
                    "experts.gate_up_proj" + suffix, "ffn_gate_up_exps.weight",
                    [.experts, 2 * width, .hidden]),
            ]
        }
        return [
            .init("router.proj", "ffn_gate_inp", [.experts, .hidden]),
            .tensor("router.scale", "ffn_gate_inp.scale", [.hidden]),
            .tensor("router.per_expert_scale", "ffn_down_exps.scale", [.experts]),
            experts(""), experts(".weight"),
            .norm("pre_feedforward_layernorm_2", "pre_ffw_norm_2"),
            .norm("post_feedforward_layernorm_1", "post_ffw_norm_1"),
            .norm("post_feedforward_layernorm_2", "post_ffw_norm_2"),
        ]
    }()
}

extension TensorRule.Condition {
    /// Layers with a sliding window.
    fileprivate static let slides = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try configuration.slidingLayers()?[block] ?? false
    }
    fileprivate static let hasLayerEmbeddings = TensorRule.Condition {
        configuration, _ throws(ArchitectureError) in
        try configuration.integer("hidden_size_per_layer_input") ?? 0 > 0
    }
    fileprivate static let isGemma4Wide = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try configuration.isGemma4Wide(block)
    }
    fileprivate static let hasGemma4Experts = TensorRule.Condition { configuration, _ in
        configuration["enable_moe_block"]?.boolean == true
    }
}

extension JSON {
    /// How Gemma 4 turns heads where the configuration does not say.
    fileprivate static let gemma4Rotary = JSON.object([
        .init(
            key: "sliding_attention",
            value: .object([
                .init(key: "rope_type", value: .text("default")),
                .init(key: "rope_theta", value: .real(10000)),
            ])),
        .init(
            key: "full_attention",
            value: .object([
                .init(key: "rope_type", value: .text("proportional")),
                .init(key: "partial_rotary_factor", value: .real(0.25)),
                .init(key: "rope_theta", value: .real(1_000_000)),
            ])),
    ])
}

extension ModelConfiguration {
    /// Whether a layer takes keys and values of an earlier one.
    private func sharesKeys(_ block: Int) throws(ArchitectureError) -> Bool {
        let shared = try integer("num_kv_shared_layers") ?? 0
        return try block >= numHiddenLayers() - shared
    }

    /// Whether a layer's network has twice the width.
    fileprivate func isGemma4Wide(_ block: Int) throws(ArchitectureError) -> Bool {
        guard self["use_double_wide_mlp"]?.boolean == true else { return false }
        return try sharesKeys(block)
    }

    /// Every sixth layer sees the whole context, and the last whatever the file says.
    fileprivate func gemma4LayerTypes() -> JSON? {
        guard let count = self["num_hidden_layers"]?.integer,
            (1...ModelConfiguration.layerLimit).contains(count)
        else { return nil }
        var types =
            self["layer_types"]?.array
            ?? (1...count).map { .text($0 % 6 == 0 ? "full_attention" : "sliding_attention") }
        if !types.isEmpty { types[types.count - 1] = .text("full_attention") }
        return .array(types)
    }

    /// What newer files say of layers that see the whole context, layer by layer: the first counts,
    /// and `reviewGemma4` refuses others.
    fileprivate func gemma4Override(_ key: String) -> JSON? {
        let types = self["layer_types"]?.array ?? []
        for member in self["per_layer_config"]?.members ?? [] {
            guard let layer = Int(member.key.description), types.indices.contains(layer),
                types[layer].text == "full_attention", let value = member.value[key],
                !value.isNull
            else { continue }
            return value
        }
        return nil
    }

    /// The key-value heads of layers that see the whole context, where they differ from the others'.
    fileprivate func gemma4KeyValueHeads() -> JSON? {
        if let given = self["num_global_key_value_heads"],
            self["attention_k_eq_v"]?.boolean == true
        {
            return given
        }
        return gemma4Override("num_key_value_heads")
    }

    fileprivate func reviewGemma4() throws(ArchitectureError) {
        let shared = try integer("num_kv_shared_layers") ?? 0
        guard try (0..<numHiddenLayers()).contains(shared) else {
            throw fault(
                .invalidValue(found: "\(shared)", expected: "fewer than there are layers"),
                "num_kv_shared_layers")
        }
        let length = try required("full_head_dim")
        guard length % 2 == 0 else { throw fault(.oddHeadSize(length), "global_head_dim") }
        let sliding = try slidingLayers() ?? []
        for member in self["per_layer_config"]?.members ?? [] {
            let layer = Int(member.key.description) ?? -1
            for entry in member.value.members ?? [] {
                let expected: JSON? =
                    switch entry.key.description {
                    case "head_dim": self["full_head_dim"]
                    case "num_key_value_heads": self["full_key_value_heads"]
                    default: nil
                    }
                guard sliding.indices.contains(layer), !sliding[layer], entry.value == expected
                else {
                    throw inexpressible(
                        "per_layer_config", found: "\(entry.key) of layer \(layer)",
                        expected: "one size for all layers that see the whole context")
                }
            }
        }
    }
}

extension MetadataRule {
    /// The tokens that are never to be generated, of the class that takes pictures and sound at once.
    fileprivate static let gemma4SuppressedTokens = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        guard let tokens = configuration.suppressedTokens, !tokens.isEmpty,
            try configuration.architectureName() == "Gemma4UnifiedForConditionalGeneration"
        else { return [] }
        return [.init("tokenizer.ggml.suppress_tokens", .int32s(tokens))]
    }
}
