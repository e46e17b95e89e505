import TensorCore

extension ModelFamily {
    /// EmbeddingGemma: Gemma 3 whose layers see what follows, too.
    ///
    /// The dense layers behind the pooling, which the sentence-transformers library keeps apart, are a
    /// part of the file where that is asked for.
    public static let embeddingGemma = ModelFamily(
        name: "EmbeddingGemma",
        architecture: "gemma-embedding",
        classes: ["Gemma3TextModel"],
        defaults: gemma3.defaults + [.boolean("use_bidirectional_attention", false)],
        keys: gemma3.keys
            + denseNames.flatMap { name in
                ["in", "out"].map { .count("\(name)_feat_\($0)", "\(name)_feat_\($0)") }
            } + .pooling,
        tensors: [
            dense("dense_2", inputs: .hidden), dense("dense_3", inputs: .key("dense_2_feat_out")),
            .gemma3, .copyOfEmbeddings("lm_head.weight"),
        ],
        checkpoint: .init(
            denseModules: .init(
                [("2_Dense", "dense_2.weight"), ("3_Dense", "dense_3.weight")], isOnRequest: true),
            measured: denseNames.flatMap { name in
                ["out", "in"].enumerated().map {
                    .init("\(name).weight", dimension: $0.offset, as: "\(name)_feat_\($0.element)")
                }
            }),
        rotary: gemma3.rotary,
        checks: .gemma3(seesAhead: true),
        tokenizer: gemma3.tokenizer,
        export: .init(
            modelType: "gemma3_text", constants: [("use_bidirectional_attention", .bool(true))],
            presence: [("blk.0.attn_q.bias", "attention_bias")], tokenizerClass: "GemmaTokenizer",
            computed: { [("query_pre_attn_scalar", .integer($0.gemmaScale(largest: 62)))] }),
        decoder: .gemma3(seesAhead: true))

    private static let denseNames = ["dense_2", "dense_3"]

    private static func dense(_ name: String, inputs: Dimension) -> TensorModules {
        let shape = [.key("\(name)_feat_out"), inputs]
        return .tensors(
            [.init("\(name).weight", shape)], into: [.init("\(name).weight", shape)],
            presence: .optional, isLeading: true)
    }
}
