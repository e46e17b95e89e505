import TensorCore

extension ModelFamily {
    /// Tencent's Hunyuan 3 (HY V3): norms of heads before they turn, experts rated by sigmoids after
    /// a dense layer.
    public static let hunyuanV3 = ModelFamily(
        name: "HunyuanV3", architecture: "hy_v3", classes: ["HYV3ForCausalLM"],
        // transformers: HYV3Config
        defaults: [
            .integer("vocab_size", 120832), .integer("hidden_size", 4096),
            .integer("intermediate_size", 13312), .integer("num_hidden_layers", 80),
            .integer("num_attention_heads", 64), .integer("num_key_value_heads", 8),
            .integer("head_dim", 128), .integer("max_position_embeddings", 131072),
            .real("rms_norm_eps", 1e-5), .real("rope_theta", 11_158_840),
            .same("num_experts", as: "num_local_experts"), .integer("num_experts", 192),
            .integer("num_experts_per_tok", 8), .integer("num_shared_experts", 1),
            .integer("moe_intermediate_size", 1536), .real("router_scaling_factor", 2.826),
            .boolean("route_norm", true), .denseLayers(standard: 1),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .size(
                "expert_shared_feed_forward_length",
                .key("moe_intermediate_size") * .key("num_shared_experts")),
            .flag("expert_weights_norm", "route_norm"),
            .number("expert_weights_scale", "router_scaling_factor"),
            .constant("expert_gating_func", .uint32(2)), .predictorCount,
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .headNorms(), .attention(biases: .optional, outputBias: .optional)),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()),
            .blocks(
                of: "model.layers.{bid}.mlp.", where: .sparseAfterFirst,
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("e_score_correction_bias", "exp_probs_b", [.experts]),
                .gatedNetwork(
                    "shared_experts",
                    width: .key("moe_intermediate_size") * .key("num_shared_experts"),
                    suffix: "_shexp"),
                .experts(width: .key("moe_intermediate_size"))),
            .predictorModules,
        ],
        checkpoint: .init(
            spellings: [
                .init(".mlp.router.gate.", means: ".mlp.gate."),
                .init(".mlp.expert_bias", means: ".mlp.e_score_correction_bias"),
                .init(".mlp.shared_mlp.", means: ".mlp.shared_experts."),
                .init(".final_layernorm.", means: ".shared_head.norm."),
            ], multiTokenPrediction: .kept),
        checks: [.activation(.silu), .without("mlp_bias"), .denseLayersFirst],
        export: .init(
            modelType: "hy_v3",
            words: [
                "expert_shared_feed_forward_length": nil, "expert_weights_norm": "route_norm",
                "expert_weights_scale": "router_scaling_factor",
            ],
            presence: [("blk.0.attn_q.bias", "attention_bias")],
            computed: { source in
                var entries = source.networkTypesByRouter
                if let width = source.integer("expert_feed_forward_length"), width > 0,
                    let shared = source.integer("expert_shared_feed_forward_length")
                {
                    entries.append(("num_shared_experts", .integer(shared / width)))
                }
                return entries
            }),
        decoder: .blocks(
            .init(
                pairing: .halves, headNorms: .head,
                experts: .init(scoring: .sigmoid, normalisesWeights: true, shared: .stated))
        ) { model, index, block in
            guard case .experts(var experts) = block.feedForward else { return }
            experts.choiceBias = model.present("blk.\(index).exp_probs_b") ?? experts.choiceBias
            block.feedForward = .experts(experts)
        })
}
