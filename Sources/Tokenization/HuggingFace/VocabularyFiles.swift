import TensorCore

/// A tokenizer saved as bare vocabulary files, from before `tokenizer.json`: `vocab.json` with
/// `merges.txt` (byte-level BPE) or `vocab.txt` (WordPiece).
///
/// Such files hold the tokens but not the rules around them, which were code of a class. The
/// classes whose rules are known here are GPT-2's, Qwen2's and BERT's; the result is the
/// `tokenizer.json` that these classes save. Source: the tokenizer classes of transformers,
/// <https://huggingface.co/docs/transformers/main_classes/tokenizer>.
struct VocabularyFiles {
    /// The rules around a vocabulary.
    private enum Rules {
        case gpt2, qwen2, bert

        /// The rules of a class of transformers; the model type stands in where none is named.
        init?(className: String?, modelType: String?, isWordPiece: Bool) {
            var name = className ?? ""
            if name.hasSuffix("Fast") { name.removeLast(4) }
            switch (name, modelType, isWordPiece) {
            case ("BertTokenizer", _, true), ("", _, true), ("DistilBertTokenizer", _, true):
                self = .bert
            case ("GPT2Tokenizer", _, false), ("", "gpt2", false): self = .gpt2
            case ("Qwen2Tokenizer", _, false), ("", "qwen2", false), ("", "qwen3", false),
                ("", "qwen2_moe", false), ("", "qwen3_moe", false):
                self = .qwen2
            default: return nil
            }
        }

        /// What these classes call their special tokens when the files do not say.
        var names: [(role: Vocabulary.SpecialRole, text: String)] {
            switch self {
            case .gpt2: [(.bos, "<|endoftext|>"), (.eos, "<|endoftext|>")]
            case .qwen2: [(.eos, "<|endoftext|>")]
            case .bert: VocabularyFiles.namesOfBERT
            }
        }
    }

    /// What BERT calls its special tokens when the files do not say.
    static let namesOfBERT: [(role: Vocabulary.SpecialRole, text: String)] = [
        (.unk, "[UNK]"), (.sep, "[SEP]"), (.pad, "[PAD]"), (.cls, "[CLS]"), (.mask, "[MASK]"),
    ]

    private let folder: HFTokenizerFolder
    private let config: JSON?
    private let specialTokensMap: JSON?
    /// The file that the tokens come from.
    let path: String

    /// `nil` when the directory has no such files.
    init?(
        _ folder: HFTokenizerFolder, tokenizerConfig: JSON?, specialTokensMap: JSON?
    ) throws {
        guard let path = try folder.existing(["vocab.json", "vocab.txt"]) else { return nil }
        self.folder = folder
        self.path = path
        config = tokenizerConfig
        self.specialTokensMap = specialTokensMap
    }

    /// The `tokenizer.json` that these files stand for.
    ///
    /// - Throws: `TokenizationError` when the class is none of those known, or for a damaged file.
    func definition(modelType: String?) throws -> HFTokenizerDefinition {
        try HFTokenizerDefinition(json(modelType: modelType), file: path)
    }

    /// What the class calls its special tokens when the files do not say.
    ///
    /// - Throws: `TokenizationError` when the class is none of those known.
    func defaultNames(
        modelType: String?
    ) throws(TokenizationError) -> [(role: Vocabulary.SpecialRole, text: String)] {
        try rules(modelType: modelType).names
    }

    private var isWordPiece: Bool { path.hasSuffix(".txt") }

    private func rules(modelType: String?) throws(TokenizationError) -> Rules {
        let className = config?["tokenizer_class"]?.text
        guard
            let rules = Rules(
                className: className, modelType: modelType, isWordPiece: isWordPiece)
        else {
            throw TokenizationError(
                .unknownTokenizerClass(className ?? "none"), file: path, place: "tokenizer_class")
        }
        return rules
    }

    private func json(modelType: String?) throws -> JSON {
        let rules = try rules(modelType: modelType)
        let vocabulary = try isWordPiece ? lines() : members()
        let model: JSON =
            isWordPiece
            ? .step(
                "WordPiece",
                [
                    "vocab": .object(vocabulary), "unk_token": .string(name(.unk) ?? "[UNK]"),
                ])
            : .step("BPE", ["vocab": .object(vocabulary), "merges": .array(try merges())])
        return [
            "normalizer": normalizer(rules), "pre_tokenizer": preTokenizer(rules),
            "post_processor": isWordPiece ? postProcessor : .null,
            "decoder": isWordPiece ? .step("WordPiece") : .step("ByteLevel"), "model": model,
        ]
    }

    /// What the files call the token of a role.
    private func name(_ role: Vocabulary.SpecialRole) -> ByteString? {
        let key = "\(role.rawValue)_token"
        return (specialTokensMap?[key]?.content ?? config?[key]?.content)?.bytes
    }

    /// BERT's ends of a text.
    private var postProcessor: JSON {
        let cls = JSON.specialToken(name(.cls) ?? "[CLS]")
        let sep = JSON.specialToken(name(.sep) ?? "[SEP]")
        return .step(
            "TemplateProcessing",
            [
                "single": [cls, .sequence("A", 0), sep],
                "pair": [cls, .sequence("A", 0), sep, .sequence("B", 1), sep],
            ])
    }

    // MARK: Files

    /// `vocab.json`: an object of tokens and ids.
    private func members() throws -> [JSON.Member] {
        try JSONReader(value: try JSON.parse(path: path), path: "", file: path).members()
    }

    /// `vocab.txt`: a token in every line, its number is the line's.
    private func lines() throws -> [JSON.Member] {
        let lines = try text(path)
        guard lines.count <= Vocabulary.tokenCountLimit else {
            throw TokenizationError(
                .countOutOfRange(found: lines.count, limit: Vocabulary.tokenCountLimit), file: path)
        }
        // Where a token stands twice its last line counts.
        var places: [ByteString: Int] = [:]
        for (id, line) in lines.enumerated() { places[line] = id }
        return lines.enumerated().compactMap { id, line in
            places[line] == id ? JSON.Member(key: line, value: .integer(id)) : nil
        }
    }

    /// `merges.txt`: a merge in every line after a first one that may name the version.
    private func merges() throws -> [JSON] {
        guard let file = try folder.existing(["merges.txt"]) else {
            throw TokenizationError(.missing("merges.txt"), file: path)
        }
        var result: [JSON] = []
        for (number, line) in try text(file).enumerated() where !line.bytes.isEmpty {
            if number == 0, line.bytes.starts(with: Array("#version".utf8)) { continue }
            guard line.mergeParts != nil else {
                throw TokenizationError(
                    .malformedMerge(line.description), file: file, place: "line \(number + 1)")
            }
            result.append(.string(line))
        }
        return result
    }

    /// The lines of a file, without their ends; an empty last one is dropped.
    private func text(_ path: String) throws -> [ByteString] {
        let bytes = try InputFile.contents(path: path, limit: 1 << 28)
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { line in
                ByteString(
                    bytes: Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line))
            }
        if lines.last?.bytes.isEmpty ?? false { lines.removeLast() }
        return lines
    }

    // MARK: Rules

    private func normalizer(_ rules: Rules) -> JSON {
        switch rules {
        case .gpt2: .null
        case .qwen2: .step("NFC")
        case .bert:
            .step(
                "BertNormalizer",
                [
                    "clean_text": true,
                    "handle_chinese_chars": .bool(
                        config?["tokenize_chinese_chars"]?.boolean ?? true),
                    "strip_accents": config?["strip_accents"] ?? .null,
                    "lowercase": .bool(config?["do_lower_case"]?.boolean ?? true),
                ])
        }
    }

    private func preTokenizer(_ rules: Rules) -> JSON {
        let addsPrefixSpace = config?["add_prefix_space"]?.boolean ?? false
        switch rules {
        case .gpt2: return .byteLevel(addsPrefixSpace: addsPrefixSpace)
        case .qwen2:
            return .step(
                "Sequence",
                [
                    "pretokenizers": [
                        .split(PreTokenizerName.qwen2),
                        .byteLevel(addsPrefixSpace: addsPrefixSpace, usesRegex: false),
                    ]
                ])
        case .bert: return .step("BertPreTokenizer")
        }
    }
}

extension JSON {
    /// A token's text, which stands bare or as `content` of an object.
    fileprivate var content: JSON? {
        switch self {
        case .string: self
        case .object: self["content"]
        default: nil
        }
    }
}
