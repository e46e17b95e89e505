import TensorCore

extension ModelFamily {
    /// RoBERTa: BERT with byte-level BPE; its first positions are taken by the padding token and
    /// never used, and a GGUF file goes without them.
    public static let roberta = ModelFamily(
        name: "Roberta",
        architecture: "bert",
        classes: ["RobertaModel", "RobertaForSequenceClassification"],
        // transformers: RobertaConfig
        defaults: [.integer("vocab_size", 50265), .integer("pad_token_id", 1)] + bertDefaults,
        keys: .common + .robertaContext + .encoder,
        tensors: [.robertaPositions, .bert, .robertaClassifier],
        checks: .encoder,
        tokenizer: .init(keys: {
            let count = $0["type_vocab_size"]?.integer ?? 0
            return [.init("tokenizer.ggml.token_type_count", .uint32(UInt32(clamping: count)))]
        }),
        export: .init(
            modelType: "roberta", fits: { $0.tokenizer("model")?.text == "gpt2" },
            otherClass: { source in
                source.hasTensor("cls.output.weight")
                    ? ("RobertaForSequenceClassification", "roberta") : nil
            },
            computed: robertaSizes),
        decoder: bertEncoder)

    /// Kinds of segments, answers, and the positions with those that no text has.
    static let robertaSizes: @Sendable (ConfigurationExport.Source) -> [ConfigurationExport.Entry] =
        { source in
            let padding = source.tokenizer("padding_token_id")?.integer ?? 1
            let positions = source.integer("context_length") ?? 0
            return bertSegments(source) + classLabels(source) + [
                ("max_position_embeddings", .integer(positions.clamped + padding.clamped + 1))
            ]
        }
}

extension Int {
    /// A number of a file, as no more than a sum has room for.
    fileprivate var clamped: Int { Swift.min(Swift.max(self, 0), 1 << 32) }
}

extension Dimension {
    /// The positions behind that of the padding token.
    fileprivate static let robertaPositions =
        key("max_position_embeddings") - (key("pad_token_id") + 1)
}

extension [MetadataRule] {
    /// The positions that a text may have.
    static let robertaContext: Self = [.size("context_length", .robertaPositions)]
}

extension TensorModules {
    /// A classifier of two matrices.
    static let robertaClassifier: Self = [
        .classifier("classifier.dense", "cls", answers: .hidden),
        .classifier("classifier.out_proj", "cls.output"),
    ]

    /// The positions without those that no text has.
    static let robertaPositions: Self = .tensors(
        [
            .init(
                "embeddings.position_embeddings.weight",
                [.key("max_position_embeddings"), .hidden])
        ],
        into: [
            .init(
                "position_embd.weight", [.robertaPositions, .hidden],
                [
                    .init(
                        0,
                        .reshaped([.key("max_position_embeddings"), .hidden]).narrowed(
                            0, from: .key("pad_token_id") + 1, count: .robertaPositions))
                ])
        ], leavesUnused: true)
}
