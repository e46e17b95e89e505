import TensorCore

extension ModelFamily {
    /// XVERSE 7B to 65B: Llama's shape.
    public static let xverse = ModelFamily(
        name: "Xverse",
        architecture: "xverse",
        classes: ["XverseForCausalLM"],
        // the model's own XverseConfig
        defaults: [
            .integer("vocab_size", 100_278), .integer("hidden_size", 5120),
            .integer("intermediate_size", 13824), .integer("num_hidden_layers", 40),
            .integer("num_attention_heads", 40), .integer("max_position_embeddings", 8192),
            .real("rms_norm_eps", 1e-6),
        ],
        keys: .common + [.originalLayout, .wholeHeadTurns],
        tensors: [
            .ends(), .blocks(.preNorms(), .attention(rotaryPairs: true), .gatedNetwork()),
        ],
        rotary: .unscaledOrDynamic,
        checks: [.activation(.silu), .headsShareWidth],
        decoder: .blocks(.init(pairing: .interleaved)))
}
