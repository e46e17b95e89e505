import TensorCore

/// The tokenizer of a Hugging Face directory in the words of GGUF.
///
/// This is what a converter needs to write `tokenizer.*`: `vocabulary` has the lists, `special` the
/// ids and flags in the order in which the peer writes them.
///
/// ```swift
/// let tokenizer = try HFTokenizer.load(directory: "SmolLM2-135M")
/// tokenizer.kind                  // .byteLevelBPE
/// tokenizer.vocabulary.pre        // "smollm"
/// let ids = try Tokenizer(vocabulary: tokenizer.vocabulary).encode("Hello".utf8)
/// ```
public struct HFTokenizer: Sendable {
    /// Everything a GGUF file says about the tokenizer.
    ///
    /// - `tokens` in id order, holes up to the model's vocabulary size filled with `[PAD{id}]` of
    ///   type `unused`; `types`; `merges` as `a b`.
    /// - `scores` only where the peer writes them (SentencePiece).
    /// - WordPiece tokens in GGUF's spelling: `▁word` for a beginning, `ing` for `##ing`.
    /// - special ids, flags and the (default) chat template from `special`.
    public var vocabulary: Vocabulary
    /// Special ids, flags and chat templates, in the peer's order.
    public var special: HFSpecialTokens
    /// What `tokenizer.json` says, or what the vocabulary files stand for; `nil` when there is only a
    /// SentencePiece model.
    public var definition: HFTokenizerDefinition?
    /// The file that the tokens came from.
    public var file: String

    /// The kind of tokenizer.
    public var kind: Vocabulary.Model { vocabulary.model }

    /// Reads the tokenizer of a directory: `tokenizer.model` or `spiece.model` (SentencePiece) when
    /// there is one, `tokenizer.json` otherwise, and the bare vocabulary files of a few classes
    /// (`vocab.json` with `merges.txt`, `vocab.txt`) where there is neither.
    ///
    /// - Parameters:
    ///   - directory: A Hugging Face model directory.
    ///   - modelType: `model_type` of `config.json`, which is read when this is `nil`; decides where
    ///     several pre-tokenizer names mean the same rules.
    ///   - vocabularySize: `vocab_size` of `config.json`, which is read when this is `nil`.
    ///   - pre: A pre-tokenizer name to use instead of deriving one.
    ///   - model: The kind of tokenizer, where the files may be written as several:
    ///     `sentencePieceMerges` must be asked for, and `unigram` finds the files of encoders.
    /// - Throws: `TokenizationError`, `JSONError` or `FileError`.
    public static func load(
        directory: String, modelType: String? = nil, vocabularySize: Int? = nil,
        pre: String? = nil, model: Vocabulary.Model? = nil
    ) throws -> HFTokenizer {
        let folder = HFTokenizerFolder(path: directory)
        let config = try folder.json("config.json")
        let text = config?["text_config"]
        let modelType = modelType ?? (config?["model_type"] ?? text?["model_type"])?.text
        let size = vocabularySize ?? (config?["vocab_size"] ?? text?["vocab_size"])?.integer
        if let size, !(1...Vocabulary.tokenCountLimit).contains(size) {
            throw TokenizationError(
                .countOutOfRange(found: size, limit: Vocabulary.tokenCountLimit),
                file: folder.file("config.json"), place: "vocab_size")
        }
        let tokenizerConfig = try folder.json("tokenizer_config.json")
        let definition = try folder.json("tokenizer.json").map {
            try HFTokenizerDefinition($0, file: folder.file("tokenizer.json"))
        }
        let files = VocabularyFiles(folder, tokenizerConfig: tokenizerConfig)

        var result: HFTokenizer
        if model == .sentencePieceMerges {
            guard let definition else {
                throw TokenizationError(.missing("tokenizer.json"), file: directory)
            }
            let path = folder.file("tokenizer.json")
            result = HFTokenizer(
                vocabulary: try Vocabulary(
                    merging: definition, tokenizerConfig: tokenizerConfig, size: size, file: path),
                special: HFSpecialTokens(), definition: definition, file: path)
        } else if model == .unigram, let path = folder.existing(["sentencepiece.bpe.model"]) {
            result = HFTokenizer(
                vocabulary: try Vocabulary(
                    fairseq: SentencePieceModel(path: path), size: size, file: path),
                special: HFSpecialTokens(), definition: definition, file: path)
        } else if let path = folder.existing(["tokenizer.model", "spiece.model"]) {
            // Of encoders' tokens those of `tokenizer_config.json` are no part.
            result = HFTokenizer(
                vocabulary: try Vocabulary(
                    sentencePiece: SentencePieceModel(path: path), size: size,
                    addedTokens: try folder.json("added_tokens.json"),
                    tokenizerConfig: model == .unigram ? nil : tokenizerConfig, file: path),
                special: HFSpecialTokens(), definition: definition, file: path)
            result.vocabulary.pre = pre ?? "default"
        } else if let definition = try definition ?? files?.definition(modelType: modelType) {
            let path = folder.existing(["tokenizer.json"]) ?? files?.path ?? directory
            var vocabulary = try Vocabulary(
                definition: definition,
                size: model == .unigram ? definition.size(atLeast: size) : size, file: path)
            if model == .unigram { vocabulary.readSpaces(tokenizerConfig) }
            vocabulary.pre =
                try pre ?? PreTokenizerName.derive(definition, modelType: modelType, file: path)
            result = HFTokenizer(
                vocabulary: vocabulary, special: HFSpecialTokens(), definition: definition,
                file: path)
        } else {
            throw TokenizationError(
                .missing("tokenizer.json or tokenizer.model"), file: directory)
        }

        result.special = HFSpecialTokens(
            definition: definition, tokenizerConfig: tokenizerConfig, config: config,
            templates: try folder.chatTemplates(), tokenCount: result.vocabulary.tokens.count)
        result.special.apply(to: &result.vocabulary)
        if result.kind == .wordPiece { result.vocabulary.lowercase = result.definition?.lowercases }
        return result
    }
}

extension Vocabulary {
    /// What the tokenizer classes of encoders say about spaces, as the peer understands them.
    fileprivate mutating func readSpaces(_ tokenizerConfig: JSON?) {
        addSpacePrefix = tokenizerConfig?["add_prefix_space"]?.boolean ?? true
        if tokenizerConfig?["clean_up_tokenization_spaces"]?.boolean ?? false {
            removeExtraWhitespaces = true
        }
    }
}

extension HFTokenizerDefinition {
    /// The number of tokens of the model's own, or `size` when that is more.
    fileprivate func size(atLeast size: Int?) -> Int? {
        guard case .unigram(let unigram) = model, let size else { return size }
        return max(size, unigram.vocabulary.count)
    }

    /// Whether the normalizer lower-cases the text.
    var lowercases: Bool {
        (normalizer?.steps ?? []).contains {
            switch $0 {
            case .lowercase: true
            case .bert(_, _, _, let lowercase): lowercase
            default: false
            }
        }
    }
}

/// The files of a model directory that concern the tokenizer.
struct HFTokenizerFolder {
    let path: String

    func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

    func existing(_ names: [String]) -> String? {
        names.map { file($0) }.first { FileIdentity(path: $0) != nil }
    }

    /// The parsed file, or `nil` when there is none.
    func json(_ name: String) throws -> JSON? {
        guard let path = existing([name]) else { return nil }
        return try JSON.parse(path: path)
    }

    /// Chat templates outside `tokenizer_config.json`.
    func chatTemplates() throws -> [HFSpecialTokens.ChatTemplate] {
        if let path = existing(["chat_template.jinja"]) {
            let main = ByteString(bytes: try InputFile.contents(path: path, limit: 1 << 24))
            let others = try additionalTemplates()
            return [.init(name: others.isEmpty ? nil : "default", text: main)] + others
        }
        if let template = try json("chat_template.json")?["chat_template"]?.bytes {
            return [.init(name: nil, text: template)]
        }
        return []
    }

    /// Templates with a name each, the files of a folder of their own.
    private func additionalTemplates() throws -> [HFSpecialTokens.ChatTemplate] {
        guard let folder = existing(["additional_chat_templates"]) else { return [] }
        return try Directory.names(in: folder).filter { $0.hasSuffix(".jinja") }.map { name in
            .init(
                name: ByteString(String(name.dropLast(".jinja".count))),
                text: ByteString(
                    bytes: try InputFile.contents(path: "\(folder)/\(name)", limit: 1 << 24)))
        }
    }
}
