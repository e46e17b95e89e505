import TensorCore

extension ModelFamily {
    /// Qwen 3.5 with experts, text-only or the language model of a multimodal checkpoint.
    public static let qwen35Moe = ModelFamily(
        name: "Qwen35Moe",
        architecture: "qwen35moe",
        classes: ["Qwen3_5MoeForCausalLM", "Qwen3_5MoeForConditionalGeneration"],
        // transformers: Qwen3_5MoeTextConfig
        defaults: [
            .integer("vocab_size", 248320), .integer("hidden_size", 2048),
            .integer("num_hidden_layers", 40), .integer("num_attention_heads", 16),
            .integer("num_key_value_heads", 2), .integer("linear_num_value_heads", 32),
            .integer("num_experts_per_tok", 8),
            .same("num_experts", as: "num_local_experts"), .integer("num_experts", 256),
            .integer("moe_intermediate_size", 512),
            .integer("shared_expert_intermediate_size", 512),
            // The class has no such key and makes the sum of the weights 1.
            .computed("norm_topk_prob") { _ in .bool(true) },
        ] + .deltaLayers,
        keys: .common + [
            .count("expert_feed_forward_length", "moe_intermediate_size"),
            .count("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
        ] + .deltaLayers + [.usualRotarySections],
        tensors: [
            .deltaDecoder,
            .blocks(of: "model.layers.{bid}.linear_attn.", where: .deltaRule, .qwen35Mixer),
            .blocks(.qwenExperts, .qwenSharedExpert),
        ],
        checkpoint: .init(multiTokenPrediction: .mtpLayers),
        rotary: .yarnOrDynamic,
        checks: [.needing("attn_output_gate"), .deltaLayers] + .qwenExperts(normalizes: true),
        export: .deltaLayers(
            modelType: "qwen3_5_moe_text", rotarySections: \.unusualRotarySections),
        decoder: .deltaRule(experts: .init(normalisesWeights: true, shared: .stated)))
}
