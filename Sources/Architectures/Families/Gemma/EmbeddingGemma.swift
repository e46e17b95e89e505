import TensorCore

extension ModelFamily {
    /// EmbeddingGemma: Gemma 3 whose layers see what follows, too.
    ///
    /// The dense layers behind the pooling, which the sentence-transformers library keeps apart, are
    /// no part of the file, as the reference converter has it unless it is asked for them.
    public static let embeddingGemma = ModelFamily(
        name: "EmbeddingGemma",
        architecture: "gemma-embedding",
        classes: ["Gemma3TextModel"],
        defaults: gemma3.defaults + [.boolean("use_bidirectional_attention", false)],
        keys: gemma3.keys + .pooling,
        tensors: [.gemma3, .copyOfEmbeddings("lm_head.weight")],
        rotary: gemma3.rotary,
        checks: .gemma3(seesAhead: true),
        tokenizer: gemma3.tokenizer,
        export: .init(
            modelType: "gemma3_text", constants: [("use_bidirectional_attention", .bool(true))],
            presence: [("blk.0.attn_q.bias", "attention_bias")], tokenizerClass: "GemmaTokenizer",
            computed: { [("query_pre_attn_scalar", .integer($0.gemmaScale(largest: 62)))] }),
        decoder: .gemma3(seesAhead: true))
}
