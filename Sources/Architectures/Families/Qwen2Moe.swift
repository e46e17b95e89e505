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
        tensors: .gatedDecoder(
            attentionBiases: .optional, rotaryPairs: false, feedForwardWhere: nil)
            + .qwenExperts + .qwenSharedExpert,
        rotary: .yarnOrDynamic,
        checks: .qwenExperts(normalizes: false),
        export: .init(
            modelType: "qwen2_moe", presence: [("blk.0.attn_q.bias", "qkv_bias")]),
        // Qwen 1.5 MoE and 2 MoE: Qwen 2 with experts and a gated shared network beside them.
        decoder: .blocks(
            .init(pairing: .halves, experts: .init(normalisesWeights: false, shared: .stated))))
}

extension [TensorRule] {
    /// The expert that all tokens share, and the gate that weighs it.
    static let qwenSharedExpert: [TensorRule] = {
        let expert = "model.layers.{bid}.mlp.shared_expert"
        let width = Dimension.key("shared_expert_intermediate_size")
        return [
            .init(expert + "_gate.weight", "blk.{bid}.ffn_gate_inp_shexp.weight", [1, .hidden]),
            .init(
                expert + ".gate_proj.weight", "blk.{bid}.ffn_gate_shexp.weight", [width, .hidden]),
            .init(expert + ".up_proj.weight", "blk.{bid}.ffn_up_shexp.weight", [width, .hidden]),
            .init(
                expert + ".down_proj.weight", "blk.{bid}.ffn_down_shexp.weight", [.hidden, width]),
        ]
    }()

    /// The router and the experts of Qwen's models, separate or merged.
    static let qwenExperts: [TensorRule] = {
        let layer = "model.layers.{bid}.mlp"
        let width = Dimension.key("moe_intermediate_size")
        return [
            .init(layer + ".gate.weight", "blk.{bid}.ffn_gate_inp.weight", [.experts, .hidden])
        ]
            + .stackedExperts(layer + ".experts.{xid}", expertMatrices, width: width)
            + .mergedExperts(layer + ".experts", width: width)
    }()
}

extension [ConfigurationCheck] {
    /// What Qwen's models with experts take for granted.
    ///
    /// - Parameter normalizes: Whether readers make the weights of the chosen experts sum to 1.
    static func qwenExperts(normalizes: Bool) -> Self {
        [
            .activation(.silu),
            .refusing { configuration throws(ArchitectureError) in
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
