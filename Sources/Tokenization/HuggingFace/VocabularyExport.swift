public import TensorCore

/// The tokenizer files of a Hugging Face directory that say what a GGUF file's vocabulary says.
public struct VocabularyExport: Sendable {
    /// File names and contents.
    public private(set) var files: [(name: String, bytes: [UInt8])] = []
    /// Entries for `config.json`: the numbers of tokens with a part to play.
    public private(set) var configuration: [(key: String, value: JSON)] = []

    private let vocabulary: Vocabulary
    private let metadata: Metadata
    private let file: String

    /// Makes the files.
    ///
    /// - Parameters:
    ///   - metadata: The metadata of the GGUF file that the vocabulary was read from.
    ///   - tokenizerClass: transformers' class for a SentencePiece model.
    /// - Throws: `TokenizationError` when a file cannot hold the vocabulary: two tokens with the
    ///   same text, a pre-tokenizer name that is not known.
    public init(
        _ vocabulary: Vocabulary, metadata: Metadata, tokenizerClass: String, file: String
    ) throws(TokenizationError) {
        self.vocabulary = vocabulary
        self.metadata = metadata
        self.file = file
        var settings: [JSON.Member] = []
        var isNamed = false
        switch vocabulary.model {
        case .byteLevelBPE:
            files.append(("tokenizer.json", try byteLevel().written()))
            settings.append(.init("tokenizer_class", .text("PreTrainedTokenizerFast")))
            isNamed = true
        case .wordPiece:
            files.append(("tokenizer.json", try wordPiece().written()))
            settings.append(.init("tokenizer_class", .text("BertTokenizer")))
            isNamed = true
        case .sentencePieceBPE, .sentencePieceMerges, .unigram:
            let split = sentencePieces()
            files.append(("tokenizer.model", split.bytes))
            settings.append(.init("tokenizer_class", .text(tokenizerClass)))
            settings.append(.init("added_tokens_decoder", .object(split.added)))
        }
        settings += specialTokens(isNamed: isNamed)
        settings += flags() + templates()
        if case .bool(let adds)? = metadata["tokenizer.ggml.add_space_prefix"] {
            settings.append(.init("add_prefix_space", .bool(adds)))
        }
        if let lowercase = vocabulary.lowercase {
            settings.append(.init("do_lower_case", .bool(lowercase)))
        }
        settings.append(.init("clean_up_tokenization_spaces", .bool(false)))
        files.append(("tokenizer_config.json", JSON.object(settings).written()))
    }
}

// MARK: tokenizer_config.json

extension VocabularyExport {
    private static let roles: [Vocabulary.SpecialRole] = [
        .bos, .eos, .unk, .sep, .pad, .mask,
    ]

    /// `bos_token` and its kin, and the numbers for `config.json`.
    ///
    /// A conversion takes a role from the token's text where `tokenizer.json` lists the token, and
    /// all others from `config.json`.
    private mutating func specialTokens(isNamed: Bool) -> [JSON.Member] {
        var members: [JSON.Member] = []
        let added = addedByFamily
        for role in VocabularyExport.roles {
            let id = vocabulary.specialIDs[role]
            let key = "\(role.rawValue)_token"
            guard !added.contains(role) else {
                if [.bos, .eos, .pad].contains(role) { configuration.append((key + "_id", .null)) }
                continue
            }
            // A token with a name is found in the text: text itself is not.
            if let id, ![.normal, .byte, .unused].contains(vocabulary.types[Int(id)]) {
                members.append(.init(key, .string(vocabulary.tokens[Int(id)])))
            }
            // transformers has numbers of its own for these where the file says nothing.
            if id != nil || [.bos, .eos, .pad].contains(role) {
                configuration.append((key + "_id", id.map { .integer(Int($0)) } ?? .null))
            }
        }
        if vocabulary.model == .wordPiece, let id = vocabulary.specialIDs[.bos] {
            members.append(.init("cls_token", .string(vocabulary.tokens[Int(id)])))
        }
        return members
    }

    /// The roles that a conversion adds by itself: those that do not stand in the order in which it
    /// writes what the tokenizer's files say, or stand behind its flags.
    private var addedByFamily: Set<Vocabulary.SpecialRole> {
        var added: Set<Vocabulary.SpecialRole> = []
        var last: Int?
        for entry in metadata.entries where entry.key.hasPrefix("tokenizer.ggml.") {
            if entry.key.hasPrefix("tokenizer.ggml.add_"), last != nil {
                last = VocabularyExport.roles.endIndex
            }
            guard entry.key.hasSuffix("_token_id") else { continue }
            let role = VocabularyExport.roles.firstIndex { $0.metadataKey == entry.key }
            let place = role ?? VocabularyExport.roles.endIndex
            if let role, let last, place < last { added.insert(VocabularyExport.roles[role]) }
            last = max(last ?? place, place)
        }
        return added
    }

    /// A flag behind the chat template is the family's own: a conversion adds it by itself.
    private func flags() -> [JSON.Member] {
        let keys = metadata.entries.map(\.key)
        let template = keys.firstIndex(of: "tokenizer.chat_template") ?? keys.endIndex
        var members: [JSON.Member] = []
        for role in ["bos", "eos", "sep"] {
            guard let place = keys.firstIndex(of: "tokenizer.ggml.add_\(role)_token"),
                place < template, case .bool(let isAdded) = metadata.entries[place].value
            else { continue }
            members.append(.init("add_\(role)_token", .bool(isAdded)))
        }
        return members
    }

    private func templates() -> [JSON.Member] {
        let main = metadata["tokenizer.chat_template"].flatMap { value -> ByteString? in
            if case .string(let text) = value { text } else { nil }
        }
        guard case .strings(let names)? = metadata["tokenizer.chat_templates"] else {
            return main.map { [.init("chat_template", .string($0))] } ?? []
        }
        var templates: [JSON] = []
        func add(_ name: ByteString, _ text: ByteString) {
            templates.append(
                .object([.init("name", .string(name)), .init("template", .string(text))]))
        }
        for name in names {
            if case .string(let text)? = metadata["tokenizer.chat_template.\(name)"] {
                add(name, text)
            }
        }
        if let main { add("default", main) }
        return [.init("chat_template", .array(templates))]
    }
}

// MARK: tokenizer.json

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

    private func byteLevel() throws(TokenizationError) -> JSON {
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

    private func wordPiece() throws(TokenizationError) -> JSON {
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

// MARK: tokenizer.model

extension VocabularyExport {
    /// The score of tokens that other files add to a SentencePiece model.
    private static let addedScore: Float = -1000

    /// The model's file, and the tokens that are added to it, as members of
    /// `added_tokens_decoder`.
    ///
    /// Field numbers as in `sentencepiece_model.proto` of the SentencePiece project.
    private func sentencePieces() -> (bytes: [UInt8], added: [JSON.Member]) {
        let scores = vocabulary.scores ?? Array(repeating: 0, count: vocabulary.tokens.count)
        func isAdded(_ id: Int) -> Bool {
            let type = vocabulary.types[id]
            return type == .userDefined || type == .control && scores[id] == Self.addedScore
        }
        var added: [JSON.Member] = []
        for id in vocabulary.tokens.indices where isAdded(id) {
            added.append(
                .init(
                    "\(id)",
                    .object([
                        .init("content", .string(vocabulary.tokens[id])),
                        .init("lstrip", .bool(false)), .init("normalized", .bool(false)),
                        .init("rstrip", .bool(false)), .init("single_word", .bool(false)),
                        .init("special", .bool(vocabulary.types[id] == .control)),
                    ])))
        }
        let count =
            vocabulary.tokens.indices.last {
                !isAdded($0)
                    && !(vocabulary.types[$0] == .unused && vocabulary.tokens[$0] == .padding($0))
            }.map { $0 + 1 } ?? 0
        var model = ProtobufWriter()
        for id in 0..<count {
            var piece = ProtobufWriter()
            piece.append(1, bytes: vocabulary.tokens[id].bytes)
            piece.append(2, float: scores[id])
            let type = vocabulary.types[id]
            if type != .normal { piece.append(3, varint: UInt64(type.rawValue)) }
            model.append(1, bytes: piece.bytes)
        }
        var trainer = ProtobufWriter()
        trainer.append(3, varint: vocabulary.model == .unigram ? 1 : 2)
        trainer.append(4, varint: UInt64(count))
        trainer.append(35, varint: vocabulary.types.contains(.byte) ? 1 : 0)
        // The numbers may be -1, which takes all 64 bits.
        for (field, role) in [(40, Vocabulary.SpecialRole.unk), (41, .bos), (42, .eos), (43, .pad)]
        {
            let id =
                vocabulary.specialIDs[role].map { Int64($0) }
                ?? (role == .unk
                    ? vocabulary.types.firstIndex(of: .unknown).map { Int64($0) } : nil)
            let isPiece = id.map { $0 < Int64(count) } ?? false
            trainer.append(field, varint: UInt64(bitPattern: isPiece ? id ?? -1 : -1))
        }
        model.append(2, bytes: trainer.bytes)
        var normalizer = ProtobufWriter()
        normalizer.append(1, bytes: Array("identity".utf8))
        if let map = vocabulary.precompiledCharsmap { normalizer.append(2, bytes: map) }
        normalizer.append(3, varint: vocabulary.addSpacePrefix ?? true ? 1 : 0)
        normalizer.append(4, varint: vocabulary.removeExtraWhitespaces ?? false ? 1 : 0)
        normalizer.append(5, varint: 1)
        model.append(3, bytes: normalizer.bytes)
        return (model.bytes, added)
    }
}

/// Writes the fields of one Protocol Buffers message.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    private mutating func append(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(value & 0x7F) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    mutating func append(_ field: Int, varint value: UInt64) {
        append(UInt64(field) << 3)
        append(value)
    }

    mutating func append(_ field: Int, float value: Float) {
        append(UInt64(field) << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }

    mutating func append(_ field: Int, bytes content: [UInt8]) {
        append(UInt64(field) << 3 | 2)
        append(UInt64(content.count))
        bytes += content
    }
}
