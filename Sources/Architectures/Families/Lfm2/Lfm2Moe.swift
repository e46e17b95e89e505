import TensorCore

extension ModelFamily {
    /// LFM2 with experts in all layers but the first few.
    public static let lfm2Moe = ModelFamily(
        name: "Lfm2Moe",
        architecture: "lfm2moe",
        classes: ["Lfm2MoeForCausalLM"],
        // transformers: Lfm2MoeConfig
        defaults: [
            .integer("vocab_size", 65536), .integer("hidden_size", 2048),
            .integer("intermediate_size", 7168), .integer("moe_intermediate_size", 1792),
            .integer("num_hidden_layers", 32), .integer("num_attention_heads", 32),
            .integer("num_key_value_heads", 8), .integer("max_position_embeddings", 128_000),
            .real("norm_eps", 1e-5), .real("rope_theta", 1_000_000), .integer("conv_L_cache", 3),
            .boolean("tie_word_embeddings", true),
            .integer("num_dense_layers", 2), .integer("num_experts_per_tok", 4),
            .integer("num_experts", 32),
        ],
        keys: .common + [
            .keyValueHeads(where: .lfm2Attention),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("leading_dense_block_count", "num_dense_layers"),
            .constant("expert_gating_func", .uint32(2)),
            .count("vocab_size", "vocab_size"),
            .count("shortconv.l_cache", "conv_L_cache"),
        ],
        tensors: [
            .lfm2Mixers, .blocks(where: !.sparse(after: "num_dense_layers"), .lfm2Network),
            .blocks(
                of: "model.layers.{bid}.feed_forward.", where: .sparse(after: "num_dense_layers"),
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .tensor("expert_bias", "exp_probs_b.bias", [.experts]),
                .experts(.numbered, width: .key("moe_intermediate_size"))),
        ],
        checks: [
            .without("conv_bias"), .needing("use_expert_bias"), .on("norm_topk_prob"),
            .number("routed_scaling_factor", 1),
        ],
        export: .init(
            modelType: "lfm2_moe",
            words: [
                "attention.head_count_kv": nil, "attention.layer_norm_rms_epsilon": "norm_eps",
                "shortconv.l_cache": "conv_L_cache",
                "leading_dense_block_count": "num_dense_layers",
            ],
            constants: [("conv_bias", .bool(false))],
            computed: { $0.attentionLayers("full_attention", others: "conv") }),
        decoder: .lfm2)

}
