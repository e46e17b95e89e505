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
    /// The tokens that the files add to the model's own.
    public var addedTokens: [HFTokenizerDefinition.AddedToken]
    /// Where generation ends, by `generation_config.json` or `config.json`.
    public var endTokens: [(file: String, id: Int)]
    /// What the user should know: where files disagree, what is left out.
    public var notices: [String]
    /// The file that the tokens came from.
    public var file: String

    /// The kind of tokenizer.
    public var kind: Vocabulary.Model { vocabulary.model }

    /// Reads the tokenizer of a directory from all its files, merged as transformers merges them.
    ///
    /// The model's own tokens come from `tokenizer.json`; from `tokenizer.model` or `spiece.model`
    /// (SentencePiece) when that holds the same ones or stands alone; or from the bare vocabulary
    /// files of a few classes (`vocab.json` with `merges.txt`, `vocab.txt`) where there is neither.
    /// Added tokens, names, flags and chat templates come from whichever file knows.
    ///
    /// - Parameters:
    ///   - directory: A Hugging Face model directory.
    ///   - modelType: `model_type` of `config.json`, which is read when this is `nil`; decides where
    ///     several pre-tokenizer names mean the same rules.
    ///   - vocabularySize: `vocab_size` of `config.json`, which is read when this is `nil`.
    ///   - pre: A pre-tokenizer name to use instead of deriving one.
    ///   - model: The kind of tokenizer, where the files may be written as several:
    ///     `sentencePieceMerges`, `byteStrings` and `plamo` must be asked for, and `unigram` finds the files of encoders.
    /// - Throws: `TokenizationError`, `JSONError` or `FileError`.
    public static func load(
        directory: String, modelType: String? = nil, vocabularySize: Int? = nil,
        pre: String? = nil, model: Vocabulary.Model? = nil
    ) throws -> HFTokenizer {
        if let listed = try listed(model, directory: directory, vocabularySize: vocabularySize) {
            return listed
        }
        let files = try HFTokenizerFiles(directory: directory, modelType: modelType)
        let modelType =
            modelType
            ?? (files.config?["model_type"] ?? files.config?["text_config"]?["model_type"])?
            .text
        let size = vocabularySize ?? files.configuration("vocab_size")?.integer
        if let size, !(1...Vocabulary.tokenCountLimit).contains(size) {
            throw TokenizationError(
                .countOutOfRange(found: size, limit: Vocabulary.tokenCountLimit),
                file: files.folder.file("config.json"), place: "vocab_size")
        }
        let names = TokenNames(files)
        let source = try VocabularySource(files, names: names, model: model, size: size)
        var vocabulary = try source.vocabulary()
        vocabulary.pre = try source.preTokenizerName(pre, modelType: modelType)
        let ownNotices =
            vocabulary.makeTextsUnique()
            + vocabulary.settleSpacePrefix(files, modelType: modelType)

        let templates = try HFChatTemplates(files.folder, tokenizerConfig: files.tokenizerConfig)
        let reader = SpecialTokenReader(
            files, names: names, added: source.added, vocabulary: vocabulary,
            isEncoder: model == .unigram)
        var special = reader.special
        if source.isFairseqAlone { special.completeAsFairseq() }
        if files.hasEveryByte { special.ids.removeAll { $0.role == .unk } }
        special.chatTemplates = templates.templates
        special.apply(to: &vocabulary)
        var definition = files.definition
        definition?.addedTokens = source.added.entries.map(\.token)
        if vocabulary.model == .wordPiece { vocabulary.lowercase = definition?.lowercases }
        return HFTokenizer(
            vocabulary: vocabulary, special: special, definition: definition,
            addedTokens: source.added.entries.map(\.token), endTokens: files.endTokens,
            notices: files.notices + names.notices + source.notices + ownNotices + reader.notices
                + templates.notices,
            file: source.file)
    }
}

extension HFTokenizerDefinition {
    /// Takes over what `tokenizer_config.json` says of BERT's cleaning, as the classes of
    /// transformers do, which make the step anew; a class that takes the file as it is does not.
    ///
    /// - Returns: A sentence for each option that differs.
    mutating func followBERTOptions(of tokenizerConfig: JSON) -> [String] {
        let asItIs = ["PreTrainedTokenizerFast", "TokenizersBackend"]
        guard case .wordPiece = model,
            case .bert(let cleans, var chinese, var accents, var lowercase)? = normalizer,
            !asItIs.contains(tokenizerConfig["tokenizer_class"]?.text ?? "")
        else { return [] }
        var notices: [String] = []
        func option(_ key: String, _ found: String, _ value: inout Bool) {
            guard let asked = tokenizerConfig[key]?.boolean, asked != value else { return }
            notices.append(
                "tokenizer_config.json says \(key) \(asked), tokenizer.json \(found) \(value); the "
                    + "former is written, as transformers has it")
            value = asked
        }
        option("do_lower_case", "lowercase", &lowercase)
        option("tokenize_chinese_chars", "handle_chinese_chars", &chinese)
        if let asked = tokenizerConfig["strip_accents"]?.boolean {
            var strips = accents ?? lowercase
            option("strip_accents", "strip_accents", &strips)
            accents = asked
        }
        normalizer = .bert(
            cleanText: cleans, handleChineseChars: chinese, stripAccents: accents,
            lowercase: lowercase)
        return notices
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
