import TensorCore

extension ModelFamily {
    /// LLaDA with experts: OLMoE's shape for diffusion.
    public static let lladaMoe = ModelFamily(
        name: "LladaMoe", architecture: "llada-moe", classes: ["LLaDAMoEModelLM", "LLaDAMoEModel"],
        // The model's own code: LLaDAConfig
        defaults: [
            .integer("vocab_size", 157184), .integer("hidden_size", 2048),
            .integer("num_hidden_layers", 16), .integer("num_attention_heads", 16),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 8192), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 50000), .integer("num_experts", 64),
            .integer("num_experts_per_tok", 8), .integer("expert_intermediate_size", 1024),
        ],
        keys: .common + [
            .count("expert_feed_forward_length", "expert_intermediate_size"),
            .entries { _ in [.init("tokenizer.ggml.mask_token_id", .uint32(156_895))] },
        ] + .diffusion,
        tensors: [
            .ends(), .blocks(.preNorms(), .headNorms(), .attention(biases: .optional)),
            .blocks(
                of: "model.layers.{bid}.mlp.", .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .experts(width: .key("expert_intermediate_size"))),
        ],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu)])
}
