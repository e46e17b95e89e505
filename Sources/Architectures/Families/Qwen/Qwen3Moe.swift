import TensorCore

extension ModelFamily {
    /// Qwen 3 with experts: Qwen 3 whose feed-forward networks are routed experts.
    public static let qwen3Moe = ModelFamily(
        name: "Qwen3Moe",
        architecture: "qwen3moe",
        classes: ["Qwen3MoeForCausalLM"],
        // transformers: Qwen3MoeConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 2048),
            .integer("intermediate_size", 6144), .integer("num_hidden_layers", 24),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 4),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .integer("num_experts_per_tok", 8),
            .same("num_experts", as: "num_local_experts"), .integer("num_experts", 128),
            .integer("moe_intermediate_size", 768),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size")
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .headNorms(), .attention(biases: .optional, outputBias: .optional),
                .qwenExperts),
        ],
        rotary: .yarnOrDynamic,
        checks: .qwenExperts(normalizes: true),
        export: .init(
            modelType: "qwen3_moe", constants: [("norm_topk_prob", .bool(true))],
            presence: [("blk.0.attn_q.bias", "attention_bias")],
            textOf: ["qwen3vlmoe"]),
        // Qwen 3 with experts whose weights are divided by their sum.
        decoder: .blocks(
            .init(pairing: .halves, headNorms: .head, experts: .init(normalisesWeights: true))))
}
