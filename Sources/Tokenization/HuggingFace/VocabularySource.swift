import TensorCore

/// The file that a vocabulary's own tokens come from, with the tokens that the others add.
struct VocabularySource {
    fileprivate enum Origin {
        case definition(HFTokenizerDefinition)
        case merges(HFTokenizerDefinition)
        case pieces(SentencePieceModel)
        case fairseq(SentencePieceModel)
    }

    private let origin: Origin
    private let files: HFTokenizerFiles
    private let isEncoder: Bool
    /// The number of tokens that the model has; `nil` when the files decide.
    private let size: Int?
    /// The file of the model's own tokens.
    let file: String
    /// The tokens that are added to them.
    private(set) var added: AddedTokens
    /// What the user should know.
    private(set) var notices: [String] = []

    /// Whether fairseq's class is all that says what stands around a text.
    var isFairseqAlone: Bool {
        if case .fairseq = origin { files.definition == nil } else { false }
    }

    /// Chooses the file and merges the added tokens.
    ///
    /// transformers reads `tokenizer.json` when there is one. A SentencePiece model beside it says
    /// more about the same tokens, their scores and types; one that has other tokens is left over.
    ///
    /// - Throws: `TokenizationError`, `JSONError` or `FileError`.
    init(
        _ files: HFTokenizerFiles, names: TokenNames, model: Vocabulary.Model?, size: Int?
    ) throws {
        self.files = files
        isEncoder = model == .unigram
        let (origin, file) = try Self.origin(files, model: model)
        var added: AddedTokens
        if let definition = files.definition {
            added = try files.addedTokens(
                to: definition.model.tokens, file: files.definitionFile, names: names)
        } else {
            let pieces = origin.texts
            added = try files.addedTokens(
                to: pieces.enumerated().map { ($0.element, $0.offset) }, pieces: pieces, file: file,
                names: names)
        }
        self.size = isEncoder ? files.definition?.size(atLeast: size) ?? size : size
        if let size = self.size { notices += added.drop(from: size) }
        if case .pieces(let pieces) = origin, let definition = files.definition,
            let difference = pieces.difference(from: definition, added: added)
        {
            notices.append(
                "\(file.lastComponent) and tokenizer.json have different tokens (\(difference)); "
                    + "tokenizer.json is read, as transformers does")
            self.origin = .definition(definition)
            self.file = files.definitionFile
        } else {
            if let size, case .pieces(let pieces) = origin, pieces.pieces.count > size {
                notices.append(
                    "\(file.lastComponent) has \(pieces.pieces.count) pieces, the model \(size) "
                        + "embeddings; the pieces beyond are left out")
            }
            self.origin = origin
            self.file = file
        }
        self.added = added
        notices += added.notices
        if case .definition(let definition) = self.origin {
            notices += definition.unknownSteps.map {
                "the \($0) of tokenizer.json is not known and left out"
            }
        }
    }

    private static func origin(
        _ files: HFTokenizerFiles, model: Vocabulary.Model?
    ) throws -> (origin: Origin, file: String) {
        if model == .sentencePieceMerges {
            guard let definition = files.definition, files.hasTokenizerJSON else {
                throw TokenizationError(.missing("tokenizer.json"), file: files.folder.path)
            }
            return (.merges(definition), files.definitionFile)
        }
        if model == .unigram, let path = try files.folder.existing(["sentencepiece.bpe.model"]) {
            return (.fairseq(try SentencePieceModel(path: path)), path)
        }
        if let path = try files.folder.existing(SentencePieceModel.fileNames) {
            // A tokenizer.model of another kind (tiktoken's) is no hindrance beside tokenizer.json.
            do {
                return (.pieces(try SentencePieceModel(path: path)), path)
            } catch {
                guard files.hasTokenizerJSON else { throw error }
            }
        }
        guard let definition = files.definition else {
            throw TokenizationError(
                .missing("tokenizer.json or tokenizer.model"), file: files.folder.path)
        }
        return (.definition(definition), files.definitionFile)
    }

    /// The vocabulary, without pre-tokenizer name and special ids.
    ///
    /// - Throws: `TokenizationError`.
    func vocabulary() throws -> Vocabulary {
        var vocabulary: Vocabulary
        switch origin {
        case .merges(let definition):
            vocabulary = try Vocabulary(
                merging: definition, added: added, tokenizerConfig: files.tokenizerConfig,
                size: size, file: file)
        case .fairseq(let model):
            vocabulary = try Vocabulary(fairseq: model, size: size, file: file)
            for token in added.entries.map(\.token)
            where isFairseqAlone && vocabulary.types.indices.contains(token.id)
                && vocabulary.types[token.id] == .unused
            {
                (vocabulary.tokens[token.id], vocabulary.types[token.id]) = token.entry
            }
        case .pieces(let model):
            vocabulary = try Vocabulary(
                sentencePiece: model, added: added.entries, size: size, isEncoder: isEncoder,
                file: file)
            if vocabulary.model == .sentencePieceBPE, let definition = files.definition {
                vocabulary.addSpacePrefix = definition.addsSpacePrefix
            }
        case .definition(let definition):
            vocabulary = try Vocabulary(
                definition: definition, added: added, size: size, file: file)
            if isEncoder { vocabulary.readSpaces(files.tokenizerConfig) }
        }
        return vocabulary
    }

    /// The pre-tokenizer's name.
    ///
    /// - Throws: `TokenizationError` when no name stands for the definition.
    func preTokenizerName(
        _ given: String?, modelType: String?
    ) throws(TokenizationError) -> String {
        switch origin {
        case .definition(let definition):
            if let given { return given }
            return try PreTokenizerName.derive(definition, modelType: modelType, file: file)
        case .pieces: return given ?? "default"
        case .merges, .fairseq: return "default"
        }
    }
}

extension VocabularySource.Origin {
    fileprivate var pieces: SentencePieceModel? {
        switch self {
        case .pieces(let model), .fairseq(let model): model
        case .definition, .merges: nil
        }
    }

    /// The texts of a SentencePiece model in the order of the model's ids.
    fileprivate var texts: [ByteString] {
        let texts = pieces?.pieces.map(\.text) ?? []
        guard case .fairseq = self else { return texts }
        return Vocabulary.fairseqTokens.map(\.text) + texts.dropFirst(3)
    }
}

extension SentencePieceModel {
    /// The first token about which the model and a `tokenizer.json` disagree; `nil` when they are of
    /// one kind and mean the same tokens.
    fileprivate func difference(
        from definition: HFTokenizerDefinition, added: AddedTokens
    ) -> String? {
        switch (algorithm, definition.model) {
        case (.bpe, .bpe) where !definition.isByteLevel, (.unigram, .unigram): break
        default: return "they are of different kinds"
        }
        var texts: [Int: ByteString] = [:]
        let tokens = definition.model.tokens
        for (token, id) in tokens { texts[id] = token }
        for entry in added.entries { texts[entry.token.id] = entry.token.content }
        func isAdded(_ id: Int) -> Bool { texts[id].map { added.contains($0) } ?? false }
        for (id, piece) in pieces.enumerated() where texts[id] != piece.text && !isAdded(id) {
            return "id \(id) is \"\(piece.text)\" and "
                + (texts[id].map { "\"\($0)\"" } ?? "no token")
        }
        for (token, id) in tokens where id >= pieces.count && !isAdded(id) {
            return "there are \(pieces.count) and \(tokens.count), \"\(token)\" is new"
        }
        return nil
    }
}

extension HFTokenizerDefinition {
    /// The steps before the model that this version does not know.
    fileprivate var unknownSteps: [String] {
        var steps: [String] = []
        for case .other(let type) in normalizer?.steps ?? [] { steps.append("normalizer \(type)") }
        for case .other(let type) in preTokenizer?.steps ?? [] {
            steps.append("pre-tokenizer \(type)")
        }
        return steps
    }

    /// The number of tokens of the model's own, or `size` when that is more.
    fileprivate func size(atLeast size: Int?) -> Int? {
        guard case .unigram(let unigram) = model, let size else { return size }
        return max(size, unigram.vocabulary.count)
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

    /// Makes every text stand for one token: readers find tokens by their texts, and refuse a file
    /// where two are the same.
    ///
    /// - Returns: What the user should know.
    mutating func makeTextsUnique() -> [String] {
        var ids: [ByteString: Int] = [:]
        ids.reserveCapacity(tokens.count)
        var lost: [(id: Int, text: ByteString, kept: Int)] = []
        for (id, token) in tokens.enumerated() {
            guard let other = ids[token] else {
                ids[token] = id
                continue
            }
            // A filled hole gives way to a token that is really called so.
            let loser = types[other] == .unused ? other : id
            ids[token] = loser == id ? other : id
            lost.append((loser, token, loser == id ? other : id))
        }
        for (id, _, _) in lost {
            var text = ByteString.padding(id)
            while ids[text] != nil { text = ByteString(bytes: text.bytes + Array("_".utf8)) }
            ids[text] = id
            tokens[id] = text
            types[id] = .unused
        }
        guard let first = lost.first(where: { $0.text != .padding($0.id) }) else { return [] }
        let more = lost.count > 1 ? " (and \(lost.count - 1) more)" : ""
        return [
            "tokens \(first.kept) and \(first.id) are both written \"\(first.text)\" in GGUF; "
                + "\(first.kept) keeps the text, \(first.id) is not used\(more)"
        ]
    }

    /// The classes whose `add_prefix_space` transformers honours, and the models for which it has
    /// another class than the one their files name.
    private static let prefixClasses: Set<String> = ["LlamaTokenizer", "CodeLlamaTokenizer"]
    private static let otherClassTypes: Set<String> = [
        "mistral", "mixtral", "ministral", "mistral3", "ministral3", "pixtral", "voxtral", "phi3",
        "phimoe", "internlm2", "internlm3", "minicpm3", "jamba", "ernie4_5", "ernie4_5_moe",
        "arctic", "nemotron",
    ]

    /// Lets `add_prefix_space` of `tokenizer_config.json` overrule where transformers does.
    ///
    /// - Returns: What the user should know.
    mutating func settleSpacePrefix(
        _ files: HFTokenizerFiles, modelType: String?
    ) -> [String] {
        guard model == .sentencePieceBPE, let defined = addSpacePrefix else { return [] }
        let file = files.hasTokenizerJSON ? "tokenizer.json" : "tokenizer.model"
        let named = files.tokenizerConfig?["tokenizer_class"] ?? files.config?["tokenizer_class"]
        var name = named?.text ?? (modelType == "llama" ? "LlamaTokenizer" : "")
        if name.hasSuffix("Fast") { name.removeLast(4) }
        let isHonoured =
            Self.prefixClasses.contains(name) && !Self.otherClassTypes.contains(modelType ?? "")
        guard let asked = files.tokenizerConfig?["add_prefix_space"]?.boolean else {
            guard isHonoured, !defined else { return [] }
            return [
                "\(file) puts no space in front of a text, as is written; the class \(name) of "
                    + "transformers 5 puts one where tokenizer_config.json has no add_prefix_space"
            ]
        }
        guard asked != defined else { return [] }
        if isHonoured { addSpacePrefix = asked }
        return [
            "tokenizer_config.json says add_prefix_space \(asked), "
                + "\(file) \(defined); the \(isHonoured ? "former" : "latter") is written, as transformers has it"
        ]
    }
}
