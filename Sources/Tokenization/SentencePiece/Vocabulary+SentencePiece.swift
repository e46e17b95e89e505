import TensorCore

extension Vocabulary {
    /// The vocabulary of a SentencePiece model with the tokens that the directory adds.
    ///
    /// Where several files speak of one id, the later wins: the model's pieces,
    /// `added_tokens.json`, `added_tokens_decoder` of `tokenizer_config.json`. Ids at or above
    /// `size` are dropped, as the peer does: the model has no embedding for them.
    init(
        sentencePiece model: SentencePieceModel, size: Int?, addedTokens: JSON?,
        tokenizerConfig: JSON?, file: String
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
        let count = size ?? model.pieces.count
        var tokens = (0..<count).map { ByteString.padding($0) }
        var scores = [Float](repeating: -10000, count: count)
        var types = [TokenType](repeating: .unused, count: count)
        for (id, piece) in model.pieces.prefix(count).enumerated() {
            tokens[id] = piece.text
            scores[id] = piece.score
            // A piece that the model calls user-defined is an ordinary token in GGUF unless one of
            // the other files adds it.
            types[id] =
                piece.type == .userDefined
                ? .normal : TokenType(rawValue: Int32(piece.type.rawValue)) ?? .normal
        }
        for member in addedTokens?.members ?? [] {
            guard let id = member.value.integer else {
                throw TokenizationError(
                    .wrongKind(found: member.value.kindName, expected: "an integer"),
                    file: "added_tokens.json", place: member.key.description)
            }
            guard (0..<count).contains(id) else { continue }
            tokens[id] = member.key
            scores[id] = -1000
            types[id] = .userDefined
        }
        for member in tokenizerConfig?["added_tokens_decoder"]?.members ?? [] {
            guard let id = Int(member.key.description), (0..<count).contains(id),
                let content = member.value["content"]?.bytes
            else { continue }
            if member.value["special"]?.boolean ?? false || content.looksSpecial {
                (tokens[id], types[id]) = (content, .control)
            } else {
                (tokens[id], types[id]) = (content.withSpaces, .userDefined)
            }
            scores[id] = -1000
        }
        self.init(model: kind, tokens: tokens, scores: scores, types: types)
        if kind == .unigram || !model.addDummyPrefix { addSpacePrefix = model.addDummyPrefix }
        if kind == .unigram {
            removeExtraWhitespaces = model.removeExtraWhitespaces
            if !model.precompiledCharsmap.isEmpty {
                precompiledCharsmap = model.precompiledCharsmap
            }
        }
    }

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
            sentencePiece: model, size: max(size ?? 0, model.pieces.count), addedTokens: nil,
            tokenizerConfig: nil, file: file)
        let own: [(ByteString, TokenType)] = [
            ("<s>", .control), ("<pad>", .control), ("</s>", .control), ("<unk>", .unknown),
        ]
        tokens = own.map(\.0) + tokens.dropFirst(3).dropLast()
        types = own.map(\.1) + types.dropFirst(3).dropLast()
        scores = scores.map { own.map { _ in 0 } + $0.dropFirst(3).dropLast() }
    }
}
