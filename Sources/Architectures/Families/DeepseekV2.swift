import TensorCore

extension ModelFamily {
    /// DeepSeek V2 and V2 Lite: multi-head latent attention, routed and shared experts after some
    /// dense layers.
    ///
    /// GGUF has attention in its absorbed form: one key-value head as wide as the latent vector.
    /// For that the up-projection of keys and values is split, and the keys' part transposed.
    public static let deepseekV2 = ModelFamily(
        name: "DeepseekV2",
        architecture: "deepseek2",
        classes: ["DeepseekV2ForCausalLM"],
        // transformers: DeepseekV2Config
        defaults: [
            .integer("vocab_size", 102400), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("max_position_embeddings", 2048),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .integer("first_k_dense_replace", 0), .integer("kv_lora_rank", 512),
            .integer("q_lora_rank", 1536), .same("n_routed_experts", as: "num_experts"),
            .integer("n_routed_experts", 64), .integer("n_shared_experts", 2),
            .integer("qk_nope_head_dim", 128), .integer("qk_rope_head_dim", 64),
            .integer("v_head_dim", 128), .integer("moe_intermediate_size", 1407),
            .real("routed_scaling_factor", 1),
            // What turns is all that the attention's rotary part is about.
            .same("head_dim", as: "qk_rope_head_dim"),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: deepseekHyperparameters,
        tensors: deepseekTensors,
        rotary: .yarnOrDynamic,
        checks: .latentAttention,
        export: deepseekExport(modelType: "deepseek_v2"),
        decoder: .latentAttention)

    /// The keys of DeepSeek V2 and V3.
    static let deepseekHyperparameters: [HyperparameterRule] =
        .common + deepseekOwnHyperparameters

    /// Those that follow the common ones.
    static let deepseekOwnHyperparameters = latentAttention + experts

    /// The tensors of DeepSeek V2 and V3 but for the correction of V3's router.
    static let deepseekTensors = ends + attention + feedForward

    /// How both are exported.
    static func deepseekExport(
        modelType: String,
        words: [String: String?] = [:],
        fits: @escaping @Sendable (ConfigurationExport.Source) -> Bool = {
            $0.tokenizer("eom_token_id") == nil
        },
        computed:
            @escaping @Sendable (ConfigurationExport.Source) -> [ConfigurationExport.Entry] = {
                _ in []
            }
    ) -> ConfigurationExport {
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
                switch source.integer("expert_gating_func") {
                case 1: entries.append(("scoring_func", .text("softmax")))
                case 2: entries.append(("scoring_func", .text("sigmoid")))
                default: break
                }
                let isNormalised = source.value("expert_weights_norm")?.boolean ?? false
                entries.append(("norm_topk_prob", .bool(isNormalised)))
                return entries
            })
    }

    private static let latentAttention: [HyperparameterRule] = [
        .count("attention.head_count_kv") { _ in 1 },
        .count("leading_dense_block_count", "first_k_dense_replace"),
        .count("vocab_size", "vocab_size"),
        .count("attention.q_lora_rank", "q_lora_rank"),
        .count("attention.kv_lora_rank", "kv_lora_rank"),
        .size("attention.key_length", .key("kv_lora_rank") + .key("qk_rope_head_dim")),
        .size("attention.value_length", .key("kv_lora_rank")),
        .size("attention.key_length_mla", keyLength),
        .size("attention.value_length_mla", .key("v_head_dim")),
    ]

    private static let experts: [HyperparameterRule] = [
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

    private static let keyLength: Dimension = .key("qk_nope_head_dim") + .key("qk_rope_head_dim")

    private static let ends: [TensorRule] = [
        .init("model.embed_tokens.weight", "token_embd.weight", [.vocabulary, .hidden]),
        .init("model.norm.weight", "output_norm.weight", [.hidden]),
        .init("lm_head.weight", "output.weight", [.vocabulary, .hidden], presence: .unlessTied),
    ]

    private static let attention: [TensorRule] = {
        let layer = "model.layers.{bid}."
        let source = layer + "self_attn."
        let block = "blk.{bid}."
        let isCompressed = TensorRule.Condition { configuration, _ in
            configuration["q_lora_rank"] != nil
        }
        let (rank, queryRank) = (Dimension.key("kv_lora_rank"), Dimension.key("q_lora_rank"))
        let (nope, value) = (Dimension.key("qk_nope_head_dim"), Dimension.key("v_head_dim"))
        let heads: [Dimension] = [.headCount, nope + value, rank]
        var rules: [TensorRule] = [
            .init(layer + "input_layernorm.weight", block + "attn_norm.weight", [.hidden]),
            .init(layer + "post_attention_layernorm.weight", block + "ffn_norm.weight", [.hidden]),
            .init(
                source + "q_proj.weight", block + "attn_q.weight",
                [.headCount * keyLength, .hidden], where: !isCompressed),
            .init(
                source + "q_a_layernorm.weight", block + "attn_q_a_norm.weight", [queryRank],
                where: isCompressed),
            .init(
                source + "q_b_proj.weight", block + "attn_q_b.weight",
                [.headCount * keyLength, queryRank], where: isCompressed),
            .init(
                source + "kv_a_layernorm.weight", block + "attn_kv_a_norm.weight", [rank]),
            .init(
                [.init(source + "kv_b_proj.weight", [.headCount * (nope + value), rank])],
                into: [
                    .init(
                        block + "attn_k_b.weight", [.headCount, rank, nope],
                        [
                            .init(
                                0,
                                .part(
                                    of: heads, axis: 1, from: 0, count: nope, order: [0, 2, 1]))
                        ]),
                    .init(
                        block + "attn_v_b.weight", [.headCount, value, rank],
                        [.init(0, .part(of: heads, axis: 1, from: nope, count: value))]),
                ]),
        ]
        rules += .projection(
            source + "q_a_proj", block + "attn_q_a", [queryRank, .hidden], bias: .optional,
            where: isCompressed)
        rules += .projection(
            source + "kv_a_proj_with_mqa", block + "attn_kv_a_mqa",
            [rank + .key("qk_rope_head_dim"), .hidden], bias: .optional)
        rules += .projection(
            source + "o_proj", block + "attn_output", [.hidden, .headCount * value],
            bias: .optional)
        return rules
    }()

    private static let feedForward: [TensorRule] = {
        let layer = "model.layers.{bid}.mlp."
        let sparse = TensorRule.Condition.sparseAfterFirst
        let width = Dimension.key("moe_intermediate_size")
        let shared = width * .key("n_shared_experts")
        var rules: [TensorRule] = [
            .init(
                layer + "gate.weight", "blk.{bid}.ffn_gate_inp.weight", [.experts, .hidden],
                where: sparse)
        ]
        for (name, role) in [TensorRule].expertMatrices {
            func shape(_ width: Dimension) -> [Dimension] {
                role == "down" ? [.hidden, width] : [width, .hidden]
            }
            rules += .projection(
                layer + name, "blk.{bid}.ffn_\(role)", shape(.feedForward), bias: .optional,
                where: !sparse)
            rules += .projection(
                layer + "shared_experts." + name, "blk.{bid}.ffn_\(role)_shexp", shape(shared),
                bias: nil, where: sparse)
        }
        return rules
            + .stackedExperts(
                layer + "experts.{xid}", [TensorRule].expertMatrices, width: width, where: sparse)
            + .mergedExperts(layer + "experts", width: width, where: sparse)
    }()
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
