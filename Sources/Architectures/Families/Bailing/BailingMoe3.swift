import TensorCore

extension ModelFamily {
    /// Ling 3: Kimi delta attention with bounded decays in most layers, latent attention with a gate for
    /// every head in the others, experts after dense layers.
    public static let bailingMoe3 = ModelFamily(
        name: "BailingMoe3", architecture: "bailingmoe3",
        classes: ["BailingMoeV3ForCausalLM", "BailingMoeV3VLForConditionalGeneration"],
        // The model's own code: BailingMoeV3Config
        defaults: [
            .integer("num_hidden_layers", 24), .real("rms_norm_eps", 1e-6),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("num_shared_experts", 1),
        ],
        keys: .common + [
            .entries { configuration throws(ArchitectureError) in
                var counts: [Int32] = []
                for block in 0..<(try configuration.blockCount()) {
                    counts.append(try configuration.seesAll(block) ? 1 : 0)
                }
                return [.init("{arch}.attention.head_count_kv", .int32s(counts))]
            },
            .count("vocab_size", "vocab_size"),
            .count("ssm.conv_kernel", "short_conv_kernel_size"),
            .count("kda.head_dim", "head_dim"), .flag("kda.safe_gate", "kda_safe_gate"),
            .number("kda.gate_lower_bound", "kda_lower_bound"),
            .count("attention.q_lora_rank", "q_lora_rank"),
            .count("attention.kv_lora_rank", "kv_lora_rank"),
            .count("rope.dimension_count", "qk_rope_head_dim"),
            .size("attention.key_length", .key("kv_lora_rank") + .key("qk_rope_head_dim")),
            .size(
                "attention.key_length_mla", .key("qk_nope_head_dim") + .key("qk_rope_head_dim")),
            .count("attention.value_length_mla", "v_head_dim"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_feed_forward_length", "moe_shared_expert_intermediate_size"),
            .count("expert_shared_count", "num_shared_experts"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .flag("expert_weights_norm", "norm_topk_prob"),
            .bailingLimits("swiglu_clamp_exp", "expert_swiglu_limit_list"),
            .bailingLimits("swiglu_clamp_shexp", "share_expert_swiglu_limit_list"),
            .predictorCount, .bailingSections,
        ],
        tensors: [
            .ends("model.word_embeddings"), .blocks(.preNorms()),
            .blocks(of: "model.layers.{bid}.attention.", where: .seesAll, .bailingLatent),
            .blocks(of: "model.layers.{bid}.attention.", where: !.seesAll, .bailingDelta),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .sparseAfterFirst,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("gate.expert_bias", "exp_probs_b.bias", [.experts]),
                .gatedNetwork(
                    "shared_experts", width: .key("moe_shared_expert_intermediate_size"),
                    suffix: "_shexp"),
                .experts(width: .key("moe_intermediate_size"))),
            .predictorModules,
            .blocks(where: .predictsFurther, .norm("final_layernorm", "layer_output_norm")),
        ],
        checkpoint: .init(multiTokenPrediction: .kept),
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu),
            .refused(.text("gated_attention_proj_granularity_type", "head_wise")),
            .without("use_bias", "use_qkv_bias"),
            .refusing { configuration throws(ArchitectureError) in
                for key in ["no_kda_lora", "kda_safe_gate"]
                where configuration[key]?.boolean != true {
                    throw configuration.inexpressible(key, found: "false", expected: "true")
                }
            },
        ],
        decoder: .custom { model throws(DecoderDescriptionError) in
            let chosen = try model.limits("swiglu_clamp_exp")
            let others = try model.limits("swiglu_clamp_shexp")
            var decoder = try model.latentDecoder(
                .init(
                    pairing: .interleaved, recurrence: .kimiDelta,
                    experts: .init(scoring: .sigmoid, normalisesWeights: false, shared: .stated)))
            for index in decoder.blocks.indices {
                if case .attention(var attention) = decoder.blocks[index].mixer {
                    attention.gate = model.projection(
                        "blk.\(index).attn_gate", outputs: attention.headCount,
                        inputs: attention.output.outputs)
                    decoder.blocks[index].mixer = .attention(attention)
                }
                guard case .experts(var experts) = decoder.blocks[index].feedForward else {
                    continue
                }
                if let limit = chosen[index] {
                    experts.network.activation = .limitedSwiGLU(limit: limit)
                }
                if let limit = others[index] {
                    experts.shared?.activation = .limitedSwiGLU(limit: limit)
                }
                decoder.blocks[index].feedForward = .experts(experts)
            }
            return decoder
        })
}

extension MetadataRule {
    /// A limit for each block, 0 for none.
    fileprivate static func bailingLimits(_ key: String, _ name: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            guard let limits = configuration[name]?.array else { return [] }
            let count = try configuration.blockCount()
            let values = limits.prefix(count).map { Float($0.double ?? 0) }
            return [
                .init(
                    "{arch}.\(key)",
                    .float32s(values + [Float](repeating: 0, count: count - values.count)))
            ]
        }
    }

    /// How many pairs turn by each of three positions, of models that see pictures.
    fileprivate static let bailingSections = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        guard let sections = configuration["mrope_section"]?.array else { return [] }
        let counts = sections.prefix(3).compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
        let turned = try configuration.required("qk_rope_head_dim")
        guard counts.count == 3, counts.reduce(0, { $0 + 2 * Int($1) }) == turned else {
            throw configuration.fault(
                .invalidValue(
                    found: "\(counts)", expected: "three numbers with the sum \(turned / 2)"),
                "mrope_section")
        }
        return [.init("{arch}.rope.dimension_sections", .int32s(counts + [0]))]
    }
}

extension TensorRule.Condition {
    /// The layers with latent attention.
    fileprivate static let seesAll = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try configuration.seesAll(block)
    }
}

extension ModelConfiguration {
    /// Whether a layer has latent attention: the last of a group, of an unfinished group all.
    fileprivate func seesAll(_ block: Int) throws(ArchitectureError) -> Bool {
        let layers = try numHiddenLayers()
        let size = try required("layer_group_size")
        return block >= layers || (block + 1) % size == 0 || block >= layers / size * size
    }
}

extension TensorModules {
    /// Latent attention with a gate for every head.
    fileprivate static let bailingLatent: Self = {
        let isCompressed = TensorRule.Condition { configuration, _ in
            configuration["q_lora_rank"] != nil
        }
        let (rank, queryRank) = (Dimension.key("kv_lora_rank"), Dimension.key("q_lora_rank"))
        let (nope, value) = (Dimension.key("qk_nope_head_dim"), Dimension.key("v_head_dim"))
        let rope = Dimension.key("qk_rope_head_dim")
        return [
            .only(
                where: !isCompressed,
                .init("q_proj", "attn_q", [.headCount * (nope + rope), .hidden])),
            .only(
                where: isCompressed, .init("q_a_proj", "attn_q_a", [queryRank, .hidden]),
                .norm("q_a_layernorm", "attn_q_a_norm", queryRank),
                .init("q_b_proj", "attn_q_b", [.headCount * (nope + rope), queryRank])),
            .init("kv_a_proj_with_mqa", "attn_kv_a_mqa", [rank + rope, .hidden]),
            .norm("kv_a_layernorm", "attn_kv_a_norm", rank),
            .latentExpansion(rank: rank, key: nope, value: value),
            .init("g_proj", "attn_gate", [.headCount, .hidden]),
            .init("dense", "attn_output", [.hidden, .headCount * value]),
        ]
    }()

    /// Kimi delta attention whose steps and gates come of whole matrices.
    fileprivate static let bailingDelta: Self = {
        let (width, kernel) = (Dimension.queryHeads, Dimension.key("short_conv_kernel_size"))
        return .init(
            TensorModules.deltaInputs(width: width, kernel: kernel).rules
                + [
                    TensorModules("f_proj", "ssm_f_a", [width, .hidden]),
                    .init("b_proj", "ssm_beta", [.headCount, .hidden]),
                    .tensor(
                        "A_log", "ssm_a", [.headCount, 1], from: [.headCount],
                        change: .exponential),
                    .tensor("dt_bias", "ssm_dt.bias", [width]),
                    .init("g_proj", "ssm_g_a", [width, .hidden]),
                    .norm("o_norm", "ssm_norm", .head),
                    .init("o_proj", "attn_output", [.hidden, width]),
                ].flatMap(\.rules))
    }()
}
