import TensorCore

extension ModelFamily {
    /// DFlash: layers of Qwen 3's kind that draft a block of tokens at once from rows of another
    /// model's layers.
    public static let dflash = ModelFamily(
        name: "Dflash",
        architecture: "dflash",
        classes: ["DFlashDraftModel", "DFlash2DraftModel"],
        defaults: qwenDraftDefaults
            + ["conv_kernel_size", "conv_group_size", "selector_rank"].map { key in
                .computed(key) { $0["dflash_config"]?[key] }
            },
        keys: .common + .pooling + .dflash,
        tensors: [
            .dflash, .dflash2,
            .init("lm_head", "output", [.vocabulary, .hidden], presence: .optional),
        ],
        checkpoint: .dflash,
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .hasTarget],
        tokenizer: .init(keys: { $0.maskToken($0.draft("mask_token_id", orWhole: false)) }))

    /// What Qwen 3's configuration class assumes.
    static let qwenDraftDefaults: [ConfigurationDefault] = [
        .integer("vocab_size", 151936), .integer("hidden_size", 4096),
        .integer("intermediate_size", 22016), .integer("num_hidden_layers", 32),
        .integer("num_attention_heads", 32), .integer("num_key_value_heads", 32),
        .integer("head_dim", 128), .integer("max_position_embeddings", 32768),
        .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
        .same("num_key_value_heads", as: "num_attention_heads"),
    ]
}

extension CheckpointRules {
    /// What DFlash and DSpark have in common.
    static let dflash = Self(
        measured: [
            .init("fc.weight", dimension: 1, as: "fused_length"),
            .init("markov_w1.weight", dimension: 1, as: "markov_rank"),
            .init("confidence_head.proj.weight", dimension: 1, as: "confidence_length"),
            .init("confidence_proj.weight", dimension: 1, as: "confidence_length"),
        ], tokenizer: .ofTarget(rules: .target))
}

extension [MetadataRule] {
    /// What DFlash has beyond Qwen 3's keys.
    static let dflash: Self =
        [
            .entries { configuration throws(ArchitectureError) in
                guard let share = try RotaryParameters(configuration).partialFactor,
                    configuration["rope_parameters"]?["partial_rotary_factor"] != nil
                        || configuration["rope_scaling"]?["partial_rotary_factor"] != nil
                        || configuration["partial_rotary_factor"] != nil
                else { return [] }
                let count = try configuration.rotaryDimension(ofHeadShare: share)
                return [
                    .init(
                        "{arch}.rope.dimension_count",
                        try configuration.uint32(count, "partial_rotary_factor"))
                ]
            },
            .draftNumber("attention.value_scale", "attention_value_scale", orWhole: false),
            .draftCount("block_size", "block_size", else: 16),
            .entries { configuration throws(ArchitectureError) in
                guard configuration.draft("conv_kernel_size", orWhole: false) != nil else {
                    return []
                }
                return try [
                    "conv_kernel_size", "conv_group_size", "selector_rank", "selector_top_k",
                ].map { key throws(ArchitectureError) in
                    guard let value = configuration.draft(key, orWhole: false)?.integer else {
                        throw configuration.fault(.missingKey, "dflash_config.\(key)")
                    }
                    return .init("{arch}.\(key)", try configuration.uint32(value, key))
                }
            },
            .draftNumber("logit_scale", "output_multiplier"),
            .draftNumber(
                "final_logit_softcapping", "final_logit_softcapping", onlyPositive: true),
            .draftNumber("embedding_scale", "input_embedding_scale"),
            .entries { configuration throws(ArchitectureError) in
                let layers = configuration.draftLayers
                return layers.isEmpty ? [] : [try configuration.targetLayers(layers.map { $0 + 1 })]
            },
        ] + .draftWindow + [
            .entries { configuration in
                guard
                    let value = configuration["is_causal"]?.boolean
                        ?? configuration.draft("causal", orWhole: false)?.boolean
                else { return [] }
                return [.init("{arch}.attention.causal", .bool(value))]
            },
            // A draft turns by the first of the positions that its target has.
            .entries { configuration throws(ArchitectureError) in
                let target = try configuration.targetConfiguration()
                let rotary = target["rope_parameters"] ?? target["rope_scaling"]
                guard rotary?["mrope_section"] != nil else { return [] }
                let pairs = Int32(clamping: try configuration.headDim() / 2)
                return [.init("{arch}.rope.dimension_sections", .int32s([pairs, 0, 0, 0]))]
            },
        ]

    /// The sliding window and which layers have it.
    private static let draftWindow: Self = [
        .entries { configuration throws(ArchitectureError) in
            let isWhole = configuration.draft("use_swa", orWhole: false)?.boolean ?? false
            guard isWhole || configuration["use_sliding_window"]?.boolean ?? false else {
                return []
            }
            var window = configuration.draft("swa_window_size", orWhole: false)?.integer
            if window == nil || window == 0 { window = try configuration.integer("sliding_window") }
            guard let window, window != 0 else { return [] }
            let count = try configuration.numHiddenLayers()
            let layers =
                isWhole
                ? [Bool](repeating: true, count: count)
                : (configuration["layer_types"]?.array ?? []).map {
                    $0.text == "sliding_attention"
                }
            return [
                .init(
                    "{arch}.attention.sliding_window",
                    try configuration.uint32(window, "sliding_window")),
                .init("{arch}.attention.sliding_window_pattern", .bools(layers)),
            ]
        }
    ]
}

extension MetadataRule {
    /// A FLOAT32 of a draft's part of the configuration.
    fileprivate static func draftNumber(
        _ key: String, _ name: String, orWhole: Bool = true, onlyPositive: Bool = false
    ) -> Self {
        .entries { configuration throws(ArchitectureError) in
            guard let value = configuration.draft(name, orWhole: orWhole) else { return [] }
            guard let number = value.double else {
                throw configuration.fault(
                    .invalidValue(found: value.kindName, expected: "a number"), name)
            }
            guard number > 0 || !onlyPositive else { return [] }
            return [.init("{arch}.\(key)", .float32(Float(number)))]
        }
    }

    /// A UINT32 of a draft's part of the configuration.
    fileprivate static func draftCount(_ key: String, _ name: String, else standard: Int) -> Self {
        .entries { configuration throws(ArchitectureError) in
            let value = configuration.draft(name)?.integer ?? standard
            return [.init("{arch}.\(key)", try configuration.uint32(value, name))]
        }
    }
}

extension TensorRule.Condition {
    /// Drafts whose heads turn neighbours; readers turn halves.
    fileprivate static let turnsPairs = TensorRule.Condition { configuration, _ in
        configuration["rope_is_neox_style"]?.boolean == false
    }
    /// Drafts that have embeddings of their own.
    fileprivate static let hasEmbeddings = TensorRule.Condition { configuration, _ in
        configuration["has_embed_tokens"]?.boolean != false
    }
}

extension TensorModules {
    /// The tensors of DFlash but for the output matrix.
    static let dflash: Self =
        [
            .init("model.fc", "fc", [.hidden, .key("fused_length")]),
            .norm("model.hidden_norm", "enc.output_norm"), .norm("model.norm", "output_norm"),
            .only(
                where: .hasEmbeddings,
                .init(
                    "model.embed_tokens", "token_embd", [.vocabulary, .hidden],
                    presence: .optional)),
            .only(where: !.hasEmbeddings, .ignoring("model.embed_tokens.weight")),
            .blocks(
                .preNorms(),
                .init("self_attn.v_proj", "attn_v", [.keyValueHeads, .hidden]),
                .init("self_attn.o_proj", "attn_output", [.hidden, .queryHeads]),
                .tensor(
                    "self_attn.sinks", "attn_sinks.weight", [.headCount], presence: .optional),
                .gatedNetwork()),
            .blocks(
                where: !.turnsPairs, .headNorms(),
                .init("self_attn.q_proj", "attn_q", [.queryHeads, .hidden]),
                .init("self_attn.k_proj", "attn_k", [.keyValueHeads, .hidden])),
            .blocks(
                where: .turnsPairs, halves("self_attn.q_proj", "attn_q", .headCount, [.hidden]),
                halves("self_attn.k_proj", "attn_k", .keyValueHeadCount, [.hidden]),
                halves("self_attn.q_norm", "attn_q_norm", 1, []),
                halves("self_attn.k_norm", "attn_k_norm", 1, [])),
        ]

    /// Heads of neighbouring pairs, which become two halves.
    private static func halves(
        _ source: String, _ name: String, _ heads: Dimension, _ inner: [Dimension]
    ) -> Self {
        .tensor(
            "\(source).weight", "\(name).weight", [heads * .head] + inner,
            view: .reshaped([heads, .head / 2, 2] + inner)
                .permuted([0, 2, 1] + inner.indices.map { $0 + 3 }))
    }

    /// What the second DFlash adds: short convolutions and a selector of candidates.
    static let dflash2: Self = [
        .blocks(
            convolution("attention_conv", "attn_conv"), convolution("mlp_conv", "ffn_conv")),
        .tensor(
            "model.candidate_selector.predecessor_codebook", "selector_predecessor.weight",
            [.vocabulary, rank], presence: .optional),
        .tensor(
            "model.candidate_selector.successor_codebook", "selector_successor.weight",
            [.vocabulary, rank], presence: .optional),
        .init(
            "model.candidate_selector.hidden_projection", "selector_hidden", [rank, .hidden],
            presence: .optional),
    ]

    private static let rank = Dimension.key("selector_rank")

    private static func convolution(_ source: String, _ name: String) -> Self {
        let kernel = Dimension.key("conv_kernel_size")
        return [
            .tensor(
                "\(source).base_kernel", "\(name)_base", [.hidden, kernel], presence: .optional),
            .init(
                "\(source).kernel_projection", "\(name)_proj",
                [.hidden / .key("conv_group_size") * kernel, .hidden], presence: .optional),
        ]
    }
}
