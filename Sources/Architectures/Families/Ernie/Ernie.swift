import TensorCore

extension ModelFamily {
    /// Baidu's ERNIE 4.5, dense: Llama's shape, with queries and keys as GGUF's own order has them.
    public static let ernie = ModelFamily(
        name: "Ernie",
        architecture: "ernie4_5",
        classes: ["Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM"],
        // transformers: Ernie4_5Config
        defaults: [
            .integer("vocab_size", 103424), .integer("hidden_size", 1024),
            .integer("intermediate_size", 3072), .integer("num_hidden_layers", 18),
            .integer("num_attention_heads", 16), .integer("num_key_value_heads", 2),
            .same("num_key_value_heads", as: "num_attention_heads"),
            .integer("max_position_embeddings", 131072), .real("rms_norm_eps", 1e-5),
            .integer("head_dim", 128),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
            .real("rope_theta", 500_000),
            .boolean("tie_word_embeddings", true),
        ],
        keys: .common,
        tensors: [
            .ends(),
            .blocks(
                .preNorms(), .attention(biases: .optional, outputBias: .optional),
                .gatedNetwork(bias: .optional)),
        ],
        checks: [.activation(.silu)],
        tokenizer: .init(prefixSpace: .last),
        export: .init(
            modelType: "ernie4_5", presence: [("blk.0.attn_q.bias", "use_bias")]),
        decoder: .ernie)
}

extension DecoderRule {
    /// Ernie 4.5 and its models with experts, whose choice is corrected by a bias.
    ///
    /// The length of the shared network that files give is right for some models only.
    static let ernie = blocks(
        .init(
            pairing: .interleaved,
            experts: .init(
                scoring: .softmax, normalisesWeights: true, shared: .counted, mayMiss: true)))
}
