import TensorCore

extension ModelFamily {
    /// BERT and the sentence-embedding models made of it: an encoder with norms after attention and
    /// feed-forward network, learned positions, and no output matrix.
    public static let bert = ModelFamily(
        name: "Bert",
        architecture: "bert",
        classes: ["BertModel", "BertForMaskedLM", "BertForSequenceClassification"],
        // transformers: BertConfig
        defaults: bertDefaults,
        keys: .common + .encoder,
        tensors: [
            .init(
                "embeddings.position_embeddings", "position_embd",
                [.key("max_position_embeddings"), .hidden]),
            .bert,
            // GGUF calls the matrix the output of a classifier where the answers have names.
            .only(where: .hasClassLabels, .classifier("classifier", "cls.output")),
            .only(where: !.hasClassLabels, .classifier("classifier", "cls")),
        ],
        checks: .encoder,
        tokenizer: .init(leadingKeys: .tokenTypeCount),
        export: .init(
            modelType: "bert",
            fits: {
                $0.tokenizer("model")?.text == "bert" && $0.hasTensor("token_types.weight")
            },
            otherClass: { source in
                ["cls.weight", "cls.output.weight"].contains(where: source.hasTensor)
                    ? ("BertForSequenceClassification", "bert") : nil
            },
            computed: { bertSegments($0) + classLabels($0) }),
        decoder: bertEncoder)

    /// Norms after attention and network, learned positions, an exact GELU.
    static let bertEncoder = DecoderRule.custom { model throws(DecoderDescriptionError) in
        var encoder = try model.encoder(
            .init(
                norm: .layer, hasPreNorms: false, hasSumNorms: true, hasOutputNorm: false,
                network: .plain, activation: .gelu, hasPositions: true))
        encoder.classifier = try model.classifier(activation: model.bertHeadActivation)
        return encoder
    }

    /// The number of kinds of segments, which the tokenizer's keys have.
    static let bertSegments: @Sendable (ConfigurationExport.Source) -> [ConfigurationExport.Entry] =
        { source in
            source.tokenizer("token_type_count")?.integer.map {
                [("type_vocab_size", .integer($0))]
            } ?? []
        }

    /// The names of a classifier's answers.
    static let classLabels: @Sendable (ConfigurationExport.Source) -> [ConfigurationExport.Entry] =
        { source in
            guard case .strings(let labels)? = source.value("classifier.output_labels") else {
                return []
            }
            return [
                (
                    "id2label",
                    .object(
                        labels.enumerated().map {
                            .init(key: ByteString("\($0.offset)"), value: .string($0.element))
                        })
                )
            ]
        }

    /// What the configuration classes of BERT and RoBERTa assume.
    static let bertDefaults: [ConfigurationDefault] = [
        .integer("vocab_size", 30522), .integer("hidden_size", 768),
        .integer("intermediate_size", 3072), .integer("num_hidden_layers", 12),
        .integer("num_attention_heads", 12), .integer("max_position_embeddings", 512),
        .integer("type_vocab_size", 2), .real("layer_norm_eps", 1e-12), .labelCount,
    ]

}

extension DecoderMetadata {
    /// What is between the matrices of a classifier: DistilBERT, which alone has no kinds of segments
    /// beside BERT's vocabulary, has another than RoBERTa.
    fileprivate var bertHeadActivation: ClassifierHead.Activation {
        let isDistilled =
            present("token_types.weight") == nil
            && metadata["tokenizer.ggml.model"]?.text == "bert"
        return isDistilled ? .relu : .tanh
    }
}

extension [MetadataRule] {
    /// What encoders have beyond the common keys.
    static let encoder: [MetadataRule] =
        [.constant("attention.causal", .bool(false))] + .pooling + [
            .entries { configuration in
                configuration.classLabels.map {
                    [.init("{arch}.classifier.output_labels", .strings($0))]
                } ?? []
            }
        ]

    /// The number of kinds of segments.
    static let tokenTypeCount: [MetadataRule] = [
        .entries { configuration throws(ArchitectureError) in
            let count = try configuration.integer("type_vocab_size") ?? 1
            return [
                .init(
                    "tokenizer.ggml.token_type_count",
                    try configuration.uint32(count, "type_vocab_size"))
            ]
        }
    ]
}

extension ConfigurationDefault {
    /// The number of answers that a classifier chooses from.
    static let labelCount = ConfigurationDefault.computed("num_labels") {
        .integer($0["id2label"]?.members?.count ?? $0["num_labels"]?.integer ?? 2)
    }
}

extension TensorRule.Condition {
    /// Models whose configuration names the answers of a classifier.
    static let hasClassLabels = TensorRule.Condition { configuration, _ in
        configuration.classLabels != nil
    }
}

extension ModelConfiguration {
    /// The names of a classifier's answers; `nil` for the two that stand in every configuration.
    var classLabels: [ByteString]? {
        let given = self["id2label"]?.members?.compactMap { member in
            member.value.bytes.map { (Int(member.key.description) ?? 0, $0) }
        }
        // A number without names: names are numbers then.
        let count = min(self["num_labels"]?.integer ?? 0, 1 << 16)
        let labels =
            given?.sorted { $0.0 < $1.0 }.map { $0.1 }
            ?? (0..<max(0, count)).map { ByteString("LABEL_\($0)") }
        return labels.isEmpty || labels.count == 2 && labels[0] == "LABEL_0" ? nil : labels
    }

}

extension [ConfigurationCheck] {
    /// What GGUF's `bert` takes for granted.
    static let encoder: Self = [
        .activation(["gelu"]), .off("is_decoder"),
        .refused(.text("position_embedding_type", "absolute")),
    ]
}

extension TensorModules {
    /// BERT's tensors without the learned positions and without classifiers.
    static let bert: Self = [
        .init("embeddings.word_embeddings", "token_embd", [.vocabulary, .hidden]),
        .init(
            "embeddings.token_type_embeddings", "token_types", [.key("type_vocab_size"), .hidden]),
        .norm("embeddings.LayerNorm", "token_embd_norm", bias: .required),
        .blocks(
            of: "encoder.layer.{bid}.",
            .init("attention.self.query", "attn_q", [.queryHeads, .hidden], bias: .required),
            .init("attention.self.key", "attn_k", [.keyValueHeads, .hidden], bias: .required),
            .init("attention.self.value", "attn_v", [.keyValueHeads, .hidden], bias: .required),
            .init(
                "attention.output.dense", "attn_output", [.hidden, .queryHeads], bias: .required),
            .plainNetwork("intermediate.dense", "output.dense", bias: .required),
            .norm("attention.output.LayerNorm", "attn_output_norm", bias: .required),
            .norm("output.LayerNorm", "layer_output_norm", bias: .required)),
        // Heads for training and pooling, of which embeddings have no use.
        .ignoring(
            "embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias",
            "cls.predictions.bias", "cls.predictions.decoder.weight",
            "cls.predictions.decoder.bias", "cls.predictions.transform.dense.weight",
            "cls.predictions.transform.dense.bias", "cls.predictions.transform.LayerNorm.weight",
            "cls.predictions.transform.LayerNorm.bias", "cls.seq_relationship.weight",
            "cls.seq_relationship.bias"),
    ]

    /// A matrix that makes answers of what is pooled, or what comes before it.
    static func classifier(
        _ source: String, _ name: String, answers: Dimension = .key("num_labels")
    ) -> Self {
        .init(source, name, [answers, .hidden], bias: .optional, presence: .optional)
    }
}
