import TensorCore

extension ModelFamily {
    /// Llama 1 to 3 and the many models of their shape (SmolLM2, TinyLlama, Yi, CodeLlama, …).
    public static let llama = ModelFamily(
        name: "Llama",
        architecture: "llama",
        classes: [
            "LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel", "IQuestCoderForCausalLM",
            // The language models of models that also take pictures or sound.
            "LlavaForConditionalGeneration", "VoxtralForConditionalGeneration",
            "VLlama3ForCausalLM", "Idefics3ForConditionalGeneration",
            "SmolVLMForConditionalGeneration",
            "JanusForConditionalGeneration",
        ],
        // transformers: LlamaConfig
        defaults: [
            .integer("vocab_size", 32000), .integer("hidden_size", 4096),
            .integer("intermediate_size", 11008), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("max_position_embeddings", 2048),
            .real("rms_norm_eps", 1e-6), .real("rope_theta", 10000),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
        ],
        keys: .common + .llama,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(),
                .attention(biases: .optional, outputBias: .optional, rotaryPairs: true),
                .gatedNetwork(bias: .optional)),
        ],
        rotary: .llama3,
        checks: [.activation(.silu)],
        tokenizer: .llama,
        export: .init(
            modelType: "llama",
            presence: [
                ("blk.0.attn_q.bias", "attention_bias"), ("blk.0.ffn_gate.bias", "mlp_bias"),
            ], textOf: ["mistral3"]),
        decoder: .llama)
}

extension DecoderRule {
    /// Llama, and what GGUF files call `llama` because it runs the same: Mistral, Mixtral, SmolLM2,
    /// Yi.
    ///
    /// RMS norm before attention and before a gated SiLU network or experts of that kind,
    /// grouped-query attention (GQA), biases where the file has them. The converter interleaves the
    /// rows of Q and K, so that the pairs that turn are neighbours.
    static let llama = blocks(
        .init(
            pairing: .interleaved, experts: .init(normalisesWeights: true, mayMiss: true)))
}
