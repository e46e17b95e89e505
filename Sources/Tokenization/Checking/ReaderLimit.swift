public import TensorCore

/// Something that a tokenizer's definition does and that GGUF has no way to say.
///
/// A limit knows what readers do instead, as a change of the definition: so the check can tell a
/// difference that no file can avoid from a fault, and a conversion can say what is lost.
struct ReaderLimit: Sendable {
    /// What is lost and what readers do instead, a sentence without its full stop.
    let sentence: String
    /// Whether a conversion says it; the others show in rare texts and are for the check.
    let isSaid: Bool
    /// Makes the definition do what readers do; `nil` when no definition can.
    let edit: (@Sendable (inout ReferenceSource) -> Void)?

    init(
        _ sentence: String, isSaid: Bool = true,
        edit: (@Sendable (inout ReferenceSource) -> Void)? = nil
    ) {
        self.sentence = sentence
        self.isSaid = isSaid
        self.edit = edit
    }
}

extension HFTokenizer {
    /// What a GGUF file of this tokenizer cannot say.
    ///
    /// - Parameter vocabulary: What the file says.
    /// - Throws: `TokenizationError` or `FileError`.
    func readerLimits(of vocabulary: Vocabulary) throws -> [ReaderLimit] {
        // These are lists that files hold whole.
        guard kind != .byteStrings, kind != .plamo else { return [] }
        let source = try ReferenceSource(self)
        let limits: [ReaderLimit] =
            switch source.rules {
            case .sentencePiece(let model): model.limits
            case .definition(let definition):
                switch definition.model {
                case .bpe(let bpe) where kind == .byteLevelBPE:
                    definition.byteLevelLimits(bpe, pre: vocabulary.pre)
                case .bpe(let bpe): definition.sentencePieceLimits(bpe, vocabulary)
                case .unigram: definition.unigramLimits
                case .wordPiece(let wordPiece): definition.wordPieceLimits(wordPiece, vocabulary)
                case .wordLevel: []
                }
            }
        return limits + source.addedTokenLimits(vocabulary)
    }

    /// What a conversion says about what the file cannot.
    ///
    /// - Parameter metadata: The metadata of the file.
    /// - Throws: `TokenizationError` or `FileError`.
    public func readerLimitNotices(_ metadata: Metadata) throws -> [String] {
        let vocabulary = try Vocabulary(metadata: metadata, file: file)
        return try readerLimits(of: vocabulary).filter(\.isSaid).map { "tokenizer: \($0.sentence)" }
    }
}

extension ReferenceSource {
    /// Properties of added tokens that GGUF has no place for.
    func addedTokenLimits(_ vocabulary: Vocabulary) -> [ReaderLimit] {
        let (left, right) = (vocabulary.leftStripping, vocabulary.rightStripping)
        @Sendable func takesLeft(_ token: Token) -> Bool {
            left.contains(Int32(truncatingIfNeeded: token.id))
        }
        @Sendable func takesRight(_ token: Token) -> Bool {
            right.contains(Int32(truncatingIfNeeded: token.id))
        }
        var limits = [
            limit({ $0.singleWord }, "is meant as a whole word only; readers find it in words too")
            {
                $0.singleWord = false
            },
            // A mask stands in no text that a model is given to go on with.
            limit(
                { $0.lstrip && !takesLeft($0) && !$0.isMask },
                "takes the white space before it; readers keep that"
            ) { $0.lstrip = $0.lstrip && $0.isMask },
            limit(
                { $0.lstrip && !takesLeft($0) && $0.isMask }, isSaid: false,
                "takes the white space before it; readers keep that"
            ) { $0.lstrip = $0.lstrip && !$0.isMask },
            limit(
                { $0.rstrip && !takesRight($0) },
                "takes the white space after it; readers keep that"
            ) { $0.rstrip = $0.rstrip && takesRight($0) },
            limit(
                { takesLeft($0) && !$0.lstrip || takesRight($0) && !$0.rstrip },
                "keeps the white space around it; llama.cpp drops it, going by the model's name "
                    + "(--model-name chooses another)"
            ) {
                $0.lstrip = $0.lstrip || takesLeft($0)
                $0.rstrip = $0.rstrip || takesRight($0)
            },
        ].compactMap { $0 }
        if case .definition = rules, addedTokens.contains(where: \.normalized) {
            limits.append(
                ReaderLimit(
                    "some added tokens are looked for after the others and in the normalized text, "
                        + "by readers together with them in the text as it stands", isSaid: false
                ) { $0.search.insert(.rawText) })
        }
        limits.append(
            ReaderLimit(
                "where added tokens overlap, readers find the longest, tokenizers the leftmost",
                isSaid: false
            ) { $0.search.insert(.longestFirst) })
        return limits
    }

    private typealias Token = HFTokenizerDefinition.AddedToken

    /// A limit of the added tokens that have a property; `nil` when none has.
    private func limit(
        _ isMeant: (Token) -> Bool, isSaid: Bool = true, _ clause: String,
        edit: @escaping @Sendable (inout Token) -> Void
    ) -> ReaderLimit? {
        let tokens = addedTokens.filter(isMeant)
        guard let first = tokens.first else { return nil }
        let more = tokens.count > 1 ? " (and \(tokens.count - 1) more)" : ""
        return ReaderLimit("\"\(first.content)\"\(more) \(clause)", isSaid: isSaid) {
            $0.editAddedTokens(edit)
        }
    }
}

extension HFTokenizerDefinition.AddedToken {
    fileprivate var isMask: Bool { ["<mask>", "[MASK]"].contains(content) }
}
