import TensorCore

extension ModelFamily {
    /// Baidu's ERNIE 4.5, dense: Llama's shape, with queries and keys as GGUF's own order has them.
    public static let ernie = ModelFamily(
        name: "Ernie", architecture: "ernie4_5",
        classes: [.init("Ernie4_5ForCausalLM"), .init("Ernie4_5_ForCausalLM")],
        // transformers: Ernie4_5Config
        defaults: [
            .integer("vocab_size", 103424), .integer("hidden_size", 1024),
            .integer("intermediate_size", 3072), .integer("num_hidden_layers", 18),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 2),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-5),
            .integer("head_dim", 128), .real("rope_theta", 500_000),
        ],
        hyperparameters: .common,
        tensors: .gatedDecoder(
            attentionBiases: .optional, outputBias: .optional, feedForwardBiases: .optional,
            rotaryPairs: false),
        writesPrefixSpaceLast: true,
        check: { configuration throws(ArchitectureError) in
            try configuration.requireActivation(
                ["hidden_act"], oneOf: ["silu", "swish"], architecture: "ernie4_5")
        })
}
