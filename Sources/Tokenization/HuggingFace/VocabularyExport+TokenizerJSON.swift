import TensorCore

extension VocabularyExport {
    /// Tokens that are part of the tokenizer: all but the numbers without a token.
    var present: [(id: Int, text: ByteString, type: Vocabulary.TokenType)] {
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
            [
                "id": .integer(id), "content": .string(text),
                "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false,
                "special": .bool(type != .userDefined),
            ]
        }
    }

    func vocabularyMembers(
        of tokens: [(id: Int, text: ByteString, type: Vocabulary.TokenType)],
        _ spelling: (ByteString, Vocabulary.TokenType) -> ByteString
    ) throws(TokenizationError) -> JSON {
        var members: [JSON.Member] = []
        var ids: [ByteString: Int] = [:]
        for (id, text, type) in tokens {
            let text = spelling(text, type)
            try requireText(text, id: id)
            if let other = ids.updateValue(id, forKey: text) {
                throw TokenizationError(
                    .unsupported("token \(other) and token \(id) with the same text \"\(text)\""),
                    file: file, place: "tokenizer.ggml.tokens[\(id)]")
            }
            members.append(.init(key: text, value: .integer(id)))
        }
        return .object(members)
    }

    func requireText(_ token: ByteString, id: Int) throws(TokenizationError) {
        guard token.validated == nil else { return }
        throw TokenizationError(
            .unsupported("token \(id), which is not UTF-8, in tokenizer.json"), file: file,
            place: "tokenizer.ggml.tokens[\(id)]")
    }

    func document(
        normalizer: JSON, preTokenizer: JSON, postProcessor: JSON, decoder: JSON, model: JSON
    ) -> JSON {
        [
            "version": "1.0", "truncation": .null, "padding": .null,
            "added_tokens": .array(addedTokens()), "normalizer": normalizer,
            "pre_tokenizer": preTokenizer, "post_processor": postProcessor,
            "decoder": decoder, "model": model,
        ]
    }

    /// `tokenizer.json` of byte-level BPE.
    func byteLevel() throws(TokenizationError) -> JSON {
        guard let row = PreTokenizerName.row(named: vocabulary.pre) else {
            throw TokenizationError(
                .unknownValue("\"\(vocabulary.pre)\"", expected: "a known pre-tokenizer name"),
                file: file, place: "tokenizer.ggml.pre")
        }
        let usesRegex = row.patterns.last == PreTokenizerName.gpt2
        let steps =
            row.patterns.dropLast(usesRegex ? 1 : 0).map { JSON.split($0) } + [
                .byteLevel(addsPrefixSpace: false, usesRegex: usesRegex)
            ]
        let model = JSON.step(
            "BPE",
            [
                "dropout": .null, "unk_token": .null,
                "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
                "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": .bool(row.ignoresMerges),
                "vocab": try vocabularyMembers(of: present) { text, _ in text },
                "merges": .array(vocabulary.merges.map { .string($0) }),
            ])
        return document(
            normalizer: row.normalizations.first == .nfc ? .step("NFC") : .null,
            preTokenizer: steps.count == 1
                ? steps[0] : .step("Sequence", ["pretokenizers": .array(steps)]),
            postProcessor: byteLevelProcessor(), decoder: .byteLevel(addsPrefixSpace: true),
            model: model)
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
        let byteLevel = JSON.byteLevel(addsPrefixSpace: true, trimsOffsets: false)
        guard let template else { return byteLevel }
        return .step("Sequence", ["processors": [byteLevel, template]])
    }

    /// `tokenizer.json` of WordPiece.
    func wordPiece() throws(TokenizationError) -> JSON {
        let unknown = vocabulary.specialIDs[.unk].map { vocabulary.tokens[Int($0)] } ?? "[UNK]"
        let accents = metadata["tokenizer.ggml.normalizer.strip_accents"]?.boolean
        let model = JSON.step(
            "WordPiece",
            [
                "unk_token": .string(unknown),
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": try vocabularyMembers(of: present) { text, type in
                    guard type == .normal else { return text }
                    return text.bytes.starts(with: "▁".utf8)
                        ? ByteString(bytes: Array(text.bytes.dropFirst(3)))
                        : ByteString(bytes: Array("##".utf8) + text.bytes)
                },
            ])
        return document(
            normalizer: .step(
                "BertNormalizer",
                [
                    "clean_text": true, "handle_chinese_chars": true,
                    "strip_accents": accents.map { .bool($0) } ?? .null,
                    "lowercase": .bool(vocabulary.lowercase ?? true),
                ]), preTokenizer: .step("BertPreTokenizer"), postProcessor: template() ?? .null,
            decoder: .step(
                "WordPiece", ["prefix": "##", "cleanup": true]),
            model: model)
    }

    /// The post-processor that adds what the flags say; `nil` when that is nothing.
    ///
    /// What stands between two texts tells a conversion whether there is a separator: two ends say so
    /// (RoBERTa), one end or the beginning of another text that there is none.
    func template() -> JSON? {
        func piece(_ role: Vocabulary.SpecialRole, _ isAdded: Bool?) -> ByteString? {
            guard isAdded == true, let id = vocabulary.specialIDs[role] else { return nil }
            return vocabulary.tokens[Int(id)]
        }
        let (start, end) = (piece(.bos, vocabulary.addBOS), piece(.eos, vocabulary.addEOS))
        guard start != nil || end != nil else { return nil }
        let first: [JSON] = start.map { [.specialToken($0)] } ?? []
        let last: [JSON] = end.map { [.specialToken($0)] } ?? []
        let (one, other): ([JSON], [JSON]) = ([.sequence("A", 0)], [.sequence("B", 1)])
        let isEncoder = metadata.entries.contains {
            $0.key.hasSuffix(".attention.causal") && $0.value.boolean == false
        }
        let between: [JSON] =
            switch vocabulary.addSEP {
            case _ where vocabulary.model == .wordPiece: last
            case true?: last + last
            case false? where isEncoder && end != nil: last
            case false?: last + first
            case nil: []
            }
        var tokens: [JSON.Member] = []
        for (text, role) in [(start, Vocabulary.SpecialRole.bos), (end, .eos)] {
            guard let text, let id = vocabulary.specialIDs[role],
                !tokens.contains(where: { $0.key == text })
            else { continue }
            tokens.append(
                .init(
                    key: text,
                    value: [
                        "id": .string(text), "ids": [.integer(Int(id))],
                        "tokens": [.string(text)],
                    ]))
        }
        return .step(
            "TemplateProcessing",
            [
                "single": .array(first + one + last),
                "pair": .array(first + one + between + other + last),
                "special_tokens": .object(tokens),
            ])
    }
}
