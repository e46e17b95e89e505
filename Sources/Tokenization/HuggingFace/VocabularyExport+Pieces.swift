import TensorCore

/// SentencePiece's models as `tokenizer.json`.
extension VocabularyExport {
    private static let mark: JSON = "\u{2581}"

    /// Pieces that are joined in the order of a list of merges, as Gemma 4's file has them.
    ///
    /// Tokens that are found in the text as such stand apart from the pieces, unless a reader of the
    /// file knows them.
    func mergedPieces() throws(TokenizationError) -> JSON {
        let model = JSON.step(
            "BPE",
            [
                "dropout": .null, "unk_token": unknownText.map { .string($0) } ?? .null,
                "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
                "fuse_unk": true, "byte_fallback": .bool(vocabulary.types.contains(.byte)),
                "ignore_merges": false,
                "vocab": try vocabularyMembers(
                    of: present.filter {
                        $0.type != .userDefined || Vocabulary.visible.contains($0.text)
                    }
                ) { text, _ in text },
                "merges": .array(vocabulary.merges.map { .string($0) }),
            ])
        return document(
            normalizer: .step("Replace", ["pattern": ["String": " "], "content": Self.mark]),
            preTokenizer: .step(
                "Split",
                [
                    "pattern": ["String": " "], "behavior": "MergedWithPrevious", "invert": false,
                ]), postProcessor: template() ?? .null,
            decoder: .step(
                "Sequence",
                [
                    "decoders": [
                        .step("Replace", ["pattern": ["String": Self.mark], "content": " "]),
                        .step("ByteFallback"), .step("Fuse"),
                    ]
                ]), model: model)
    }

    /// Pieces with scores, of which the likeliest are taken (unigram), as XLM-R's file has them.
    ///
    /// - Throws: `TokenizationError` for a piece that is not UTF-8.
    func scoredPieces() throws(TokenizationError) -> JSON {
        let scores = vocabulary.scores ?? Array(repeating: 0, count: vocabulary.tokens.count)
        // A piece's place is its number; those behind the last one are no part of the tokenizer.
        let count = (present.last?.id).map { $0 + 1 } ?? 0
        var pieces: [JSON] = []
        for (id, text) in vocabulary.tokens.prefix(count).enumerated() {
            try requireText(text, id: id)
            pieces.append(.array([.string(text), .real(Double("\(scores[id])") ?? 0)]))
        }
        let unknown = vocabulary.types.firstIndex(of: .unknown)
        let model = JSON.step(
            "Unigram",
            [
                "unk_id": unknown.map { .integer($0) } ?? .null, "vocab": .array(pieces),
                "byte_fallback": .bool(vocabulary.types.contains(.byte)),
            ])
        let space: JSON = [
            "replacement": Self.mark, "split": true,
            "prepend_scheme": vocabulary.addSpacePrefix ?? true ? "always" : "never",
        ]
        let joins = JSON.step("Metaspace", space)
        return document(
            normalizer: vocabulary.precompiledCharsmap.map {
                .step("Precompiled", ["precompiled_charsmap": .text(Base64.encode($0))])
            } ?? .null,
            preTokenizer: vocabulary.removeExtraWhitespaces ?? false
                ? .step("Sequence", ["pretokenizers": [.step("WhitespaceSplit"), joins]]) : joins,
            postProcessor: template() ?? .null, decoder: joins, model: model)
    }

    private var unknownText: ByteString? {
        let id =
            vocabulary.specialIDs[.unk].map { Int($0) }
            ?? vocabulary.types.firstIndex(of: .unknown)
        return id.map { vocabulary.tokens[$0] }
    }
}
