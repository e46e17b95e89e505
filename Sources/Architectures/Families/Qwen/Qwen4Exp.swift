import TensorCore

extension ModelFamily {
    /// Qwen 4's language model: Qwen 3.5 with experts between gated hyper-connections of several streams,
    /// attention to blocks that an indexer picks, and embeddings of runs of tokens in some layers.
    public static let qwen4Exp = ModelFamily(
        name: "Qwen4Exp", architecture: "qwen4exp",
        classes: ["Qwen4ExpForCausalLM", "Qwen4ExpForConditionalGeneration"],
        // transformers: Qwen4ExpTextConfig
        defaults: [
            .computed("layer_types") { $0.qwen4LayerTypes },
            .integer("vocab_size", 248320), .integer("hidden_size", 2048),
            .integer("num_hidden_layers", 40), .integer("num_attention_heads", 16),
            .integer("num_key_value_heads", 2), .integer("linear_num_value_heads", 32),
            .integer("num_experts_per_tok", 10),
            .same("num_experts", as: "num_local_experts"), .integer("num_experts", 512),
            .integer("moe_intermediate_size", 512),
            .integer("shared_expert_intermediate_size", 512), .boolean("norm_topk_prob", true),
            .integer("hc_count", 4), .integer("hc_lowrank", 320),
            .integer("ple_conv_kernel_size", 4), .integer("ngram_size", 3),
            .integer("heads_per_ngram", 8), .integer("split_ngram_parts", 512),
            .same("ple_embed_dim", as: "hidden_size"),
        ] + .deltaLayers,
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
        ] + .deltaLayers + [
            .usualRotarySections, .count("hyper_connection.count", "hc_count"),
            .count("hyper_connection.low_rank", "hc_lowrank"),
            .count("attention.indexer.head_count", "indexer_n_heads"),
            .count("attention.indexer.key_length", "indexer_head_dim"),
            .count("attention.indexer.top_k", "indexer_budget"), .qwen4Ratios, .qwen4Runs,
        ],
        tensors: [
            .init("model.embed_tokens", "token_embd", [.vocabulary, .hidden]),
            .init("lm_head", "output", [.vocabulary, .hidden], presence: .optional),
            .gatedStreams("model.hyper_connection_mixer", "output_hc"),
            .blocks(
                .gatedStreams("attn_hyper_connection", "hc_attn", injects: true),
                .gatedStreams("mlp_hyper_connection", "hc_ffn", injects: true)),
            .gatedAttention, .blocks(where: !.deltaRule, .blockIndexer),
            .blocks(where: .deltaRule, .norm("linear_attn.norm", "ssm_norm", .valueHead)),
            .blocks(of: "model.layers.{bid}.linear_attn.", where: .deltaRule, .qwen35Mixer),
            .blocks(.qwenExperts, .qwenSharedExpert), .runEmbeddings,
        ],
        checkpoint: .init(
            spellings: [.init(".shard_", means: ".shard.")],
            measured: [
                .init("ngram_embedding.shard_{xid}.weight", dimension: 0, as: "ple_rows"),
                .init("ngram_embedding.shard_0.weight", dimension: 1, as: "ple_length"),
            ],
            numbers: [
                .init("ple_embedding.layer_multipliers", as: "ple_multipliers"),
                .init("ple_embedding.ngram_heads_offsets", as: "ple_offsets"),
                .init("ple_embedding.ngram_heads_vocab_sizes", as: "ple_sizes"),
            ], foreignPrefixes: ["mtp."]),
        rotary: .yarnOrDynamic,
        checks: [.deltaLayers, .qwen4Runs] + .qwenExperts(normalizes: true),
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.gatedStreamDecoder()
        })
}

extension DecoderMetadata {
    /// Qwen 3.5's blocks between gated streams.
    ///
    /// Up to as many positions as the indexer picks, attention sees all.
    fileprivate func gatedStreamDecoder() throws(DecoderDescriptionError) -> DecoderDescription {
        guard metadata[key("ple.layers")] == nil else {
            throw invalid(
                "ple.layers", expected: "none; embeddings of runs of tokens are not run")
        }
        var decoder = try deltaDecoder(
            experts: .init(normalisesWeights: true, shared: .stated))
        let (count, width) = (try streamCount(), decoder.embeddingLength)
        let rank = try self.count("hyper_connection.low_rank")
        guard count * width <= DecoderMetadata.largest else {
            throw invalid("hyper_connection.count", expected: "fewer streams")
        }
        let epsilon = try epsilon(of: .rootMeanSquare)
        func gated(_ name: String, injects: Bool = true) -> BlockDescription.StreamConnection {
            .gated(
                .init(
                    norm: .init(.rootMeanSquare, epsilon: epsilon, weight: "\(name)_norm.weight"),
                    down: projection("\(name)_down", outputs: rank, inputs: count * width),
                    up: projection("\(name)_up", outputs: count * width, inputs: rank),
                    inject: injects
                        ? projection("\(name)_inject", outputs: count, inputs: count * width) : nil)
            )
        }
        for index in decoder.blocks.indices {
            decoder.blocks[index].attentionNorm = nil
            decoder.blocks[index].feedForwardNorm = nil
            decoder.blocks[index].streams = .init(
                count: count, mixer: gated("blk.\(index).hc_attn"),
                feedForward: gated("blk.\(index).hc_ffn"))
        }
        decoder.blocks[decoder.blocks.count - 1].streams?.head = .connection(
            gated("output_hc", injects: false))
        decoder.outputNorm = nil
        if let picked = try optionalCount("attention.indexer.top_k") {
            decoder.contextLength = min(decoder.contextLength, picked)
        }
        return decoder
    }
}

extension ModelConfiguration {
    /// The layers' types, where attention to what an indexer picks is attention.
    fileprivate var qwen4LayerTypes: JSON? {
        (self["layer_types"]?.array).map { types in
            .array(types.map { $0.text == "indexed_attention" ? .text("full_attention") : $0 })
        }
    }

    /// The layers with embeddings of runs of tokens, counted from 0.
    fileprivate var runLayers: [Int] {
        (self["ple_layer_ids"]?.array ?? []).compactMap(\.integer).map { $0 - 1 }
    }
}

extension ConfigurationCheck {
    /// One table of runs of tokens, and an indexer with one key head.
    fileprivate static let qwen4Runs = refusing { configuration throws(ArchitectureError) in
        if let heads = try configuration.integer("indexer_kv_heads"), heads != 1 {
            throw configuration.inexpressible(
                "indexer_kv_heads", found: "\(heads)", expected: "1")
        }
        guard configuration.runLayers.count > 1 else { return }
        throw configuration.inexpressible(
            "ple_layer_ids", found: "\(configuration.runLayers.count) layers", expected: "one")
    }
}

extension MetadataRule {
    /// How many keys the indexer takes for one, 0 where a layer has none.
    fileprivate static let qwen4Ratios = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        guard let ratio = try configuration.integer("indexer_compress_ratio") else { return [] }
        var ratios: [Int32] = []
        for block in 0..<(try configuration.numHiddenLayers()) {
            ratios.append(try configuration.hasDeltaRule(block) ? 0 : Int32(clamping: ratio))
        }
        return [.init("{arch}.attention.compress_ratios", .int32s(ratios))]
    }

    /// How runs of tokens find their embeddings, where a layer has them.
    fileprivate static let qwen4Runs = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        let layers = configuration.runLayers
        guard !layers.isEmpty else { return [] }
        var entries: [MetadataEntry] = [
            .init("{arch}.ple.layers", .int32s(layers.map { Int32(clamping: $0) }))
        ]
        for (key, name) in [
            ("ngram_size", "ngram_size"), ("heads_per_ngram", "heads_per_ngram"),
            ("conv_kernel", "ple_conv_kernel_size"),
        ] {
            let value = try configuration.required(name)
            entries.append(.init("{arch}.ple.\(key)", try configuration.uint32(value, name)))
        }
        let end = configuration["eos_token_id"]
        guard let end = end?.array?.last?.integer ?? end?.integer else {
            throw configuration.fault(.missingKey, "eos_token_id")
        }
        entries.append(
            .init("{arch}.ple.eos_token_id", try configuration.uint32(end, "eos_token_id")))
        if let image = try configuration.integer("image_token_id") {
            entries.append(
                .init(
                    "{arch}.ple.image_token_id", try configuration.uint32(image, "image_token_id")))
        }
        entries.append(
            .init(
                "{arch}.embedding_length_per_layer_input",
                try configuration.uint32(configuration.required("ple_length"), "ple_embed_dim")))
        for (key, name) in [
            ("layer_multipliers", "ple_multipliers"), ("head_offsets", "ple_offsets"),
            ("head_vocab_sizes", "ple_sizes"),
        ] {
            let numbers = (configuration[name]?.array ?? []).map { $0.integer ?? -1 }
            guard !numbers.isEmpty, !numbers.contains(where: { $0 < 0 }) else {
                throw configuration.fault(
                    .invalidValue(found: "\(numbers.count) numbers", expected: "counts"),
                    "ple_embedding.\(key)")
            }
            entries.append(
                .init("{arch}.ple.\(key)", .uint64s(numbers.map { UInt64(clamping: $0) })))
        }
        return entries
    }
}

extension TensorRule.Condition {
    /// The layers with embeddings of runs of tokens.
    fileprivate static let embedsRuns = TensorRule.Condition { configuration, block in
        configuration.runLayers.contains(block)
    }
}

extension TensorModules {
    private static let streams = Dimension.key("hc_count")

    /// What makes one row of several streams, and what of a part's output goes into each.
    fileprivate static func gatedStreams(
        _ source: String, _ name: String, injects: Bool = false
    ) -> Self {
        let (rank, width) = (Dimension.key("hc_lowrank"), streams * .hidden)
        return [
            .norm("\(source).hc_norm", "\(name)_norm", width, transform: .plusOne),
            .init("\(source).input_mix_weight_down", "\(name)_down", [rank, width]),
            .init("\(source).input_mix_weight_up", "\(name)_up", [width, rank]),
            injects
                ? .init("\(source).block_inject_weight", "\(name)_inject", [streams, width]) : [],
        ]
    }

    /// What rates blocks of positions.
    fileprivate static let blockIndexer: Self = {
        let (heads, head) = (Dimension.key("indexer_n_heads"), Dimension.key("indexer_head_dim"))
        let box = TensorView.reshaped([(heads + 1) * head, .hidden])
        return [
            .tensors(
                [.init("self_attn.indexer.index_qk_proj.weight", [(heads + 1) * head, .hidden])],
                into: [
                    .init(
                        "indexer.q_proj.weight", [heads * head, .hidden],
                        box.narrowed(0, from: 0, count: heads * head)),
                    .init(
                        "indexer.k_proj.weight", [head, .hidden],
                        box.narrowed(0, from: heads * head, count: head)),
                ]),
            .norm(
                "self_attn.indexer.q_layernorm", "indexer.q_norm", head, transform: .plusOne),
            .norm(
                "self_attn.indexer.k_layernorm", "indexer.k_norm", head, transform: .plusOne),
        ]
    }()

    /// Embeddings of runs of tokens, in parts that become one table, and what a layer makes of them.
    fileprivate static let runEmbeddings: Self = {
        let (length, kernel) = (
            Dimension.key("ple_embed_dim"), Dimension.key("ple_conv_kernel_size")
        )
        let width = streams * .hidden
        return [
            .blocks(
                of: "model.layers.{bid}.ple.", where: .embedsRuns,
                .init("key_proj", "ple_key", [width, length]),
                .init("value_proj", "ple_value", [.hidden, length]),
                .norm("norm_key", "ple_norm_key", width, transform: .plusOne),
                .norm("norm_query", "ple_norm_query", width, transform: .plusOne),
                .norm("norm_conv", "ple_norm_conv", width, transform: .plusOne),
                .tensor(
                    "conv1d.weight", "ple_conv1d.weight", [width, kernel],
                    from: [width, 1, kernel]),
                .ignoring(
                    "ple_embedding.layer_multipliers", "ple_embedding.ngram_heads_offsets",
                    "ple_embedding.ngram_heads_vocab_sizes")),
            .only(
                where: .embedsRuns,
                .tensors(
                    [
                        .init(
                            "model.layers.{bid}.ple.ple_embedding.ngram_embedding.shard.{xid}.weight",
                            nil, count: .key("split_ngram_parts"))
                    ],
                    into: [
                        .init(
                            "per_layer_token_embd.weight", [.key("ple_rows"), .key("ple_length")])
                    ])),
        ]
    }()
}
