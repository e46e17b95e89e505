import TensorCore

extension ModelFamily {
    /// Mistral 7B, Nemo, Small and kin.
    ///
    /// In GGUF they are Llama.
    public static let mistral = ModelFamily(
        name: "Mistral",
        architecture: "llama",
        classes: ["MistralForCausalLM"],
        // transformers: MistralConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 14336), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .integer("sliding_window", 4096),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
        ],
        keys: .common + .llama,
        tensors: [.ends(), .blocks(.preNorms(), .attention(rotaryPairs: true), .gatedNetwork())],
        rotary: .llama3,
        checks: [.activation(.silu), .lostSlidingWindow],
        tokenizer: .llama,
        decoder: .llama)
}
