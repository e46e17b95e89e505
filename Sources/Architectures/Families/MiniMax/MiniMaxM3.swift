import TensorCore

extension ModelFamily {
    /// MiniMax M3's language model: M2 with norms of heads, dense layers in front, a network for every
    /// token, and an indexer that picks the blocks of positions which attention sees.
    public static let miniMaxM3 = ModelFamily(
        name: "MiniMaxM3", architecture: "minimax-m3",
        classes: ["MiniMaxM3SparseForCausalLM", "MiniMaxM3SparseForConditionalGeneration"],
        // The model's own code: MiniMaxM3Config
        defaults: [
            .integer("vocab_size", 200064), .integer("hidden_size", 6144),
            .integer("intermediate_size", 3072), .integer("num_hidden_layers", 60),
            .integer("num_attention_heads", 64), .integer("num_key_value_heads", 4),
            .integer("head_dim", 128), .integer("max_position_embeddings", 524288),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 5_000_000),
            .integer("num_local_experts", 128), .integer("num_experts_per_tok", 4),
            .integer("n_shared_experts", 1), .real("routed_scaling_factor", 2),
            .integer("rotary_dim", 64), .text("scoring_func", "sigmoid"),
            .computed("index_n_heads") { $0.sparseOption("sparse_num_index_heads") },
            .computed("index_head_dim") { $0.sparseOption("sparse_index_dim") },
            .computed("index_topk_blocks") { $0.sparseOption("sparse_topk_blocks") },
            .computed("index_block_size") { $0.sparseOption("sparse_block_size") },
            .computed("index_local_blocks") { $0.sparseOption("sparse_local_block") },
            .computed("first_k_dense_replace") { configuration in
                configuration["moe_layer_freq"]?.array.map {
                    .integer($0.prefix { $0.integer == 0 }.count)
                }
            },
            .denseLayers(standard: 0),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "intermediate_size"),
            .count("rope.dimension_count", "rotary_dim"),
            .count("expert_shared_count", "n_shared_experts"),
            .number("expert_weights_scale", "routed_scaling_factor"),
            .constant("expert_weights_norm", .bool(true)),
            .count("attention.indexer.head_count", "index_n_heads"),
            .count("attention.indexer.key_length", "index_head_dim"),
            .count("attention.indexer.top_k", "index_topk_blocks"),
            .count("attention.indexer.block_size", "index_block_size"),
            .count("attention.indexer.local_blocks", "index_local_blocks"),
            .count("leading_dense_block_count", "first_k_dense_replace"),
        ],
        tensors: [
            .ends(normTransform: .plusOne),
            .blocks(.preNorms(transform: .plusOne), .headNorms(transform: .plusOne), .attention()),
            .blocks(of: "model.layers.{bid}.self_attn.", as: "blk.{bid}.indexer.", .blockIndexer),
            .blocks(
                where: !.sparseAfterFirst,
                .gatedNetwork(width: .key("dense_intermediate_size", or: .feedForward))),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.", where: .sparseAfterFirst,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("e_score_correction_bias", "exp_probs_b.bias", [.experts]),
                .gatedNetwork(
                    "shared_experts", width: .feedForward * .key("n_shared_experts"),
                    suffix: "_shexp"),
                .experts(.numbered, width: .feedForward)),
        ],
        checkpoint: .init(exactParts: { _ in ["indexer.q_proj.weight", "indexer.k_proj.weight"] }),
        checks: [
            .refused(
                .activation(["swigluoai", "silu"]), .text("scoring_func", "sigmoid"),
                .number("swiglu_alpha", 1.702), .number("swiglu_limit", 7), .on("use_gemma_norm"),
                .text("qk_norm_type", "per_head")), .denseLayersFirst,
            .refusing { configuration throws(ArchitectureError) in
                let frequency = configuration["moe_layer_freq"]?.array ?? []
                let dense = frequency.prefix { $0.integer == 0 }.count
                guard frequency.dropFirst(dense).contains(where: { $0.integer == 0 }) else {
                    return
                }
                throw configuration.inexpressible(
                    "moe_layer_freq", found: "another order", expected: "dense layers, then experts"
                )
            },
        ],
        // Up to as many positions as the indexer picks, attention sees all.
        decoder: .custom { model throws(DecoderDescriptionError) in
            let activation = BlockDescription.Activation.clampedSwiGLU(alpha: 1.702, limit: 7)
            var decoder = try model.decoder(
                .init(
                    pairing: .halves, headNorms: .head, activation: activation,
                    experts: .init(
                        scoring: .sigmoid, normalisesWeights: true, activation: activation,
                        shared: .counted)))
            if let blocks = try model.optionalCount("attention.indexer.top_k"),
                let length = try model.optionalCount("attention.indexer.block_size"),
                case let (picked, overflow) = blocks.multipliedReportingOverflow(by: length),
                !overflow
            {
                decoder.contextLength = min(decoder.contextLength, picked)
            }
            return decoder
        })
}

extension TensorModules {
    /// What rates blocks of positions.
    fileprivate static let blockIndexer: Self = {
        let (heads, head) = (Dimension.key("index_n_heads"), Dimension.key("index_head_dim"))
        return [
            .init("index_q_proj", "q_proj", [heads * head, .hidden], presence: .optional),
            .init("index_k_proj", "k_proj", [head, .hidden], presence: .optional),
            .norm("index_q_norm", "q_norm", head, presence: .optional, transform: .plusOne),
            .norm("index_k_norm", "k_norm", head, presence: .optional, transform: .plusOne),
        ]
    }()
}

extension ModelConfiguration {
    /// An option of `sparse_attention_config`.
    fileprivate func sparseOption(_ key: String) -> JSON? { self["sparse_attention_config"]?[key] }
}
