import TensorCore

extension ModelFamily {
    /// The first DeepSeek with experts (16B): Llama's attention, routed and shared experts after some
    /// dense layers.
    public static let deepseek = ModelFamily(
        name: "Deepseek",
        architecture: "deepseek",
        classes: ["DeepseekForCausalLM"],
        // the model's own DeepseekConfig
        defaults: [
            .integer("vocab_size", 102400), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 30),
            .integer("num_attention_heads", 32),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .integer("first_k_dense_replace", 0),
            .integer("moe_intermediate_size", 1407),
        ],
        keys: .common + [
            .wholeHeadTurns, .constant("rope.scaling.type", .string("none")),
            .count("leading_dense_block_count", "first_k_dense_replace"),
            .count("vocab_size", "vocab_size"),
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .constant("expert_weights_scale", .float32(1)),
            .count("expert_count", "n_routed_experts"),
            .count("expert_shared_count", "n_shared_experts"),
        ],
        tensors: [
            .ends(), .blocks(.preNorms(), .attention(biases: .optional, rotaryPairs: true)),
            .blocks(where: !.sparseAfterFirst, .gatedNetwork()),
            .routedExperts(correction: nil, shared: .required),
        ],
        rotary: .unscaledOrDynamic,
        checks: [
            .activation(.silu), .off("norm_topk_prob"),
            .refused(.number("moe_layer_freq", 1), .text("scoring_func", "softmax")),
        ],
        decoder: .blocks(
            .init(
                pairing: .interleaved,
                experts: .init(normalisesWeights: false, shared: .counted, mayMiss: true))))
}
