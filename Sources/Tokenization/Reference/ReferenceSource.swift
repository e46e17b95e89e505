import TensorCore

/// What a reference tokenizer is made from: the definition that a directory holds.
struct ReferenceSource {
    /// The two forms that directories have.
    enum Rules {
        case definition(HFTokenizerDefinition)
        case sentencePiece(SentencePieceModel)
    }

    var rules: Rules
    /// Tokens that are taken out of the text before a SentencePiece model sees it.
    var added: [HFTokenizerDefinition.AddedToken] = []
    /// Whether the pieces stand in fairseq's order, with four tokens of its own in front.
    var isFairseq = false
    /// What goes in front of and after every text of a SentencePiece model.
    var ends: (leading: Int32?, trailing: Int32?) = (nil, nil)
    /// How added tokens are looked for.
    var search: AddedTokenSearch = []
    /// Whether WordPiece marks beginnings of words and not the rest of them.
    var marksWords = false

    /// The definition of a directory's tokenizer.
    ///
    /// - Throws: `TokenizationError` or `FileError`.
    init(_ tokenizer: HFTokenizer) throws {
        if let definition = tokenizer.definition {
            rules = .definition(definition)
            return
        }
        rules = .sentencePiece(try SentencePieceModel(path: tokenizer.file))
        isFairseq = tokenizer.file.hasSuffix("sentencepiece.bpe.model")
        added = tokenizer.addedTokens
        var known = Set(added.map(\.id))
        let vocabulary = tokenizer.vocabulary
        for (id, type) in vocabulary.types.enumerated()
        where [.control, .unknown, .userDefined].contains(type) && known.insert(id).inserted {
            added.append(
                .init(
                    id: id, content: vocabulary.tokens[id], special: true, normalized: false,
                    lstrip: false, rstrip: false, singleWord: false))
        }
        // Which of them the model wants, its own file does not say.
        let reader = try Tokenizer(vocabulary: vocabulary)
        ends = (reader.leadingID, reader.trailingID)
    }

    /// Changes the `tokenizer.json` when there is one.
    mutating func editDefinition(_ edit: (inout HFTokenizerDefinition) -> Void) {
        guard case .definition(var definition) = rules else { return }
        edit(&definition)
        rules = .definition(definition)
    }

    /// The added tokens.
    var addedTokens: [HFTokenizerDefinition.AddedToken] {
        if case .definition(let definition) = rules { definition.addedTokens } else { added }
    }

    /// Changes every added token.
    mutating func editAddedTokens(_ edit: (inout HFTokenizerDefinition.AddedToken) -> Void) {
        for index in added.indices { edit(&added[index]) }
        editDefinition { definition in
            for index in definition.addedTokens.indices { edit(&definition.addedTokens[index]) }
        }
    }

    /// Changes the SentencePiece model when there is one.
    mutating func editModel(_ edit: (inout SentencePieceModel) -> Void) {
        guard case .sentencePiece(var model) = rules else { return }
        edit(&model)
        rules = .sentencePiece(model)
    }

    /// The tokenizer.
    ///
    /// - Throws: `TokenizationError` when the definition has a step that cannot be run.
    func tokenizer() throws(TokenizationError) -> ReferenceTokenizer {
        switch rules {
        case .definition(let definition):
            return try ReferenceTokenizer(definition, search: search, marksWords: marksWords)
        case .sentencePiece(let model):
            return try ReferenceTokenizer(model, self)
        }
    }
}

/// Where readers of GGUF look for added tokens in another way than `tokenizers`.
struct AddedTokenSearch: OptionSet {
    let rawValue: Int
    /// The longest token goes first wherever it stands, not the leftmost.
    static let longestFirst = AddedTokenSearch(rawValue: 1)
    /// Tokens are looked for in the text as it stands, never in the normalized one.
    static let rawText = AddedTokenSearch(rawValue: 2)
}
