import TensorCore

extension ModelFamily {
    /// Moonshot's Kimi Linear: Kimi delta attention (KDA) in most layers, DeepSeek's latent attention
    /// without positions in the others, experts after dense layers.
    public static let kimiLinear = ModelFamily(
        name: "KimiLinear", architecture: "kimi-linear",
        classes: ["KimiLinearForCausalLM", "KimiLinearModel"],
        // transformers: KimiLinearConfig
        defaults: [
            .integer("vocab_size", 163840), .integer("hidden_size", 2304),
            .integer("intermediate_size", 9216), .integer("num_hidden_layers", 27),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .real("rms_norm_eps", 1e-5), .integer("kv_lora_rank", 512),
            .integer("qk_nope_head_dim", 128), .integer("qk_rope_head_dim", 64),
            .integer("v_head_dim", 128), .integer("num_experts", 256),
            .integer("moe_intermediate_size", 1024), .integer("num_shared_experts", 1),
            .integer("first_k_dense_replace", 1), .real("routed_scaling_factor", 2.446),
        ] + .kimiDelta,
        keys: .common + [
            .count("vocab_size", "vocab_size"), .keyValueHeads(oneWhere: .kimiSeesAll),
            .count("ssm.conv_kernel", "kda_kernel"), .count("kda.head_dim", "kda_head_dim"),
            .count("attention.q_lora_rank", "q_lora_rank"),
            .count("attention.kv_lora_rank", "kv_lora_rank"),
            .count("rope.dimension_count", "qk_rope_head_dim"),
            .size("attention.key_length", .key("kv_lora_rank") + .key("qk_rope_head_dim")),
            .size("attention.key_length_mla", .key("qk_nope_head_dim") + .key("qk_rope_head_dim")),
            .count("attention.value_length_mla", "v_head_dim"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_count", "num_shared_experts"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .number("expert_weights_scale", "routed_scaling_factor"),
        ],
        tensors: [
            .ends(outputPresence: .optional), .blocks(.preNorms()),
            .blocks(of: "model.layers.{bid}.self_attn.", where: .kimiSeesAll, .kimiLatent),
            .blocks(
                of: "model.layers.{bid}.self_attn.", where: !.kimiSeesAll,
                .kimiDelta(decay: [1, 1, .key("kda_num_heads"), 1])),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.", where: .sparseAfterFirst,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("gate.e_score_correction_bias", "exp_probs_b.bias", [.experts]),
                .gatedNetwork(
                    "shared_experts",
                    width: .key("moe_intermediate_size") * .key("num_shared_experts"),
                    suffix: "_shexp"),
                .experts(.numbered, width: .key("moe_intermediate_size"))),
        ],
        checkpoint: .init(
            spellings: ["gate", "up", "down"].map {
                // Dense layers, as transformers' class names them.
                .init(".block_sparse_moe.\($0)_proj.", means: ".mlp.\($0)_proj.")
            }),
        checks: [
            .activation(.silu),
            .on("mla_use_nope", "moe_renormalize"), .refused(.absent("q_lora_rank")),
            .kimiDeltaHeads,
        ],
        export: .init(
            modelType: "kimi_linear",
            words: [
                "attention.head_count_kv": nil, "attention.key_length": nil,
                "attention.value_length": "head_dim",
                "rope.dimension_count": "qk_rope_head_dim",
                "attention.value_length_mla": "v_head_dim",
                "expert_shared_count": "num_shared_experts",
            ],
            computed: { source in
                source.gating("moe_router_activation_func") + source.kimiLayers
            }),
        // Nothing turns: KDA tells positions.
        decoder: .custom { model throws(DecoderDescriptionError) in
            try model.latentDecoder(
                .init(
                    recurrence: .kimiDelta,
                    experts: .init(scoring: .sigmoid, normalisesWeights: true, shared: .counted)))
        })
}

extension MetadataRule {
    /// One key-value head in layers with latent attention, none in the others.
    static func keyValueHeads(oneWhere condition: TensorRule.Condition) -> Self {
        .entries { configuration throws(ArchitectureError) in
            var counts: [Int32] = []
            for layer in 0..<(try configuration.numHiddenLayers()) {
                counts.append(try condition.holds(configuration, layer) ? 1 : 0)
            }
            return [.init("{arch}.attention.head_count_kv", .int32s(counts))]
        }
    }
}

extension TensorRule.Condition {
    /// The layers with latent attention; their numbers in the configuration start at 1.
    static let kimiSeesAll = TensorRule.Condition { configuration, block in
        let layers = configuration["linear_attn_config"]?["full_attn_layers"]?.array ?? []
        return layers.contains { $0.integer == block + 1 }
    }
}

extension ConfigurationExport.Source {
    /// Which layers have which attention, counted from 1, and its sizes.
    fileprivate var kimiLayers: [ConfigurationExport.Entry] {
        let heads = value("attention.head_count_kv")?.integers ?? []
        func numbers(_ isFull: Bool) -> JSON {
            .array(heads.indices.filter { (heads[$0] > 0) == isFull }.map { .integer($0 + 1) })
        }
        let first = heads.firstIndex(of: 0) ?? 0
        let length = (integer("attention.key_length_mla") ?? 0).subtractingReportingOverflow(
            integer("rope.dimension_count") ?? 0)
        return [
            ("qk_nope_head_dim", .integer(length.overflow ? 0 : length.partialValue)),
            ("num_key_value_heads", integer("attention.head_count").map { .integer($0) } ?? .null),
            (
                "linear_attn_config",
                [
                    "full_attn_layers": numbers(true), "kda_layers": numbers(false),
                    "head_dim": integer("kda.head_dim").map { .integer($0) } ?? .null,
                    "num_heads": shape("blk.\(first).ssm_beta.weight")?.first.map {
                        .integer($0)
                    } ?? .null,
                    "short_conv_kernel_size": integer("ssm.conv_kernel").map { .integer($0) }
                        ?? .null,
                ]
            ),
        ]
    }
}

extension TensorModules {
    /// Latent attention, its up-projection split and the keys' part transposed.
    fileprivate static let kimiLatent: Self = {
        let rank = Dimension.key("kv_lora_rank")
        let (nope, value) = (Dimension.key("qk_nope_head_dim"), Dimension.key("v_head_dim"))
        let rope = Dimension.key("qk_rope_head_dim")
        return [
            .init("q_proj", "attn_q", [.headCount * (nope + rope), .hidden]),
            .init("kv_a_proj_with_mqa", "attn_kv_a_mqa", [rank + rope, .hidden]),
            .norm("kv_a_layernorm", "attn_kv_a_norm", rank),
            .latentExpansion(rank: rank, key: nope, value: value),
            .init("o_proj", "attn_output", [.hidden, .headCount * value]),
        ]
    }()
}
