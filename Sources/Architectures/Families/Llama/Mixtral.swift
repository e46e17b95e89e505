import TensorCore

extension ModelFamily {
    /// Mixtral 8x7B and 8x22B: Mistral with experts, in GGUF a Llama.
    public static let mixtral = ModelFamily(
        name: "Mixtral",
        architecture: "llama",
        classes: ["MixtralForCausalLM"],
        // transformers: MixtralConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 14336), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 8),
            .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-5),
            .real("rope_theta", 1_000_000), .integer("num_experts_per_tok", 2),
            .same("num_local_experts", as: "num_experts"), .integer("num_local_experts", 8),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: .common + .llama,
        tensors: [
            .ends(), .blocks(.preNorms(), .attention(rotaryPairs: true)),
            .blocks(
                of: "model.layers.{bid}.block_sparse_moe.",
                .init("gate", "ffn_gate_inp", [.experts, .hidden]),
                .experts(.numbered, width: .feedForward)),
        ],
        checkpoint: .init(spellings: [.init(".mlp.", means: ".block_sparse_moe.")]),
        rotary: .llama3,
        checks: [.activation(.silu), .lostSlidingWindow],
        tokenizer: .llama,
        export: .init(
            modelType: "mixtral", words: ["expert_count": "num_local_experts"],
            constants: [("sliding_window", .null)]),
        decoder: .llama)
}
