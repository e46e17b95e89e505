import TensorCore

extension ModelFamily {
    /// DSpark: DFlash whose drafts of one block depend on each other by a small matrix for pairs of
    /// tokens.
    public static let dspark = ModelFamily(
        name: "Dspark",
        architecture: "dflash",
        classes: [
            "Qwen3DSparkModel", "DSparkDraftModel", "DSparkSpeculator", "Lfm2DSparkDraftModel",
            "LingDSparkModel",
        ],
        defaults: qwenDraftDefaults + [
            .same("draft_vocab_size", as: "vocab_size"), .computed("dflash_config") { $0.dspark },
        ],
        keys: .common + .pooling + .dflash + [
            .entries { configuration in
                let isOfTarget =
                    configuration["transformer_layer_config"] != nil
                    || configuration["aux_hidden_state_layer_ids"] != nil
                let value = configuration["sample_from_anchor"]?.boolean ?? !isOfTarget
                return [.init("{arch}.sample_from_anchor", .bool(value))]
            }, .hasConfidence,
        ],
        tensors: [
            .dflash, .markov(vocabulary: draftVocabulary),
            .init(
                "model.confidence_head.proj", "conf_proj", [1, .hidden + .key("markov_rank")],
                bias: .optional, presence: .optional),
            // A draft with all tokens takes the target's output matrix.
            .only(where: .hasAllTokens, .ignoring("lm_head.weight")),
            .only(
                where: !.hasAllTokens,
                .init("lm_head", "output", [draftVocabulary, .hidden], presence: .optional)),
            .draftTokens,
        ],
        checkpoint: .dflash,
        rotary: .yarnOrDynamic,
        checks: [
            .activation(.silu), .hasTarget, .refused(.text("markov_head_type", "vanilla")),
        ],
        tokenizer: .init(keys: { $0.maskToken($0.draft("mask_token_id", orWhole: false)) }))

    private static let draftVocabulary = Dimension.key("draft_vocab_size")
}

extension TensorRule.Condition {
    /// Drafts whose tokens are all of the target's.
    fileprivate static let hasAllTokens = TensorRule.Condition { configuration, _ in
        configuration["draft_vocab_size"]?.integer == configuration["vocab_size"]?.integer
    }
}

extension ModelConfiguration {
    /// What DFlash has as a part of the configuration; layers counted from 1 are counted from 0 there.
    fileprivate var dspark: JSON? {
        guard self["dflash_config"] == nil else { return nil }
        if let layers = self["aux_hidden_state_layer_ids"]?.array {
            return .object([
                .init(key: "mask_token_id", value: self["mask_token_id"] ?? .null),
                .init(
                    key: "target_layer_ids",
                    value: .array(layers.compactMap(\.integer).map { .integer($0 - 1) })),
            ])
        }
        return .object(
            ["target_layer_ids", "mask_token_id"].compactMap { key in
                self[key].map { .init(key: ByteString(key), value: $0) }
            })
    }
}

extension MetadataRule {
    /// Whether the checkpoint has a matrix that tells how sure a draft is.
    static let hasConfidence = MetadataRule.entries { configuration in
        [
            .init(
                "{arch}.has_confidence_head",
                .bool(configuration["confidence_length"]?.integer ?? 0 > 0))
        ]
    }
}

extension TensorModules {
    /// The two factors of the matrix for pairs of tokens.
    static func markov(vocabulary: Dimension) -> Self {
        [
            .init("model.markov_head.markov_w1", "markov_w1", [.vocabulary, .key("markov_rank")]),
            .init("model.markov_head.markov_w2", "markov_w2", [vocabulary, .key("markov_rank")]),
        ]
    }
}
