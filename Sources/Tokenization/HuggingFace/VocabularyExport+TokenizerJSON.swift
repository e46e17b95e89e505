import TensorCore

extension VocabularyExport {
    /// Tokens that are part of the tokenizer: all but the numbers without a token.
    private var present: [(id: Int, text: ByteString, type: Vocabulary.TokenType)] {
        vocabulary.tokens.indices.compactMap { id in
            let (text, type) = (vocabulary.tokens[id], vocabulary.types[id])
            return type == .unused && text == .padding(id) ? nil : (id, text, type)
        }
    }

    /// Tokens that are found before anything else happens.
    ///
    /// A token with a part to play is one of them whatever its type.
    private func addedTokens() -> [JSON] {
        present.filter { $0.type != .normal && $0.type != .byte }.map { id, text, type in
            .object([
                .init("id", .integer(id)), .init("content", .string(text)),
                .init("single_word", .bool(false)), .init("lstrip", .bool(false)),
                .init("rstrip", .bool(false)), .init("normalized", .bool(false)),
                .init("special", .bool(type != .userDefined)),
            ])
        }
    }

    private func vocabularyMembers(
        _ spelling: (ByteString, Vocabulary.TokenType) -> ByteString
    ) throws(TokenizationError) -> JSON {
        var members: [JSON.Member] = []
        var ids: [ByteString: Int] = [:]
        for (id, text, type) in present {
            let text = spelling(text, type)
            guard text.validated != nil else {
                throw TokenizationError(
                    .unsupported("token \(id), which is not UTF-8, in tokenizer.json"), file: file,
                    place: "tokenizer.ggml.tokens[\(id)]")
            }
            if let other = ids.updateValue(id, forKey: text) {
                throw TokenizationError(
                    .unsupported("token \(other) and token \(id) with the same text \"\(text)\""),
                    file: file, place: "tokenizer.ggml.tokens[\(id)]")
            }
            members.append(.init(key: text, value: .integer(id)))
        }
        return .object(members)
    }

    private func document(
        normalizer: JSON, preTokenizer: JSON, postProcessor: JSON, decoder: JSON, model: JSON
    ) -> JSON {
        .object([
            .init("version", .text("1.0")), .init("truncation", .null), .init("padding", .null),
            .init("added_tokens", .array(addedTokens())), .init("normalizer", normalizer),
            .init("pre_tokenizer", preTokenizer), .init("post_processor", postProcessor),
            .init("decoder", decoder), .init("model", model),
        ])
    }

    /// `tokenizer.json` of byte-level BPE.
    func byteLevel() throws(TokenizationError) -> JSON {
        guard let row = PreTokenizerName.row(named: vocabulary.pre) else {
            throw TokenizationError(
                .unknownValue("\"\(vocabulary.pre)\"", expected: "a known pre-tokenizer name"),
                file: file, place: "tokenizer.ggml.pre")
        }
        let byteLevel = JSON.step(
            "ByteLevel",
            [
                .init("add_prefix_space", .bool(false)), .init("trim_offsets", .bool(true)),
                .init("use_regex", .bool(row.patterns.last == PreTokenizerName.gpt2)),
            ])
        let splits =
            row.patterns.last == PreTokenizerName.gpt2
            ? row.patterns.dropLast() : row.patterns[...]
        let steps = splits.map { pattern in
            JSON.step(
                "Split",
                [
                    .init("pattern", .object([.init("Regex", .text(pattern))])),
                    .init("behavior", .text("Isolated")), .init("invert", .bool(false)),
                ])
        }
        let model = JSON.step(
            "BPE",
            [
                .init("dropout", .null), .init("unk_token", .null),
                .init("continuing_subword_prefix", .null), .init("end_of_word_suffix", .null),
                .init("fuse_unk", .bool(false)), .init("byte_fallback", .bool(false)),
                .init("ignore_merges", .bool(row.ignoresMerges)),
                .init("vocab", try vocabularyMembers { text, _ in text }),
                .init("merges", .array(vocabulary.merges.map { .string($0) })),
            ])
        return document(
            normalizer: row.normalizations.first == .nfc ? .step("NFC") : .null,
            preTokenizer: steps.isEmpty
                ? byteLevel
                : .step("Sequence", [.init("pretokenizers", .array(steps + [byteLevel]))]),
            postProcessor: byteLevelProcessor(),
            decoder: .step(
                "ByteLevel",
                [
                    .init("add_prefix_space", .bool(true)), .init("trim_offsets", .bool(true)),
                    .init("use_regex", .bool(true)),
                ]), model: model)
    }

    /// The template, behind the step that says that nothing else is added where the file says so.
    private func byteLevelProcessor() -> JSON {
        let template = template()
        let flags = metadata.entries.map(\.key).filter {
            $0.hasPrefix("tokenizer.ggml.add_") && $0.hasSuffix("_token")
        }
        // The step speaks before the template does, tokenizer_config.json after it.
        let speaksFirst =
            flags.prefix(2) == [
                "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token",
            ]
        guard speaksFirst, vocabulary.addBOS == false || vocabulary.addEOS == false else {
            return template ?? .null
        }
        let byteLevel = JSON.step(
            "ByteLevel",
            [
                .init("add_prefix_space", .bool(true)), .init("trim_offsets", .bool(false)),
                .init("use_regex", .bool(true)),
            ])
        guard let template else { return byteLevel }
        return .step("Sequence", [.init("processors", .array([byteLevel, template]))])
    }

    /// `tokenizer.json` of WordPiece.
    func wordPiece() throws(TokenizationError) -> JSON {
        let unknown = vocabulary.specialIDs[.unk].map { vocabulary.tokens[Int($0)] } ?? "[UNK]"
        let accents = metadata["tokenizer.ggml.normalizer.strip_accents"]?.boolean
        let model = JSON.step(
            "WordPiece",
            [
                .init("unk_token", .string(unknown)),
                .init("continuing_subword_prefix", .text("##")),
                .init("max_input_chars_per_word", .integer(100)),
                .init(
                    "vocab",
                    try vocabularyMembers { text, type in
                        guard type == .normal else { return text }
                        return text.bytes.starts(with: "▁".utf8)
                            ? ByteString(bytes: Array(text.bytes.dropFirst(3)))
                            : ByteString(bytes: Array("##".utf8) + text.bytes)
                    }),
            ])
        return document(
            normalizer: .step(
                "BertNormalizer",
                [
                    .init("clean_text", .bool(true)), .init("handle_chinese_chars", .bool(true)),
                    .init("strip_accents", accents.map { .bool($0) } ?? .null),
                    .init("lowercase", .bool(vocabulary.lowercase ?? true)),
                ]), preTokenizer: .step("BertPreTokenizer"), postProcessor: template() ?? .null,
            decoder: .step(
                "WordPiece", [.init("prefix", .text("##")), .init("cleanup", .bool(true))]),
            model: model)
    }

    /// The post-processor that adds what the flags say; `nil` when that is nothing.
    ///
    /// Between two texts stands what begins a text where the file says whether there is a
    /// separator, for a conversion makes that flag of it.
    private func template() -> JSON? {
        func piece(_ role: Vocabulary.SpecialRole, _ isAdded: Bool?) -> ByteString? {
            guard isAdded == true, let id = vocabulary.specialIDs[role] else { return nil }
            return vocabulary.tokens[Int(id)]
        }
        let (start, end) = (piece(.bos, vocabulary.addBOS), piece(.eos, vocabulary.addEOS))
        guard start != nil || end != nil else { return nil }
        func special(_ text: ByteString) -> JSON {
            .object([
                .init(
                    "SpecialToken",
                    .object([.init("id", .string(text)), .init("type_id", .integer(0))]))
            ])
        }
        func sequence(_ name: String, _ type: Int) -> JSON {
            .object([
                .init(
                    "Sequence",
                    .object([.init("id", .text(name)), .init("type_id", .integer(type))]))
            ])
        }
        let first = start.map { [special($0)] } ?? []
        let last = end.map { [special($0)] } ?? []
        var between: [JSON] = []
        if vocabulary.model == .wordPiece || vocabulary.addSEP == true {
            between = last
        } else if vocabulary.addSEP != nil {
            between = last + first
        }
        var tokens: [JSON.Member] = []
        for (text, role) in [(start, Vocabulary.SpecialRole.bos), (end, .eos)] {
            guard let text, let id = vocabulary.specialIDs[role],
                !tokens.contains(where: { $0.key == text })
            else { continue }
            tokens.append(
                .init(
                    key: text,
                    value: .object([
                        .init("id", .string(text)), .init("ids", .array([.integer(Int(id))])),
                        .init("tokens", .array([.string(text)])),
                    ])))
        }
        return .step(
            "TemplateProcessing",
            [
                .init("single", .array(first + [sequence("A", 0)] + last)),
                .init(
                    "pair",
                    .array(first + [sequence("A", 0)] + between + [sequence("B", 1)] + last)),
                .init("special_tokens", .object(tokens)),
            ])
    }
}
