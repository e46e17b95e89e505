import TensorCore

extension ModelFamily {
    /// DeepSeek V4: attention from one row for keys and values, which sees a window and what a compressor
    /// makes of everything before it; hyper-connections of several streams; experts that the first layers
    /// choose by the token alone.
    public static let deepseekV4 = ModelFamily(
        name: "DeepseekV4", architecture: "deepseek4", classes: ["DeepseekV4ForCausalLM"],
        defaults: deepseekV4Defaults,
        keys: .deepseekV4() + [
            .size("embedding_length_out", .hidden * .key("hc_mult"))
        ],
        tensors: [
            .blocks(
                of: "layers.{bid}.ffn.gate.", where: .choosesByToken,
                .tensors(
                    [.init("tid2eid", [.vocabulary, .key("num_experts_per_tok")])],
                    into: [
                        .init(
                            "ffn_gate_tid2eid.weight", [.vocabulary, .key("num_experts_per_tok")],
                            values: .numbers(isNarrow: true))
                    ], isLeading: true)),
            .init("embed", "token_embd", [.vocabulary, .hidden]), .norm("norm", "output_norm"),
            .init("head", "output", [.vocabulary, .hidden], presence: .optional),
            .streamHead(""), .deepseekV4Blocks("layers.{bid}."),
            .blocks(
                of: "layers.{bid}.ffn.gate.",
                .tensor(
                    "bias_vl", "exp_probs_b_vl.bias", [.experts], presence: .optional)),
            .blocks(
                of: "layers.{bid}.ffn.gate.", where: .choosesByToken, .ignoring("bias")),
            .blocks(
                of: "layers.{bid}.ffn.gate.", where: !.choosesByToken,
                .tensor("bias", "exp_probs_b.bias", [.experts])),
            .blocks(of: "layers.{bid}.attn.", where: .compresses, .compressor(overlaps: false)),
            .blocks(of: "layers.{bid}.attn.", where: .overlaps, .compressor(overlaps: true)),
        ],
        checkpoint: .init(
            foreignPrefixes: ["mtp.", "aligner.", "image_"], keepsTypes: true, sortsLeading: true),
        rotary: .yarn, checks: deepseekV4Checks,
        tokenizer: .init(leadsWithTemplate: true),
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.compressedDecoder()
        })

    /// What transformers' `DeepseekV4Config` assumes.
    static let deepseekV4Defaults: [ConfigurationDefault] = [
        .integer("vocab_size", 129280), .integer("hidden_size", 4096),
        .integer("moe_intermediate_size", 2048), .integer("num_hidden_layers", 43),
        .integer("num_attention_heads", 64), .integer("num_key_value_heads", 1),
        .integer("head_dim", 512), .integer("q_lora_rank", 1024),
        .computed("qk_rope_head_dim") { configuration in
            guard configuration["qk_rope_head_dim"] == nil,
                let head = configuration["head_dim"]?.integer
            else { return nil }
            let share = configuration["partial_rotary_factor"]?.double ?? 0.125
            guard share > 0, share <= 1 else { return nil }
            return .integer(Int(Double(head) * share))
        },
        .integer("num_experts_per_tok", 6), .same("n_routed_experts", as: "num_local_experts"),
        .integer("n_routed_experts", 256), .integer("n_shared_experts", 1),
        .text("scoring_func", "sqrtsoftplus"), .boolean("norm_topk_prob", true),
        .real("routed_scaling_factor", 1.5), .integer("max_position_embeddings", 1_048_576),
        .real("rope_theta", 10000),
        .computed("compress_rope_theta") { configuration in
            configuration["compress_rope_theta"]
                ?? configuration["rope_parameters"]?["compress"]?["rope_theta"] ?? .real(160_000)
        },
        .integer("hc_mult", 4), .integer("hc_sinkhorn_iters", 20), .real("hc_eps", 1e-6),
        .real("swiglu_limit", 10), .integer("sliding_window", 128), .integer("o_groups", 8),
        .integer("o_lora_rank", 1024), .integer("index_n_heads", 64),
        .integer("index_head_dim", 128), .integer("index_topk", 512),
        .real("rms_norm_eps", 1e-6),
        .computed("num_hash_layers") { configuration in
            configuration["num_hash_layers"]
                ?? .integer(
                    configuration["mlp_layer_types"]?.array?.prefix { $0.text == "hash_moe" }.count
                        ?? 3)
        },
        .computed("compress_ratios") { $0.deepseekRatios },
        // One base in layers with a window alone, another, stretched, in the others.
        .computed("rope_parameters") { configuration in
            guard let members = configuration["rope_parameters"]?["compress"]?.members else {
                return nil
            }
            let base =
                configuration["rope_parameters"]?["main"]?["rope_theta"]
                ?? configuration["rope_theta"] ?? .real(10000)
            return .object(
                members.filter { $0.key != "rope_theta" } + [
                    .init(key: "rope_theta", value: base)
                ])
        },
    ]

    static let deepseekV4Checks: [ConfigurationCheck] = [
        .activation(.silu), .without("attention_bias", "mlp_bias"),
        .refused(.count("num_key_value_heads", 1)),
        .refusing { configuration throws(ArchitectureError) in
            for ratio in configuration["compress_ratios"]?.array ?? [] {
                guard let ratio = ratio.integer, (0...Int(Int32.max)).contains(ratio) else {
                    throw configuration.fault(
                        .invalidValue(found: ratio.kindName, expected: "numbers of tokens"),
                        "compress_ratios")
                }
            }
        },
    ]
}

extension ModelConfiguration {
    /// How many tokens each layer makes one of, 0 where a layer has a window alone: as published, or by
    /// the layers' types.
    fileprivate var deepseekRatios: JSON? {
        if let given = self["compress_ratios"] { return given }
        let count = self["num_hidden_layers"]?.integer ?? 0
        guard (1...ModelConfiguration.layerLimit).contains(count) else { return nil }
        let rates = self["compress_rates"]
        let sparse = rates?["compressed_sparse_attention"] ?? .integer(4)
        let heavy = rates?["heavily_compressed_attention"] ?? .integer(128)
        guard let types = self["layer_types"]?.array else {
            return .array((0..<count).map { $0 < 2 || $0 % 2 == 0 ? heavy : sparse })
        }
        return .array(
            types.map {
                switch $0.text {
                case "compressed_sparse_attention": sparse
                case "heavily_compressed_attention": heavy
                default: .integer(0)
                }
            })
    }

    /// How many tokens a layer makes one of.
    fileprivate func compressRatio(_ block: Int) -> Int {
        let ratios = self["compress_ratios"]?.array ?? []
        return ratios.indices.contains(block) ? ratios[block].integer ?? 0 : 0
    }
}

extension TensorRule.Condition {
    /// The first layers, whose tokens have their experts by a table.
    static let choosesByToken = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try block < (configuration.integer("num_hash_layers") ?? 0)
    }
    /// The layers that make one key of so many tokens that stretches stand side by side.
    fileprivate static let compresses = TensorRule.Condition { configuration, block in
        configuration.compressRatio(block) > 0 && configuration.compressRatio(block) != 4
    }
    /// The layers that make one key of four tokens and the four before them, and pick some.
    fileprivate static let overlaps = TensorRule.Condition { configuration, block in
        configuration.compressRatio(block) == 4
    }
}

extension [MetadataRule] {
    /// The keys of DeepSeek V4, or of its drafts, whose blocks have a window alone.
    static func deepseekV4(isDraft: Bool = false) -> Self {
        common + [
            .count("rope.dimension_count", "qk_rope_head_dim"),
            .count("attention.q_lora_rank", "q_lora_rank"),
            .count("attention.sliding_window", "sliding_window"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_count", "n_shared_experts"),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .flag("expert_weights_norm", "norm_topk_prob"),
            .entries { configuration throws(ArchitectureError) in
                let limit = Float(try configuration.number(["swiglu_limit"]) ?? 10)
                let limits = [Float](repeating: limit, count: try configuration.blockCount())
                return [
                    .init("{arch}.swiglu_clamp_exp", .float32s(limits)),
                    .init("{arch}.swiglu_clamp_shexp", .float32s(limits)),
                ]
            },
        ] + .indexer + [
            .count("attention.output_group_count", "o_groups"),
            .count("attention.output_lora_rank", "o_lora_rank"),
            .entries { configuration throws(ArchitectureError) in
                let ratios =
                    isDraft
                    ? [Int32](repeating: 0, count: try configuration.blockCount())
                    : (configuration["compress_ratios"]?.array ?? []).map {
                        Int32(clamping: $0.integer ?? 0)
                    }
                return [.init("{arch}.attention.compress_ratios", .int32s(ratios))]
            },
            .number("attention.compress_rope_freq_base", "compress_rope_theta"),
            .count("hyper_connection.count", "hc_mult"),
            .count("hyper_connection.sinkhorn_iterations", "hc_sinkhorn_iters"),
            .number("hyper_connection.epsilon", "hc_eps"),
            isDraft
                ? .constant("hash_layer_count", .uint32(0))
                : .count("hash_layer_count", "num_hash_layers"),
        ]
    }
}

extension TensorModules {
    private static let queryRank = Dimension.key("q_lora_rank")
    private static let expertWidth = Dimension.key("moe_intermediate_size")

    /// What all of DeepSeek V4's blocks have, those of its drafts too.
    static func deepseekV4Blocks(_ layer: String) -> Self {
        let (groups, rank) = (Dimension.key("o_groups"), Dimension.key("o_lora_rank"))
        let shared = expertWidth * .key("n_shared_experts")
        return [
            .blocks(
                of: layer, .norm("attn_norm", "attn_norm"), .norm("ffn_norm", "ffn_norm"),
                .streamConnection("hc_attn"), .streamConnection("hc_ffn"),
                .tensor("attn.attn_sink", "attn_sinks.weight", [.headCount]),
                .init("attn.wq_a", "attn_q_a", [queryRank, .hidden]),
                .norm("attn.q_norm", "attn_q_a_norm", queryRank),
                .init("attn.wq_b", "attn_q_b", [.queryHeads, queryRank]),
                .init("attn.wkv", "attn_kv", [.head, .hidden]),
                .norm("attn.kv_norm", "attn_kv_a_norm", .head),
                .init("attn.wo_a", "attn_output_a", [groups * rank, .queryHeads / groups]),
                .init("attn.wo_b", "attn_output_b", [.hidden, groups * rank]),
                .init("ffn.gate", "ffn_gate_inp", [.experts, .hidden]),
                .init("ffn.shared_experts.w1", "ffn_gate_shexp", [shared, .hidden]),
                .init("ffn.shared_experts.w2", "ffn_down_shexp", [.hidden, shared]),
                .init("ffn.shared_experts.w3", "ffn_up_shexp", [shared, .hidden])),
            .blocks(
                of: layer + "ffn.",
                .packedExperts(width: expertWidth, codes: ".weight", exponents: ".scale"),
                .stackedExperts(.numbered, width: expertWidth)),
        ]
    }

    /// What makes one key of several tokens.
    fileprivate static func compressor(overlaps: Bool) -> Self {
        let (ratio, index) = (Dimension.listed("compress_ratios"), Dimension.key("index_head_dim"))
        func made(_ source: String, _ name: String, _ head: Dimension) -> Self {
            let width = overlaps ? 2 * head : head
            return [
                .tensor("\(source).ape", "\(name)_ape.weight", [ratio, width]),
                .init("\(source).wkv", "\(name)_kv", [width, .hidden]),
                .init("\(source).wgate", "\(name)_gate", [width, .hidden]),
                .norm("\(source).norm", "\(name)_norm", head),
            ]
        }
        let own = made("compressor", "attn_compressor", .head)
        guard overlaps else { return own }
        return [
            own, made("indexer.compressor", "indexer_compressor", index),
            .init("indexer.wq_b", "indexer.attn_q_b", [.key("index_n_heads") * index, queryRank]),
            .init("indexer.weights_proj", "indexer.proj", [.key("index_n_heads"), .hidden]),
        ]
    }
}
