import TensorCore

extension ModelFamily {
    /// The language model of Qwen 3-VL with experts.
    public static let qwen3VLMoe = ModelFamily(
        name: "Qwen3VLMoe",
        architecture: "qwen3vlmoe",
        classes: ["Qwen3VLMoeForConditionalGeneration"],
        // transformers: Qwen3VLMoeTextConfig
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 2048),
            .integer("intermediate_size", 5632), .integer("num_hidden_layers", 24),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 16),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .integer("max_position_embeddings", 128_000), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 500_000), .integer("num_experts_per_tok", 4),
            .same("num_experts", as: "num_local_experts"), .integer("num_experts", 60),
            .integer("moe_intermediate_size", 1408),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"), .deepstackLayers,
        ],
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .headNorms(), .attention(biases: .optional, outputBias: .optional),
                .qwenExperts),
            .blocks(
                of: "model.layers.{bid}.mlp.",
                .transposedExperts(width: .key("moe_intermediate_size"))),
        ],
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu), .on("norm_topk_prob"),
            .refusing { configuration throws(ArchitectureError) in
                guard configuration["mlp_only_layers"]?.array?.isEmpty == false else { return }
                throw configuration.inexpressible(
                    "mlp_only_layers", found: "some layers", expected: "none")
            },
        ],
        decoder: .blocks(
            .init(pairing: .halves, headNorms: .head, experts: .init(normalisesWeights: true))))
}
