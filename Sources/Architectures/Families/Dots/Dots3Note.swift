import TensorCore

extension ModelFamily {
    /// dots 3 note: latent attention of two sizes, with a window and by an indexer's choice, and a gate
    /// for every head; DeepSeek V3's experts after dense layers.
    public static let dots3Note = ModelFamily(
        name: "Dots3Note", architecture: "dots3note",
        classes: [
            "Dots3NoteForCausalLM", "Dots3NoteForConditionalGeneration",
            "Dots3NoteTextForCausalLM",
        ],
        // transformers: Dots3NoteTextConfig, in the words of the published checkpoints
        defaults: [
            .integer("vocab_size", 152064), .integer("hidden_size", 5120),
            .integer("intermediate_size", 13824), .integer("moe_intermediate_size", 1536),
            .integer("num_hidden_layers", 46), .integer("num_attention_heads", 128),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("n_shared_experts", 1), .integer("n_routed_experts", 256),
            .real("routed_scaling_factor", 1), .integer("kv_lora_rank", 512),
            .integer("q_lora_rank", 1024), .integer("qk_rope_head_dim", 64),
            .integer("v_head_dim", 128), .integer("qk_nope_head_dim", 128),
            .integer("num_experts_per_tok", 8), .integer("n_group", 1), .integer("topk_group", 1),
            .boolean("norm_topk_prob", true), .integer("max_position_embeddings", 524288),
            .real("rms_norm_eps", 1e-5), .real("rope_theta", 80_000_000),
            .real("swa_rope_theta", 50000), .text("scoring_func", "sigmoid"),
            .denseLayers(standard: 1), .same("sliding_window_size", as: "sliding_window"),
            .integer("swa_num_attention_heads", 64), .integer("swa_q_lora_rank", 1024),
            .integer("swa_kv_lora_rank", 1024), .integer("swa_qk_nope_head_dim", 192),
            .integer("swa_qk_rope_head_dim", 64), .integer("swa_v_head_dim", 128),
            .replacement("head_dim", by: "qk_rope_head_dim"),
            .computed("query_rank_scale") { $0.dotsScale("q_lora_rank") },
            .computed("key_rank_scale") { $0.dotsScale("kv_lora_rank") },
            .computed("swa_key_rank_scale") { $0.dotsScale("swa_kv_lora_rank") },
        ] + .indexer(heads: 64),
        keys: .commonWithoutHeadLength + [
            .fileType,
            .entries { configuration throws(ArchitectureError) in
                let full = try configuration.numAttentionHeads()
                let local = try configuration.required("swa_num_attention_heads")
                return [
                    .init(
                        "{arch}.attention.head_count",
                        .int32s(
                            try configuration.dotsSlides().map {
                                Int32(clamping: $0 ? local : full)
                            }))
                ]
            },
        ] + .latentAttention + [
            .count("attention.sliding_window", "sliding_window_size"),
            .slidingWindowPattern { configuration throws(ArchitectureError) in
                Array(
                    try configuration.dotsSlides().prefix(try configuration.numHiddenLayers()))
            },
            .count("attention.kv_lora_rank_swa", "swa_kv_lora_rank"),
            .size(
                "attention.key_length_swa",
                .key("swa_kv_lora_rank") + .key("swa_qk_rope_head_dim")),
            .count("attention.value_length_swa", "swa_kv_lora_rank"),
            .size(
                "attention.key_length_mla_swa",
                .key("swa_qk_nope_head_dim") + .key("swa_qk_rope_head_dim")),
            .count("attention.value_length_mla_swa", "swa_v_head_dim"), .predictorCount,
        ] + .indexer + [
            .entries { configuration throws(ArchitectureError) in
                let slides = try configuration.dotsSlides()
                return [
                    .init(
                        "{arch}.attention.indexer.types",
                        .bools(slides.prefix(try configuration.numHiddenLayers()).map { !$0 }))
                ]
            }
        ],
        tensors: [
            .ends(outputPresence: .unlessTied), .blocks(.preNorms()),
            .blocks(
                of: "model.layers.{bid}.self_attn.", where: !.dotsSlides,
                .dotsAttention(heads: .headCount, prefix: "", scale: "key_rank_scale")),
            .blocks(
                of: "model.layers.{bid}.self_attn.", where: .dotsSlides,
                .dotsAttention(
                    heads: .key("swa_num_attention_heads"), prefix: "swa_",
                    scale: "swa_key_rank_scale")),
            .only(where: !.dotsSlides, .indexer),
            .only(where: !.dotsExperts, .blocks(.gatedNetwork())),
            .only(
                where: .dotsExperts, .routedExperts(correction: .required, shared: .required)),
            .predictorModules,
        ],
        // The layer that predicts a further token follows the others; its embeddings stand apart.
        checkpoint: .init(
            multiTokenPrediction: .apart(
                prefix: "model.mtp.", modules: ["embed_tokens": "embed_tokens"])),
        checks: [
            .activation(.silu), .needing("use_dsa", "k_rope_only_layernorm"),
            .without("use_dynamic_rsf", "moe_gating_fp32", "attention_bias"),
            .refused(
                .text("normalization", "RMSNorm"), .text("final_norm", "RMSNorm"),
                .text("topk_method", "noaux_tc"), .text("scoring_func", "sigmoid"),
                .number("n_group", 1), .number("topk_group", 1),
                .text("attention_gate_type", "headwise"),
                .text("swa_attention_gate_type", "headwise")),
            .denseLayersFirst, .dotsSizes,
        ],
        tokenizer: .init(replacements: [.init("eot", "<|endofassistant|>")]),
        decoder: .custom { model throws(DecoderDescriptionError) in
            var decoder = try model.latentDecoder(
                .init(
                    pairing: .interleaved, windowPeriod: 0,
                    experts: .init(
                        scoring: .sigmoid, normalisesWeights: false, shared: .counted)),
                windowed: "_swa")
            for index in decoder.blocks.indices {
                let name = "blk.\(index)"
                let attention = decoder.blocks[index].attention
                decoder.blocks[index].attention.gate = model.projection(
                    "\(name).attn_gate", outputs: attention.headCount,
                    inputs: attention.output.outputs)
                decoder.blocks[index].attention.latent?.rotatedNorm = try model.norm(
                    .rootMeanSquare, "\(name).attn_k_norm")
            }
            // Up to as many positions as the indexer picks, attention sees all.
            if let picked = try model.optionalCount("attention.indexer.top_k") {
                decoder.contextLength = min(decoder.contextLength, picked)
            }
            return decoder
        })
}

extension TensorModules {
    /// Latent attention of a kind of layer, whose sizes the configuration has with a prefix.
    ///
    /// - Parameter scale: The number that the norm of the latent row of keys and values is multiplied by.
    fileprivate static func dotsAttention(
        heads: Dimension, prefix: String, scale: String
    ) -> Self {
        let rank = Dimension.key("\(prefix)kv_lora_rank")
        let (nope, value) = (
            Dimension.key("\(prefix)qk_nope_head_dim"), Dimension.key("\(prefix)v_head_dim")
        )
        let rope = Dimension.key("qk_rope_head_dim")
        let queryRank = Dimension.key("q_lora_rank")
        func norm(_ source: String, _ name: String, _ length: Dimension, _ scale: String) -> Self {
            .init(source, name, [length], times: [.init(scale)])
        }
        return [
            .init("q_a_proj", "attn_q_a", [queryRank, .hidden]),
            norm("q_a_layernorm", "attn_q_a_norm", queryRank, "query_rank_scale"),
            .init("q_b_proj", "attn_q_b", [heads * (nope + rope), queryRank]),
            .init("kv_a_proj_with_mqa", "attn_kv_a_mqa", [rank + rope, .hidden]),
            norm("kv_a_layernorm", "attn_kv_a_norm", rank, scale),
            .norm("k_rope_only_layernorm", "attn_k_norm", rope),
            .latentExpansion(heads: heads, rank: rank, key: nope, value: value),
            .init("g_proj", "attn_gate", [heads, .hidden]),
            .init("o_proj", "attn_output", [.hidden, heads * value]),
        ]
    }
}

extension TensorRule.Condition {
    /// The layers with a sliding window; one that predicts a further token has one.
    fileprivate static let dotsSlides = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        let slides = try configuration.dotsSlides()
        return slides.indices.contains(block) && slides[block]
    }

    /// The layers with experts.
    fileprivate static let dotsExperts = sparseAfterFirst && !predictsFurther
}

extension ConfigurationCheck {
    /// Sizes that layers of both kinds share.
    fileprivate static let dotsSizes = refusing { configuration throws(ArchitectureError) in
        for key in ["q_lora_rank", "qk_rope_head_dim"] {
            let (full, local) = (
                try configuration.required(key), try configuration.required("swa_\(key)")
            )
            guard full != local else { continue }
            throw configuration.inexpressible(
                "swa_\(key)", found: "\(local)", expected: "\(full), as in the other layers")
        }
        if configuration["per_layer_config"] != nil, configuration["swa_head_dim"] == nil {
            throw configuration.inexpressible(
                "per_layer_config", found: "sizes of single layers",
                expected: "the published words (swa_num_attention_heads and kin)")
        }
    }
}

extension ModelConfiguration {
    /// Which blocks have a sliding window.
    fileprivate func dotsSlides() throws(ArchitectureError) -> [Bool] {
        let types = self["layer_types"]?.array ?? []
        let layers = try numHiddenLayers()
        guard types.count >= layers else {
            throw fault(
                .invalidValue(
                    found: "\(types.count) types", expected: "\(layers), one for each layer"),
                "layer_types")
        }
        return try (0..<blockCount()).map {
            $0 >= layers || types[$0].text == "sliding_attention"
        }
    }

    /// What a latent row is multiplied by behind its norm, where the model does.
    fileprivate func dotsScale(_ rank: String) -> JSON? {
        guard self["apply_mla_qkv_lora_rescale"]?.boolean == true,
            let width = self["hidden_size"]?.double, let rank = self[rank]?.double, rank > 0
        else { return nil }
        return .real((width / rank).squareRoot())
    }
}
