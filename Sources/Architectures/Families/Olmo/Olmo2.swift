import TensorCore

extension ModelFamily {
    /// OLMo 2: norms after attention and feed-forward network, and over all queries and all keys.
    public static let olmo2 = ModelFamily(
        name: "Olmo2",
        architecture: "olmo2",
        classes: ["Olmo2ForCausalLM"],
        // transformers: Olmo2Config
        defaults: olmo2Defaults + [.real("rope_theta", 10000)],
        keys: .common,
        tensors: [.ends(), .blocks(.olmo2Layer)],
        checks: [.activation(.silu)],
        export: .init(
            modelType: "olmo2", presence: [("blk.0.attn_q.bias", "attention_bias")],
            fits: { $0.value("attention.sliding_window") == nil }),
        decoder: .olmo2)

    /// What the configuration classes of OLMo 2 and 3 assume.
    static let olmo2Defaults: [ConfigurationDefault] = [
        .integer("vocab_size", 50304), .integer("hidden_size", 4096),
        .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
        .integer("num_attention_heads", 32),
        .same("num_key_value_heads", as: "num_attention_heads"),
        .integer("max_position_embeddings", 2048), .real("rms_norm_eps", 1e-5),
    ]

}

extension DecoderRule {
    /// OLMo 2 and 3: norms after attention and the network, and of whole rows of queries and keys.
    ///
    /// OLMo 3 has sliding windows (SWA), and scales the rotation in the other blocks only.
    static let olmo2 = blocks(
        .init(
            pairing: .halves, headNorms: .row, hasPreNorms: false, hasPostNorms: true,
            windowPeriod: 4)
    ) { _, _, block in
        if block.attention.window != nil { block.attention.rotary?.removeScaling() }
    }
}

extension TensorModules {
    /// A layer of OLMo 2 or 3.
    static let olmo2Layer: Self = [
        .norm("post_attention_layernorm", "post_attention_norm"),
        .norm("post_feedforward_layernorm", "post_ffw_norm"), .headNorms(wholeRows: true),
        .attention(biases: .optional, outputBias: .optional), .gatedNetwork(),
    ]
}
