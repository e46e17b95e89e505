import TensorCore

extension Vocabulary {
    /// The vocabulary of a `tokenizer.json`, without pre-tokenizer name and special ids.
    ///
    /// - Parameters:
    ///   - size: The number of tokens that the model has; numbers without a token become
    ///     `[PAD{id}]`. The highest id decides when it is `nil`.
    ///   - added: The tokens that all files add to the model's.
    init(
        definition: HFTokenizerDefinition, added: AddedTokens, size: Int?, file: String
    ) throws(TokenizationError) {
        let added = added.entries.map(\.token)
        switch definition.model {
        case .bpe(let bpe):
            let list = try TokenList(
                bpe.vocabulary, added: added, size: size, file: file)
            if definition.isByteLevel {
                self.init(
                    model: .byteLevelBPE, tokens: list.tokens, types: list.types,
                    merges: bpe.merges)
            } else {
                self.init(sentencePiece: bpe, list)
                addSpacePrefix = definition.addsSpacePrefix
            }
        case .unigram(let unigram):
            let pieces = unigram.vocabulary.enumerated().map { ($0.element.token, $0.offset) }
            let list = try TokenList(pieces, added: added, size: size, file: file)
            self.init(model: .unigram, tokens: list.tokens, types: list.types)
            var scores = [Float](repeating: -1000, count: tokens.count)
            for (index, piece) in unigram.vocabulary.enumerated() where index < scores.count {
                scores[index] = piece.score
                if types[index] == .normal, piece.token.byteTokenValue != nil {
                    types[index] = .byte
                }
            }
            self.scores = scores
            if let unknown = unigram.unknownID, types.indices.contains(unknown) {
                types[unknown] = .unknown
            }
            addSpacePrefix = definition.addsSpacePrefix
            removeExtraWhitespaces = definition.removesExtraWhitespaces
            precompiledCharsmap = try definition.characterMap(file: file)
        case .wordPiece(let wordPiece):
            let list = try TokenList(
                wordPiece.vocabulary, added: added, size: size, file: file)
            // GGUF marks beginnings of words, as SentencePiece does, where BERT marks the rest.
            let prefix = wordPiece.continuingSubwordPrefix.bytes
            let marked = zip(list.tokens, list.types).map { token, type -> ByteString in
                if type == .control { return token }
                return token.bytes.starts(with: prefix)
                    ? ByteString(bytes: Array(token.bytes.dropFirst(prefix.count)))
                    : ByteString(bytes: Array("▁".utf8) + token.bytes)
            }
            self.init(model: .wordPiece, tokens: marked, types: list.types)
        case .wordLevel:
            throw TokenizationError(
                .unsupported("the model WordLevel, for which GGUF has no name,"), file: file,
                place: "model.type")
        }
    }

    /// SentencePiece BPE that exists as `tokenizer.json` only: the merges' order gives the scores,
    /// as SentencePiece itself numbers them (the first merge has score 0, the next -1, …).
    private init(sentencePiece bpe: HFModel.BPE, _ list: TokenList) {
        self.init(model: .sentencePieceBPE, tokens: list.tokens, types: list.types)
        var ranks: [ByteString: Int] = [:]
        ranks.reserveCapacity(bpe.merges.count)
        for (rank, merge) in bpe.merges.enumerated() {
            guard let (left, right) = merge.mergeParts else { continue }
            let whole = ByteString(bytes: Array(left) + Array(right))
            if ranks[whole] == nil { ranks[whole] = rank }
        }
        var scores = [Float](repeating: -1000, count: tokens.count)
        for index in tokens.indices {
            if types[index] == .normal, tokens[index].byteTokenValue != nil {
                types[index] = .byte
                scores[index] = 0
            } else if types[index] == .normal {
                scores[index] = -Float(ranks[tokens[index]] ?? bpe.merges.count)
            }
            if types[index] != .unused, tokens[index] == bpe.unknownToken {
                types[index] = .unknown
                scores[index] = 0
            }
        }
        self.scores = scores
    }
}

extension ByteString {
    /// The byte that a token `<0x0A>` stands for.
    var byteTokenValue: UInt8? {
        guard bytes.count == 6, bytes.starts(with: "<0x".utf8), bytes[5] == UInt8(ascii: ">"),
            let high = Character(UnicodeScalar(bytes[3])).hexDigitValue,
            let low = Character(UnicodeScalar(bytes[4])).hexDigitValue
        else { return nil }
        return UInt8(high * 16 + low)
    }

    /// Whether the text of an added token shows that it structures the input, although its file
    /// does not call it special. (Known texts of published models; the peer has the same list.)
    var looksSpecial: Bool {
        let known: [ByteString] = ["<pad>", "<mask>", "<2mass>", "[@BOS@]"]
        func isEnclosed(_ start: String, _ end: String) -> Bool {
            bytes.starts(with: start.utf8) && bytes.reversed().starts(with: end.utf8.reversed())
        }
        return known.contains(self) || isEnclosed("<|", "|>") || isEnclosed("<｜", "｜>")
            || isEnclosed("<unused", ">")
    }

    /// The text with SentencePiece's `▁` (U+2581) as spaces.
    var withSpaces: ByteString {
        guard bytes.contains(0xE2) else { return self }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: "▁".utf8) {
                result.append(UInt8(ascii: " "))
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return ByteString(bytes: result)
    }

    /// What stands at an id without a token.
    static func padding(_ id: Int) -> ByteString { ByteString("[PAD\(id)]") }
}

extension HFTokenizerDefinition.AddedToken {
    /// Type and text in a vocabulary.
    var entry: (token: ByteString, type: Vocabulary.TokenType) {
        special || content.looksSpecial
            ? (content, .control) : (content.withSpaces, .userDefined)
    }
}

extension HFTokenizerDefinition {
    /// Whether SentencePiece's space goes in front of a text.
    var addsSpacePrefix: Bool {
        for case .metaspace(_, let scheme, _) in preTokenizer?.steps ?? [] {
            return scheme != "never"
        }
        return (normalizer?.steps ?? []).contains {
            if case .prepend = $0 { true } else { false }
        }
    }
}

extension HFTokenizerDefinition {
    /// Whether runs of spaces become one, and spaces at the ends none.
    var removesExtraWhitespaces: Bool {
        let splits = (preTokenizer?.steps ?? []).contains {
            if case .whitespaceSplit = $0 { true } else { false }
        }
        return splits
            || (normalizer?.steps ?? []).contains {
                if case .replace(.regex(" {2,}"), _) = $0 { true } else { false }
            }
    }

    /// SentencePiece's compiled normalization.
    func characterMap(file: String) throws(TokenizationError) -> [UInt8]? {
        for case .precompiled(let text) in normalizer?.steps ?? [] {
            guard let bytes = Base64.decode(text) else {
                throw TokenizationError(
                    .wrongKind(found: "another text", expected: "Base64"), file: file,
                    place: "normalizer.precompiled_charsmap")
            }
            if !bytes.isEmpty { return bytes }
        }
        return nil
    }
}

/// Tokens in id order, holes filled.
private struct TokenList {
    var tokens: [ByteString]
    var types: [Vocabulary.TokenType]

    init(
        _ vocabulary: [(token: ByteString, id: Int)],
        added: [HFTokenizerDefinition.AddedToken], size: Int?, file: String
    ) throws(TokenizationError) {
        let highest = max(
            vocabulary.lazy.map { $0.id }.max() ?? -1, added.lazy.map { $0.id }.max() ?? -1)
        let limit = size ?? Vocabulary.tokenCountLimit
        func check(_ token: ByteString, _ id: Int, _ place: String) throws(TokenizationError) {
            guard id >= 0, id < limit else {
                throw TokenizationError(
                    .idOutOfRange(token: token.description, id: id, limit: limit), file: file,
                    place: place)
            }
        }
        for (token, id) in vocabulary { try check(token, id, "model.vocab") }
        let count = size ?? highest + 1
        guard count > 0 else {
            throw TokenizationError(.missing("a token"), file: file, place: "model.vocab")
        }
        var texts = [ByteString?](repeating: nil, count: count)
        types = [Vocabulary.TokenType](repeating: .unused, count: count)
        for (token, id) in vocabulary {
            if let other = texts[id] {
                throw TokenizationError(
                    .duplicateID(id: id, first: other.description, second: token.description),
                    file: file, place: "model.vocab")
            }
            texts[id] = token
            types[id] = .normal
        }
        for token in added { (texts[token.id], types[token.id]) = token.entry }
        tokens = texts.enumerated().map { $0.element ?? .padding($0.offset) }
    }
}
