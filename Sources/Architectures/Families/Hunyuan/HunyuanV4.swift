import TensorCore

extension ModelFamily {
    /// Hunyuan 4 (HY V4): DeepSeek V3.2's attention with a gate and sinks, between independent
    /// hyper-connections of several streams.
    public static let hunyuanV4 = ModelFamily(
        name: "HunyuanV4", architecture: "hy_v4", classes: ["HYV4ForCausalLM"],
        // transformers: HYV4Config
        defaults: [
            .integer("hidden_size", 2816), .integer("num_hidden_layers", 34),
            .integer("num_attention_heads", 32), .real("rms_norm_eps", 1e-5),
            .computed("num_key_value_heads") { $0["num_attention_heads"] },
            .integer("n_routed_experts", 256), .integer("n_shared_experts", 1),
            .integer("num_experts_per_tok", 8), .real("routed_scaling_factor", 2.827),
            .boolean("norm_topk_prob", true), .denseLayers(standard: 1),
            .integer("hc_mult", 4), .real("hc_magnitude", 2), .real("hc_eps", 1e-6),
        ],
        keys: .hunyuanCommon + .latentAttention + [
            .constant("expert_gating_func", .uint32(2)),
            .entries { configuration throws(ArchitectureError) in
                guard let limit = try configuration.number(["swiglu_limit"]), limit > 0 else {
                    return []
                }
                let count = try configuration.blockCount()
                return [
                    .init(
                        "{arch}.swiglu_clamp_exp",
                        .float32s([Float](repeating: Float(limit), count: count)))
                ]
            },
            .count("hyper_connection.count", "hc_mult"),
            .number("hyper_connection.epsilon", "hc_eps"),
            .number("hyper_connection.magnitude", "hc_magnitude"), .hunyuanIndexer,
        ],
        tensors: [
            .latentDecoder,
            .routedExperts(correction: .required, shared: .required, areMerged: true), .indexer,
            .blocks(
                .tensor(
                    "self_attn.learnable_sink_param", "attn_sinks.weight", [.headCount]),
                .init(
                    "self_attn.linear_gate", "attn_gate",
                    [.headCount * .key("v_head_dim"), .hidden]),
                .hunyuanConnection("hc_attn_layer", "hc_attn"),
                .hunyuanConnection("hc_mlp_layer", "hc_ffn")),
            .tensor(
                "model.hc_head.hc_head_fn", "output_hc_fn.weight",
                [.key("hc_mult"), .key("hc_mult") * .hidden]),
            .tensor("model.hc_head.hc_head_base", "output_hc_base.weight", [.key("hc_mult")]),
            .tensor("model.hc_head.hc_head_scale", "output_hc_scale.weight", [1]),
        ],
        checkpoint: .init(exactParts: { configuration in
            let mixing: Set = ["hc_attn_fn.weight", "hc_ffn_fn.weight", "output_hc_fn.weight"]
            let isExact = configuration["enable_lm_head_fp32"]?.boolean == true
            return isExact ? mixing.union(["output.weight"]) : mixing
        }),
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu), .without("attention_bias"),
            .refused(.number("n_group", 1), .number("topk_group", 1)), .denseLayersFirst,
        ],
        export: .latentAttention(
            modelType: "hy_v4",
            words: indexerWords.merging([
                "hyper_connection.count": "hc_mult", "hyper_connection.epsilon": "hc_eps",
                "hyper_connection.magnitude": "hc_magnitude",
            ]) { $1 }, statesGating: false, fits: { _ in true },
            computed: { $0.networkTypes + $0.hunyuanLayers }),
        decoder: .custom { model throws(DecoderDescriptionError) in
            var decoder = try DecoderRule.sparseLatentAttention.describe(model)
            let limits = try model.limits("swiglu_clamp_exp")
            let width = decoder.embeddingLength
            for index in decoder.blocks.indices {
                let name = "blk.\(index)"
                let attention = decoder.blocks[index].attention
                decoder.blocks[index].attention.sinks = "\(name).attn_sinks.weight"
                decoder.blocks[index].attention.gate = model.projection(
                    "\(name).attn_gate", outputs: attention.headCount * attention.valueLength,
                    inputs: width)
                decoder.blocks[index].streams = .init(
                    count: try model.streamCount(),
                    mixer: .learned(try model.independent("\(name).hc_attn", width: width)),
                    feedForward: .learned(try model.independent("\(name).hc_ffn", width: width)))
                // The shared network and dense ones have no limit.
                guard case .experts(var experts) = decoder.blocks[index].feedForward,
                    let limit = limits[index]
                else { continue }
                experts.network.activation = .cutSwiGLU(limit: limit)
                decoder.blocks[index].feedForward = .experts(experts)
            }
            decoder.blocks[decoder.blocks.count - 1].streams?.head = .learned(
                try model.learnedConnection("output_hc", width: width, isHead: true))
            return decoder
        })
}

extension ConfigurationExport.Source {
    /// Which layers have an indexer of their own, the limit of experts, and whether the output matrix is
    /// kept in F32.
    fileprivate var hunyuanLayers: [ConfigurationExport.Entry] {
        var limit: JSON = .real(0)
        if case .float32s(let limits)? = value("swiglu_clamp_exp"), let first = limits.first {
            limit = MetadataValue.float32(first).json ?? limit
        }
        let turning = integer("rope.dimension_count").map { JSON.integer($0) } ?? .null
        var entries: [ConfigurationExport.Entry] = [("swiglu_limit", limit), ("head_dim", turning)]
        if case .bools(let full)? = value("attention.indexer.types") {
            entries.append(("indexer_types", .array(full.map { .text($0 ? "full" : "shared") })))
        }
        if format("output.weight") == "F32", format("token_embd.weight") != "F32" {
            entries.append(("enable_lm_head_fp32", .bool(true)))
        }
        return entries
    }
}

extension DecoderMetadata {
    /// A hyper-connection whose streams do not mix, with the same ε behind both kinds of weights.
    fileprivate func independent(
        _ name: String, width: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.LearnedConnection {
        var connection = try learnedConnection(name, width: width)
        connection.postEpsilon = connection.epsilon
        return connection
    }
}

extension TensorModules {
    /// What mixes the streams before and after a part of a block.
    fileprivate static func hunyuanConnection(_ source: String, _ name: String) -> Self {
        let streams = Dimension.key("hc_mult")
        return [
            .tensor(
                "\(source).hc_pre.hc_fn", "\(name)_fn.weight", [2 * streams, streams * .hidden]),
            .tensor("\(source).hc_pre.hc_base", "\(name)_base.weight", [2 * streams]),
            .tensor("\(source).hc_pre.hc_scale", "\(name)_scale.weight", [2]),
        ]
    }
}

extension [MetadataRule] {
    /// The common keys without those of groups of experts, of which there is one.
    fileprivate static let hunyuanCommon: Self = common.map { rule in
        guard case .entries(let make) = rule else { return rule }
        return .entries { configuration throws(ArchitectureError) in
            try make(configuration).filter { !$0.key.hasPrefix("{arch}.expert_group_") }
        }
    }
}

extension MetadataRule {
    /// The indexer, and which layers have one of their own.
    fileprivate static let hunyuanIndexer = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        let count = try configuration.numHiddenLayers()
        var full = configuration["indexer_types"]?.array?.map { $0.text == "full" }
        if full == nil {
            let sparse = (configuration["layer_types"]?.array ?? []).map {
                ["sparse_attention", "deepseek_sparse_attention"].contains($0.text)
            }
            if sparse.contains(true) { full = sparse }
        }
        guard let full else { return [] }
        guard full.count >= count else {
            throw configuration.fault(
                .invalidValue(found: "\(full.count) types", expected: "\(count) or more"),
                "indexer_types")
        }
        var entries: [MetadataEntry] = []
        for (key, name) in [
            ("head_count", "index_n_heads"), ("key_length", "index_head_dim"),
            ("top_k", "index_topk"),
        ] {
            entries.append(
                .init(
                    "{arch}.attention.indexer.\(key)",
                    try configuration.uint32(try configuration.required(name), name)))
        }
        return entries + [
            .init("{arch}.attention.indexer.types", .bools(Array(full.prefix(count))))
        ]
    }
}
