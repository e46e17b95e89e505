import TensorCore

extension ModelFamily {
    /// Gemma 2: Gemma with norms after attention and feed-forward network, capped logits, and
    /// windows in every other layer.
    public static let gemma2 = ModelFamily(
        name: "Gemma2", architecture: "gemma2",
        classes: [.init("Gemma2ForCausalLM")],
        // transformers: Gemma2Config
        defaults: [
            .integer("vocab_size", 256_000), .integer("hidden_size", 2304),
            .integer("intermediate_size", 9216), .integer("num_hidden_layers", 26),
            .integer("num_attention_heads", 8), .integer("num_key_value_heads", 4),
            .integer("head_dim", 256), .integer("max_position_embeddings", 8192),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .integer("query_pre_attn_scalar", 256), .integer("sliding_window", 4096),
            .real("attn_logit_softcapping", 50), .real("final_logit_softcapping", 30),
            .boolean("tie_word_embeddings", true),
        ],
        hyperparameters: .gemma + [
            .cap("attn_logit_softcapping"), .cap("final_logit_softcapping"),
            .count("attention.sliding_window", "sliding_window"),
            .slidingLayers(unlessEvery: 2), .rotaryScaling, .unusualRotaryBase,
        ],
        tensors: .gemma(norms: .gemma2) + [.ignoring("lm_head.weight")],
        rotaryScalings: ["default", "linear", "yarn", "dynamic"],
        tokenizerKeys: { _ in [.init("tokenizer.ggml.add_space_prefix", .bool(false))] },
        check: { configuration throws(ArchitectureError) in
            try configuration.checkGemma(architecture: "gemma2", activation: "hidden_act")
            try configuration.requireGemmaAttentionScale(architecture: "gemma2", largest: 46)
            try configuration.require("tie_word_embeddings", true, architecture: "gemma2")
        })
}

extension HyperparameterRule {
    /// A limit of logits; 0, which readers take for none, where the configuration has null.
    static func cap(_ key: String) -> Self {
        .entries { configuration throws(ArchitectureError) in
            [
                .init(
                    "{arch}.\(key)", .float32(Float(try configuration.number([key]) ?? 0)))
            ]
        }
    }
}

extension [(source: String, name: String, length: Dimension)] {
    /// The norms of a block of Gemma 2.
    static let gemma2: Self = [
        ("input_layernorm", "attn_norm", .hidden),
        ("post_attention_layernorm", "post_attention_norm", .hidden),
        ("pre_feedforward_layernorm", "ffn_norm", .hidden),
        ("post_feedforward_layernorm", "post_ffw_norm", .hidden),
    ]
}
