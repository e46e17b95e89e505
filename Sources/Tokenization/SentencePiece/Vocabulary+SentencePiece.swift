import TensorCore

extension Vocabulary {
    /// The vocabulary of a SentencePiece model with the tokens that the directory adds.
    ///
    /// Pieces at or above `size` are dropped, as the peer does: the model has no embedding for them.
    ///
    /// - Parameter isEncoder: Whether pieces keep their types and scores although
    ///   `added_tokens_decoder` lists them.
    init(
        sentencePiece model: SentencePieceModel, added: [AddedTokens.Entry], size: Int?,
        isEncoder: Bool, file: String
    ) throws(TokenizationError) {
        let kind: Model
        switch model.algorithm {
        case .bpe: kind = .sentencePieceBPE
        case .unigram: kind = .unigram
        case .word, .character:
            throw TokenizationError(
                .unsupported("the SentencePiece algorithm \(model.algorithm)"), file: file,
                place: "trainer_spec.model_type")
        }
        let count = size ?? max(model.pieces.count, (added.map(\.token.id).max() ?? -1) + 1)
        self.init(
            model: kind, tokens: (0..<count).map { ByteString.padding($0) },
            scores: [Float](repeating: -10000, count: count),
            types: [TokenType](repeating: .unused, count: count))
        for (id, piece) in model.pieces.prefix(count).enumerated() {
            tokens[id] = piece.text
            scores?[id] = piece.score
            types[id] = TokenType(rawValue: Int32(piece.type.rawValue)) ?? .normal
            // A piece with a space in it is made by merges, as transformers has it: in the text that
            // readers search for tokens no space has become a mark yet.
            if piece.type == .userDefined, kind == .unigram || piece.text != piece.text.withSpaces {
                types[id] = .normal
            }
        }
        for entry in added where tokens.indices.contains(entry.token.id) {
            let id = entry.token.id
            switch entry.source {
            case .list where !entry.token.special:
                (tokens[id], types[id]) = (entry.token.content, .userDefined)
            case .decoder where !isEncoder: (tokens[id], types[id]) = entry.token.entry
            default:
                // What the model knows to be no text stays as it is.
                if tokens[id] == entry.token.content, types[id] != .normal { continue }
                (tokens[id], types[id]) = entry.token.entry
            }
            scores?[id] = -1000
        }
        addSpacePrefix = model.addDummyPrefix
        if kind == .unigram {
            removeExtraWhitespaces = model.removeExtraWhitespaces
            if !model.precompiledCharsmap.isEmpty {
                precompiledCharsmap = model.precompiledCharsmap
            }
        }
    }

    /// The tokens that fairseq has of its own, by their ids.
    static let fairseqTokens: [(text: ByteString, type: TokenType, role: SpecialRole)] = [
        ("<s>", .control, .bos), ("<pad>", .control, .pad), ("</s>", .control, .eos),
        ("<unk>", .unknown, .unk),
    ]

    /// The vocabulary of a SentencePiece model in fairseq's order (XLM-R): four tokens of its own in
    /// front of the learned pieces, of which the last is left off.
    init(
        fairseq model: SentencePieceModel, size: Int?, file: String
    ) throws(TokenizationError) {
        guard model.algorithm == .unigram, model.pieces.count > 4 else {
            throw TokenizationError(
                .unsupported("\(model.pieces.count) pieces of the algorithm \(model.algorithm)"),
                file: file, place: "trainer_spec.model_type")
        }
        try self.init(
            sentencePiece: model, added: [], size: max(size ?? 0, model.pieces.count),
            isEncoder: true, file: file)
        let own = Vocabulary.fairseqTokens
        tokens = own.map(\.text) + tokens.dropFirst(3).dropLast()
        types = own.map(\.type) + types.dropFirst(3).dropLast()
        scores = scores.map { own.map { _ in 0 } + $0.dropFirst(3).dropLast() }
    }
}
