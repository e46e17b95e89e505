import TensorCore

extension ModelFamily {
    /// Qwen 1.5, 2 and 2.5: Llama's shape with biases on queries, keys and values.
    public static let qwen2 = ModelFamily(
        name: "Qwen2",
        architecture: "qwen2",
        classes: [
            "Qwen2ForCausalLM", "Qwen2Model",
            // The language models of models that also take pictures or sound.
            "Qwen2AudioForConditionalGeneration", "AudioFlamingo3ForConditionalGeneration",
            "DotsOCRForCausalLM",
        ],
        // transformers: Qwen2Config
        defaults: [
            .integer("vocab_size", 151936), .integer("hidden_size", 4096),
            .integer("intermediate_size", 22016), .integer("num_hidden_layers", 32),
            .integer("num_attention_heads", 32), .integer("num_key_value_heads", 32),
            .integer("max_position_embeddings", 32768), .real("rms_norm_eps", 1e-6),
            .real("rope_theta", 10000), .boolean("use_sliding_window", false),
            .same("num_key_value_heads", as: "num_attention_heads"),
        ],
        keys: .common + .pooling,
        tensors: [.ends(), .blocks(.preNorms(), .attention(biases: .required), .gatedNetwork())],
        rotary: .yarnOrDynamic,
        checks: [.activation(.silu), .lostSlidingWindow],
        export: .init(
            modelType: "qwen2", textOf: ["qwen2vl"]),
        // Qwen 2 and 2.5: biases on Q, K and V (told by presence), rotation of halves.
        decoder: .blocks(.init(pairing: .halves)))
}
