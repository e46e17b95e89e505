import TensorCore

extension [MetadataRule] {
    /// The keys of most decoders, in the order in which the reference converter writes them.
    ///
    /// A configuration key that is missing leaves its entry out.
    public static let common: [MetadataRule] =
        commonWithoutHeadLength + [
            .count("attention.key_length", "head_dim"),
            .count("attention.value_length", "head_dim"),
            .fileType,
        ]

    /// The common keys up to those that give heads a length of their own.
    static let commonWithoutHeadLength: [MetadataRule] = [
        .blockCount,
        .count(
            "context_length", "max_position_embeddings", "n_ctx", "n_positions", "max_length",
            "max_sequence_length", "model_max_length"),
        .count("embedding_length", "hidden_size", "n_embd", "dim"),
        .count(
            "feed_forward_length", "prefix_dense_intermediate_size", "dense_intermediate_size",
            "intermediate_size", "n_inner", "hidden_dim"),
        .count("attention.head_count", "num_attention_heads", "n_head", "n_heads"),
        .count("attention.head_count_kv", "num_key_value_heads", "n_kv_heads"),
        .entries { configuration in
            configuration["is_causal"]?.boolean == false
                ? [.init("{arch}.attention.causal", .bool(false))] : []
        },
        .rotaryScaling, .rotarySections,
        .entries { configuration throws(ArchitectureError) in
            let rotary = try RotaryParameters(configuration)
            return [("freq_base", rotary.theta), ("freq_base_swa", rotary.localTheta)].compactMap {
                name, value in
                value.map { .init("{arch}.rope.\(name)", .float32(Float($0))) }
            }
        },
        .number("attention.layer_norm_rms_epsilon", "rms_norm_eps", "norm_eps"),
        .number(
            "attention.layer_norm_epsilon", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"),
        .count("expert_count", "num_local_experts", "num_experts", "n_routed_experts"),
        .count(
            "expert_used_count", "num_experts_per_tok", "num_experts_per_token", "top_k_experts"),
        .expertGroups,
        .expertGating,
    ]

    /// What GGUF's `llama` has beyond the common keys.
    static let llama: [MetadataRule] = [
        .count("vocab_size") { configuration throws(ArchitectureError) in
            try configuration.vocabSize()
        },
        .count("rope.dimension_count") { configuration throws(ArchitectureError) in
            try configuration.headDim()
        },
    ]

    /// How an embedding model makes one vector of a text.
    static let pooling: [MetadataRule] = [
        .entries { configuration in
            configuration.pooling.map { [.init("{arch}.pooling_type", .uint32($0.rawValue))] } ?? []
        },
        .entries { configuration throws(ArchitectureError) in
            // What a classifier looks at (ModernBERT).
            guard let pooling = configuration["classifier_pooling"]?.text else { return [] }
            let types: [String: ModelConfiguration.Pooling] = ["mean": .mean, "cls": .cls]
            guard let type = types[pooling] else {
                // EuroBERT's configurations say `late`, which only its classifiers do.
                let name = try configuration.architectureName()
                if pooling == "late", !name.hasSuffix("ForSequenceClassification") { return [] }
                throw configuration.fault(
                    .invalidValue(found: "\"\(pooling)\"", expected: "\"cls\" or \"mean\""),
                    "classifier_pooling")
            }
            return [.init("{arch}.classifier.pooling_type", .uint32(type.rawValue))]
        },
    ]
}

extension ModelFamily {
    /// What a classifier looks at, on the way back.
    static let classifierPooling:
        @Sendable (ConfigurationExport.Source) -> [ConfigurationExport.Entry] = { source in
            switch source.integer("classifier.pooling_type") {
            case 1?: [("classifier_pooling", .text("mean"))]
            case 2?: [("classifier_pooling", .text("cls"))]
            default: []
            }
        }
}

extension MetadataRule {
    /// The number of blocks.
    static let blockCount = MetadataRule.count("block_count") {
        configuration throws(ArchitectureError) in
        try configuration.blockCount()
    }

    /// The number of key-value heads of every layer: none where a layer has no attention.
    @inline(never)
    static func keyValueHeads(where condition: TensorRule.Condition) -> Self {
        .entries { configuration throws(ArchitectureError) in
            let heads = try configuration.numKeyValueHeads()
            guard let narrow = Int32(exactly: heads) else {
                throw configuration.fault(.invalidHeadCount(heads), "num_key_value_heads")
            }
            var counts: [Int32] = []
            for block in 0..<(try configuration.numHiddenLayers()) {
                counts.append(try condition.holds(configuration, block) ? narrow : 0)
            }
            return [.init("{arch}.attention.head_count_kv", .int32s(counts))]
        }
    }

    /// A limit of logits; 0, which readers take for none, where the configuration has null.
    @inline(never)
    static func cap(_ key: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            [
                .init(
                    "{arch}.\(key)", .float32(Float(try configuration.number([key]) ?? 0)))
            ]
        }
    }

    /// `{arch}.<key>` as BOOL, when the configuration key is there.
    @inline(never)
    static func flag(_ key: String, _ name: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            guard let value = configuration[name] else { return [] }
            guard let flag = value.boolean else {
                throw configuration.fault(
                    .invalidValue(found: value.kindName, expected: "true or false"), name)
            }
            return [.init("{arch}.\(key)", .bool(flag))]
        }
    }

    /// Which layers attend through a sliding window; nothing where `layers` says `nil`.
    @inline(never)
    static func slidingWindowPattern(
        _ layers: @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> [Bool]?
    ) -> Self {
        .entries { configuration throws(ArchitectureError) in
            try layers(configuration).map {
                [.init("{arch}.attention.sliding_window_pattern", .bools($0))]
            } ?? []
        }
    }

    /// The base of the rotary frequencies where it is not 10000, what every reader assumes.
    ///
    /// For families of which the reference converter leaves the key out: it makes files that run
    /// only with the usual base, and in those ours are the same.
    static let unusualRotaryBase = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        guard let theta = try RotaryParameters(configuration).theta, theta != 10000 else {
            return []
        }
        return [.init("{arch}.rope.freq_base", .float32(Float(theta)))]
    }

    /// The base of the rotary frequencies where the configuration has one.
    static let rotaryBaseIfStated = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        guard let theta = try RotaryParameters(configuration).theta else { return [] }
        return [.init("{arch}.rope.freq_base", .float32(Float(theta)))]
    }

    /// The base of the rotary frequencies.
    static let rotaryBase = MetadataRule.entries { configuration throws(ArchitectureError) in
        let theta = try RotaryParameters(configuration).theta ?? 10000
        return [.init("{arch}.rope.freq_base", .float32(Float(theta)))]
    }

    /// `rope.scaling.type` as `none`: said, not left out.
    static let noRotaryScaling = MetadataRule.constant("rope.scaling.type", .string("none"))

    /// How the rotary embedding is stretched.
    ///
    /// `llama3` is a tensor instead of keys.
    static let rotaryScaling = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        let rotary = try RotaryParameters(configuration)
        let prefix = "{arch}.rope.scaling."
        guard rotary.type == "linear" || rotary.type == "yarn",
            let factor = try rotary.number("factor")
        else {
            return ["su", "longrope"].contains(rotary.type)
                ? [.init(prefix + "type", .string("longrope"))] : []
        }
        var entries: [MetadataEntry] = [
            .init(prefix + "type", .string(rotary.type)),
            .init(prefix + "factor", .float32(Float(factor))),
        ]
        guard rotary.type == "yarn" else { return entries }
        entries.append(
            .init(
                prefix + "original_context_length",
                try configuration.uint32(
                    rotary.originalContext(), "original_max_position_embeddings")))
        var attention = try rotary.number("attention_factor")
        if attention == nil { attention = try rotary.number("attn_factor") }
        let numbers = [
            ("yarn_ext_factor", try rotary.number("extrapolation_factor")),
            ("yarn_attn_factor", attention),
            ("yarn_beta_fast", try rotary.number("beta_fast")),
            ("yarn_beta_slow", try rotary.number("beta_slow")),
        ]
        for case (let name, let value?) in numbers {
            entries.append(.init(prefix + name, .float32(Float(value))))
        }
        return entries
    }

    /// How many pairs of a head turn by each of up to four positions, where the configuration says.
    static let rotarySections = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        try RotaryParameters(configuration).sections().map {
            [.init("{arch}.rope.dimension_sections", .int32s($0))]
        } ?? []
    }

    /// How many groups the experts are in, and of how many groups some are chosen.
    ///
    /// Groups of which all are used are one group: readers end on as many as there are.
    static let expertGroups = MetadataRule.entries { configuration throws(ArchitectureError) in
        let (count, used) = (
            try configuration.integer("n_group"), try configuration.integer("topk_group")
        )
        let areAllUsed = count ?? 1 > 1 && count == used
        var entries: [MetadataEntry] = []
        for (key, name, value) in [
            ("expert_group_count", "n_group", count),
            ("expert_group_used_count", "topk_group", used),
        ] {
            guard let value else { continue }
            entries.append(
                .init("{arch}.\(key)", try configuration.uint32(areAllUsed ? 1 : value, name)))
        }
        return entries
    }

    /// How the scores of experts become weights.
    static let expertGating = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        let found = configuration.first(of: [
            "score_function", "scoring_func", "score_func", "moe_router_activation",
            "moe_router_activation_func", "expert_selection_fn",
        ])
        guard let (key, value) = found else { return [] }
        switch value.text {
        case "softmax": return [.init("{arch}.expert_gating_func", .uint32(1))]
        case "sigmoid": return [.init("{arch}.expert_gating_func", .uint32(2))]
        case "sqrtsoftplus": return [.init("{arch}.expert_gating_func", .uint32(4))]
        default:
            throw configuration.fault(
                .invalidValue(
                    found: value.text ?? value.kindName,
                    expected: "softmax, sigmoid or sqrtsoftplus"), key)
        }
    }
}

extension MetadataRule {
    /// Which layers have a sliding window, where it is not all but every `period`-th, which readers
    /// of this architecture assume.
    @inline(never)
    static func slidingLayers(unlessEvery period: Int) -> Self {
        .slidingWindowPattern { configuration throws(ArchitectureError) in
            let layers = try configuration.slidingLayers()
            return try layers == configuration.slidingLayers(period: period) ? nil : layers
        }
    }
}
