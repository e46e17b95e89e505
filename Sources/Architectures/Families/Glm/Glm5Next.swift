import TensorCore

extension ModelFamily {
    /// GLM 5.3's language model: Kimi delta attention in most layers, latent attention without positions
    /// and with an indexer over pooled keys in the others, hyper-connections of several streams.
    public static let glm5Next = ModelFamily(
        name: "Glm5Next", architecture: "glm5-next",
        classes: ["Glm5NextForConditionalGeneration"],
        // The words of the published checkpoints
        defaults: [
            .integer("num_hidden_layers", 48), .real("rms_norm_eps", 1e-5),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .denseLayers(standard: 1), .integer("hc_mult", 4), .integer("hc_sinkhorn_iters", 20),
            .real("hc_eps", 1e-6), .boolean("index_kpool_always_select_tail", true),
            .boolean("norm_topk_prob", true), .integer("n_shared_experts", 1),
            .integer("qk_rope_head_dim", 0),
        ] + .kimiDelta,
        keys: .commonWithoutHeadLength + [
            .fileType,
            .entries { configuration throws(ArchitectureError) in
                var counts: [Int32] = []
                for block in 0..<(try configuration.blockCount()) {
                    counts.append(try configuration.glmSeesAll(block) ? 1 : 0)
                }
                return [.init("{arch}.attention.head_count_kv", .int32s(counts))]
            },
            .count("vocab_size", "vocab_size"),
            .constant("attention.layer_norm_epsilon", .float32(1e-6)), .predictorCount,
            .count("ssm.conv_kernel", "kda_kernel"), .count("kda.head_dim", "kda_head_dim"),
            .number("kda.gate_lower_bound", "kda_lower_bound"),
            .count("attention.q_lora_rank", "q_lora_rank"),
            .count("attention.kv_lora_rank", "kv_lora_rank"),
            .count("rope.dimension_count", "qk_rope_head_dim"),
            .size("attention.key_length", .key("kv_lora_rank")),
            .size("attention.value_length", .key("kv_lora_rank")),
            .size("attention.key_length_mla", .key("qk_nope_head_dim")),
            .count("attention.value_length_mla", "v_head_dim"),
            .count("attention.indexer.head_count", "index_n_heads"),
            .count("attention.indexer.key_length", "index_head_dim"),
            .count("attention.indexer.top_k", "index_topk"),
            .count("attention.indexer.kpool", "index_kpool"),
            .flag("attention.indexer.kpool_select_tail", "index_kpool_always_select_tail"),
            .entries { configuration in
                guard let types = configuration["indexer_types"]?.array else { return [] }
                return [
                    .init(
                        "{arch}.attention.indexer.types", .bools(types.map { $0.text == "full" }))
                ]
            },
            .count("hyper_connection.count", "hc_mult"),
            .count("hyper_connection.sinkhorn_iterations", "hc_sinkhorn_iters"),
            .number("hyper_connection.epsilon", "hc_eps"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_count", "n_shared_experts"),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .flag("expert_weights_norm", "norm_topk_prob"),
            .entries { configuration throws(ArchitectureError) in
                guard let limit = try configuration.number(["swiglu_limit"]) else { return [] }
                let limits = [Float](
                    repeating: Float(limit), count: try configuration.blockCount())
                return [
                    .init("{arch}.swiglu_clamp_exp", .float32s(limits)),
                    .init("{arch}.swiglu_clamp_shexp", .float32s(limits)),
                ]
            },
        ],
        tensors: [
            .ends(outputPresence: .unlessTied), .blocks(.preNorms()),
            .blocks(of: "model.layers.{bid}.self_attn.", where: .glmSeesAll, .glmLatent),
            .blocks(of: "model.layers.{bid}.self_attn.", where: !.glmSeesAll, .kimiDelta()),
            .only(where: .glmSeesAll, .indexer),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()),
            .routedExperts(correction: .required, shared: .required),
            .blocks(.glmConnection("hc_attn"), .glmConnection("hc_ffn")), .predictorModules,
        ],
        checkpoint: .init(
            multiTokenPrediction: .kept,
            exactParts: { _ in
                [
                    "hc_attn_fn.weight", "hc_ffn_fn.weight", "indexer_compressor_ape.weight",
                    "indexer_compressor_gate.weight",
                ]
            }),
        checks: [
            .activation(.silu), .without("attention_bias"), .needing("mhc"),
            .refused(.zero("qk_rope_head_dim")),
            .denseLayersFirst,
            .statesNoPositions, .kimiDeltaHeads,
        ],
        tokenizer: .init(roles: glm4MoeRoles), decoder: .glm5Next)
}

extension DecoderRule {
    /// Latent attention without positions to all tokens, which is what the indexer leaves as long as there
    /// are no more than it picks, and Kimi delta attention, between hyper-connections.
    fileprivate static let glm5Next = custom { model throws(DecoderDescriptionError) in
        let picked = try model.count("attention.indexer.top_k")
        guard try model.flag("attention.indexer.kpool_select_tail", standard: false) else {
            throw model.invalid(
                "attention.indexer.kpool_select_tail",
                expected: "true: tokens that fill no pool are seen")
        }
        let limits = (
            routed: try model.limits("swiglu_clamp_exp"),
            others: try model.limits("swiglu_clamp_shexp")
        )
        func activation(_ limit: Float?) -> BlockDescription.Activation {
            limit.map { .cutSwiGLU(limit: $0) } ?? .silu
        }
        var decoder = try model.latentDecoder(
            .init(
                recurrence: .kimiDelta,
                experts: .init(
                    scoring: .sigmoid, normalisesWeights: false, shared: .counted)))
        let width = decoder.embeddingLength
        for index in decoder.blocks.indices {
            let name = "blk.\(index)"
            decoder.blocks[index].streams = .init(
                count: try model.streamCount(),
                mixer: .learned(try model.learnedConnection("\(name).hc_attn", width: width)),
                feedForward: .learned(
                    try model.learnedConnection("\(name).hc_ffn", width: width)))
            switch decoder.blocks[index].feedForward {
            case .dense(var network):
                network.activation = activation(limits.others[index])
                decoder.blocks[index].feedForward = .dense(network)
            case .experts(var experts):
                experts.network.activation = activation(limits.routed[index])
                experts.shared?.activation = activation(limits.others[index])
                decoder.blocks[index].feedForward = .experts(experts)
            case .channelMix, .absent: break
            }
        }
        decoder.blocks[decoder.blocks.count - 1].streams?.head = .mean
        decoder.contextLength = min(decoder.contextLength, picked)
        return decoder
    }
}

extension TensorRule.Condition {
    /// The layers with latent attention.
    fileprivate static let glmSeesAll = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try configuration.glmSeesAll(block)
    }
}

extension ModelConfiguration {
    /// Whether a layer has latent attention; one that predicts further tokens has.
    fileprivate func glmSeesAll(_ block: Int) throws(ArchitectureError) -> Bool {
        guard try block < numHiddenLayers() else { return true }
        let types = self["layer_types"]?.array ?? []
        guard types.indices.contains(block) else {
            throw fault(
                .invalidValue(
                    found: "nothing for layer \(block)", expected: "a type for each layer"),
                "layer_types")
        }
        return types[block].text != "linear_attention"
    }
}

extension TensorModules {
    /// Latent attention, and what pools the keys of its indexer.
    fileprivate static let glmLatent: Self = {
        let (rank, queryRank) = (Dimension.key("kv_lora_rank"), Dimension.key("q_lora_rank"))
        let (nope, value) = (Dimension.key("qk_nope_head_dim"), Dimension.key("v_head_dim"))
        let index = Dimension.key("index_head_dim")
        return [
            .init("q_a_proj", "attn_q_a", [queryRank, .hidden]),
            .norm("q_a_layernorm", "attn_q_a_norm", queryRank),
            .init("q_b_proj", "attn_q_b", [.headCount * nope, queryRank]),
            .init("kv_a_proj_with_mqa", "attn_kv_a_mqa", [rank, .hidden]),
            .norm("kv_a_layernorm", "attn_kv_a_norm", rank),
            .latentExpansion(rank: rank, key: nope, value: value),
            .init("o_proj", "attn_output", [.hidden, .headCount * value]),
            .tensor(
                "indexer.index_kpool_compress_ape", "indexer_compressor_ape.weight",
                [.key("index_kpool"), index], presence: .optional),
            .tensor(
                "indexer.index_kpool_compress_gate", "indexer_compressor_gate.weight",
                [index, .hidden], presence: .optional),
        ]
    }()

    /// What mixes the streams before and after a part of a block.
    fileprivate static func glmConnection(_ name: String) -> Self {
        let streams = Dimension.key("hc_mult")
        let rows = streams * (2 + streams)
        return [
            .tensor("\(name)_fn", "\(name)_fn.weight", [rows, streams * .hidden]),
            .tensor("\(name)_base", "\(name)_base.weight", [rows]),
            .tensor("\(name)_scale", "\(name)_scale.weight", [3]),
        ]
    }
}
