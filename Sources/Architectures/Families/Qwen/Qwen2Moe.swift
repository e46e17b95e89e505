import TensorCore

extension ModelFamily {
    /// Qwen 1.5 and 2 with experts: Qwen 2 with routed experts and one that all tokens share.
    public static let qwen2Moe = ModelFamily(
        name: "Qwen2Moe",
        architecture: "qwen2moe",
        classes: ["Qwen2MoeForCausalLM"],
        // transformers: Qwen2MoeConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 2048),
            .integer("intermediate_size", 5632), .integer("num_hidden_layers", 24),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 16),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .integer("num_experts_per_tok", 4),
            .same("num_experts", as: "num_local_experts"), .integer("num_experts", 60),
            .integer("moe_intermediate_size", 1408),
            .integer("shared_expert_intermediate_size", 5632),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
        ],
        tensors: [
            .ends(),
            .blocks(.preNorms(), .attention(biases: .optional), .qwenExperts, .qwenSharedExpert),
        ],
        rotary: .yarnOrDynamic,
        checks: .qwenExperts(normalizes: false),
        export: .init(
            modelType: "qwen2_moe", presence: [("blk.0.attn_q.bias", "qkv_bias")]),
        // Qwen 1.5 MoE and 2 MoE: Qwen 2 with experts and a gated shared network beside them.
        decoder: .blocks(
            .init(pairing: .halves, experts: .init(normalisesWeights: false, shared: .stated))))
}

extension [ConfigurationCheck] {
    /// What Qwen's models with experts take for granted.
    ///
    /// - Parameter normalizes: Whether readers make the weights of the chosen experts sum to 1.
    static func qwenExperts(normalizes: Bool) -> Self {
        [
            .activation(.silu),
            .departing { configuration throws(ArchitectureError) in
                guard configuration["norm_topk_prob"] != nil || normalizes else { return }
                let found = configuration["norm_topk_prob"]?.boolean ?? false
                guard found != normalizes else { return }
                throw configuration.inexpressible(
                    "norm_topk_prob", found: "\(found)", expected: "\(normalizes)")
            },
            .refusing { configuration throws(ArchitectureError) in
                for layer in 0..<(try configuration.numHiddenLayers())
                where try !TensorRule.Condition.sparseBySteps.holds(configuration, layer) {
                    throw configuration.inexpressible(
                        configuration["mlp_only_layers"]?.array?.isEmpty ?? true
                            ? "decoder_sparse_step" : "mlp_only_layers",
                        found: "layer \(layer) without experts",
                        expected: "experts in every layer")
                }
            },
            .lostSlidingWindow,
        ]
    }
}

extension TensorModules {
    /// The router and the experts of Qwen's models.
    static let qwenExperts = blocks(
        of: "mlp.", as: "", .init("gate", "ffn_gate_inp", [.experts, .hidden]),
        .experts(width: .key("moe_intermediate_size")))

    /// The expert that all tokens share, and the gate that weighs it.
    static let qwenSharedExpert: Self = [
        .init("mlp.shared_expert_gate", "ffn_gate_inp_shexp", [1, .hidden]),
        .gatedNetwork(
            "mlp.shared_expert", width: .key("shared_expert_intermediate_size"),
            suffix: "_shexp"),
    ]
}
