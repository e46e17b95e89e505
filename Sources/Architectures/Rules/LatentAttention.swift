import TensorCore

// Multi-head latent attention (MLA), as DeepSeek V2 introduced it: queries, keys and values come of
// short latent rows. With experts behind some dense layers it is what GGUF calls `deepseek2`, which
// several lineages use.
//
// GGUF has attention in its absorbed form: one key-value head as wide as the latent row. For that
// the up-projection of keys and values is split, and the keys' part transposed.

extension [MetadataRule] {
    /// The keys that follow the common ones.
    static let latentAttention: Self = [
        .constant("attention.head_count_kv", .uint32(1)),
        .count("leading_dense_block_count", "first_k_dense_replace"),
        .count("vocab_size", "vocab_size"),
        .count("attention.q_lora_rank", "q_lora_rank"),
        .count("attention.kv_lora_rank", "kv_lora_rank"),
        .size("attention.key_length", .key("kv_lora_rank") + .key("qk_rope_head_dim")),
        .size("attention.value_length", .key("kv_lora_rank")),
        .size("attention.key_length_mla", .latentKey),
        .size("attention.value_length_mla", .key("v_head_dim")),
        .count("expert_feed_forward_length", "moe_intermediate_size"),
        .count("expert_shared_count", "n_shared_experts"),
        .number("expert_weights_scale", "routed_scaling_factor"),
        .entries { configuration in
            configuration["norm_topk_prob"]?.boolean == true
                ? [.init("{arch}.expert_weights_norm", .bool(true))] : []
        },
        .count("rope.dimension_count", "qk_rope_head_dim"),
        .entries { configuration throws(ArchitectureError) in
            // GGUF's files have a tenth of it here, which readers undo.
            guard let scale = try RotaryParameters(configuration).number("mscale_all_dim") else {
                return []
            }
            return [.init("{arch}.rope.scaling.yarn_log_multiplier", .float32(Float(0.1 * scale)))]
        },
    ]
}

extension Dimension {
    /// The values of a head's key: those that do not turn, and those that do.
    fileprivate static let latentKey = key("qk_nope_head_dim") + key("qk_rope_head_dim")
}

extension TensorModules {
    /// Ends, latent attention, and the networks of the dense layers.
    static let latentDecoder: Self = {
        let isCompressed = TensorRule.Condition { configuration, _ in
            configuration["q_lora_rank"] != nil
        }
        let attention = "model.layers.{bid}.self_attn."
        let (rank, queryRank) = (Dimension.key("kv_lora_rank"), Dimension.key("q_lora_rank"))
        let (nope, value) = (Dimension.key("qk_nope_head_dim"), Dimension.key("v_head_dim"))
        return [
            .ends(outputPresence: .unlessTied), .blocks(.preNorms()),
            .blocks(
                of: attention, where: !isCompressed,
                .init("q_proj", "attn_q", [.headCount * .latentKey, .hidden])),
            .blocks(
                of: attention, where: isCompressed,
                .init("q_a_proj", "attn_q_a", [queryRank, .hidden], bias: .optional),
                .norm("q_a_layernorm", "attn_q_a_norm", queryRank),
                .init("q_b_proj", "attn_q_b", [.headCount * .latentKey, queryRank])),
            .blocks(
                of: attention,
                .init(
                    "kv_a_proj_with_mqa", "attn_kv_a_mqa",
                    [rank + .key("qk_rope_head_dim"), .hidden], bias: .optional),
                .norm("kv_a_layernorm", "attn_kv_a_norm", rank),
                .latentExpansion(rank: rank, key: nope, value: value),
                .init("o_proj", "attn_output", [.hidden, .headCount * value], bias: .optional)),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork(bias: .optional)),
        ]
    }()
}

extension TensorModules {
    /// The up-projection of keys and values, split by heads, the keys' part transposed.
    @inline(never)
    static func latentExpansion(
        heads: Dimension = .headCount, rank: Dimension, key: Dimension, value: Dimension
    ) -> Self {
        let box = TensorView.reshaped([heads, key + value, rank])
        return .tensors(
            [.init("kv_b_proj.weight", [heads * (key + value), rank])],
            into: [
                .init(
                    "attn_k_b.weight", [heads, rank, key],
                    box.narrowed(1, from: 0, count: key).permuted([0, 2, 1])),
                .init(
                    "attn_v_b.weight", [heads, value, rank],
                    box.narrowed(1, from: key, count: value)),
            ])
    }
}

extension ConfigurationExport {
    /// How `deepseek2` files are exported.
    ///
    /// - Parameter statesGating: Whether the configuration says how scores become weights.
    @inline(never)
    static func latentAttention(
        modelType: String, words: [String: String?] = [:],
        statesGating: Bool = true,
        fits: @escaping @Sendable (Source) -> Bool = { $0.tokenizer("eom_token_id") == nil },
        computed: @escaping @Sendable (Source) -> [Entry] = { _ in [] }
    ) -> Self {
        .init(
            modelType: modelType,
            words: [
                "attention.head_count_kv": nil, "attention.key_length": nil,
                "expert_count": "n_routed_experts", "rope.dimension_count": "qk_rope_head_dim",
                "attention.value_length_mla": "v_head_dim",
            ].merging(words) { $1 },
            presence: [("blk.0.attn_output.bias", "attention_bias")],
            fits: fits,
            computed: { source in
                var entries = computed(source)
                if let heads = source.integer("attention.head_count") {
                    entries.append(("num_key_value_heads", .integer(heads)))
                }
                if let length = source.integer("attention.key_length_mla"),
                    let rotary = source.integer("rope.dimension_count"), length >= rotary
                {
                    entries.append(("qk_nope_head_dim", .integer(length - rotary)))
                }
                if source.integer("attention.q_lora_rank") == nil {
                    entries.append(("q_lora_rank", .null))
                }
                if statesGating { entries += source.gating() }
                let isNormalised = source.value("expert_weights_norm")?.boolean ?? false
                entries.append(("norm_topk_prob", .bool(isNormalised)))
                return entries
            })
    }
}

extension [ConfigurationCheck] {
    /// What a file of DeepSeek V2 or V3 cannot express.
    static let latentAttention: Self = [
        .activation(.silu), .on("rope_interleave"),
        .refusing { configuration throws(ArchitectureError) in
            let heads = try configuration.numAttentionHeads()
            let keys = try configuration.numKeyValueHeads()
            guard keys != heads else { return }
            throw configuration.fault(
                .invalidValue(
                    found: "\(keys)", expected: "as many as the \(heads) query heads"),
                "num_key_value_heads")
        },
        .noting { configuration throws(ArchitectureError) in
            let rotary = try RotaryParameters(configuration)
            guard rotary.type == "yarn", let whole = try rotary.number("mscale_all_dim"),
                try rotary.number("mscale") != whole
            else { return [] }
            return [
                "the rotary scaling's mscale is not carried over; readers of deepseek2 take "
                    + "mscale_all_dim, \(whole), for both"
            ]
        },
    ]
}

extension ConfigurationCheck {
    /// Experts chosen by sigmoids, of which a file says nothing where the configuration does not: readers
    /// of `deepseek2` take the softmax of its first models.
    static let statedSigmoids = departing { configuration throws(ArchitectureError) in
        guard configuration["scoring_func"] == nil,
            try configuration.integer("n_routed_experts") ?? 0 > 0
        else { return }
        // Sizes by which readers know GLM-4.7 Flash.
        let layers = try configuration.numHiddenLayers()
        if (47...48).contains(layers), try configuration.vocabSize() == 154_880 { return }
        throw configuration.inexpressible(
            "scoring_func", found: "nothing, which is \"sigmoid\",", expected: "\"softmax\"")
    }
}

extension DecoderRule {
    /// Queries, keys and values from latent rows (MLA), dense blocks first, then experts with shared
    /// ones; V3 chooses by sigmoid scores with a bias, among the best groups.
    static let latentAttention = custom { model throws(DecoderDescriptionError) in
        try model.latentDecoder(
            .init(
                pairing: .interleaved,
                experts: .init(normalisesWeights: false, shared: .stated, mayMiss: true)))
    }
}
