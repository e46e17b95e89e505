import TensorCore

/// The model of a `tokenizer.json`: the tokens of one word.
enum ReferenceModel {
    case bpe(ReferenceBPE)
    case unigram(ReferenceUnigram)
    /// With `marksWords` beginnings of words are marked, as in GGUF, and not the rest of them.
    case wordPiece(ids: [ByteString: Int32], HFModel.WordPiece, marksWords: Bool)
    case wordLevel(ids: [ByteString: Int32], unknownToken: ByteString)

    /// - Parameter marksWords: Whether WordPiece marks words as GGUF does.
    /// - Throws: `TokenizationError` when the model cannot be loaded.
    init(_ model: HFModel, marksWords: Bool = false) throws(TokenizationError) {
        func ids(_ vocabulary: [(token: ByteString, id: Int)]) -> [ByteString: Int32] {
            var ids: [ByteString: Int32] = [:]
            ids.reserveCapacity(vocabulary.count)
            for (token, id) in vocabulary { ids[token] = Int32(truncatingIfNeeded: id) }
            return ids
        }
        switch model {
        case .bpe(let bpe): self = .bpe(try ReferenceBPE(bpe, ids(bpe.vocabulary)))
        case .unigram(let unigram): self = .unigram(ReferenceUnigram(unigram))
        case .wordPiece(let wordPiece):
            self = .wordPiece(
                ids: ids(wordPiece.vocabulary), wordPiece, marksWords: marksWords)
        case .wordLevel(let wordLevel):
            self = .wordLevel(
                ids: ids(wordLevel.vocabulary), unknownToken: wordLevel.unknownToken)
        }
    }

    /// The id of every token.
    var ids: [ByteString: Int32] {
        switch self {
        case .bpe(let bpe): bpe.ids
        case .unigram(let unigram): unigram.ids
        case .wordPiece(let ids, _, _): ids
        case .wordLevel(let ids, _): ids
        }
    }

    /// The tokens of a word.
    ///
    /// - Throws: `TokenizationError` where the definition has no unknown token and needs one.
    func encode(_ word: [UInt32]) throws(TokenizationError) -> [Int32] {
        switch self {
        case .bpe(let bpe): return try bpe.encode(word)
        case .unigram(let unigram): return try unigram.encode(word)
        case .wordPiece(let ids, let model, let marksWords):
            return try ReferenceModel.pieces(word, ids, model, marksWords: marksWords)
        case .wordLevel(let ids, let unknownToken):
            let text = ByteString(bytes: ReferenceText.bytes(word))
            if let id = ids[text] { return [id] }
            return [try ReferenceModel.unknown(unknownToken, ids)]
        }
    }

    static func unknown(
        _ token: ByteString, _ ids: [ByteString: Int32]
    ) throws(TokenizationError) -> Int32 {
        guard let id = ids[token] else {
            throw TokenizationError(
                .missing("the unknown token \"\(token)\" in the vocabulary"), place: "model")
        }
        return id
    }

    /// The longest piece from the beginning on, again and again.
    private static func pieces(
        _ word: [UInt32], _ ids: [ByteString: Int32], _ model: HFModel.WordPiece, marksWords: Bool
    ) throws(TokenizationError) -> [Int32] {
        let unknown = [try unknown(model.unknownToken, ids)]
        guard word.count <= model.characterLimit else { return unknown }
        let prefix = model.continuingSubwordPrefix.bytes
        let mark = ReferenceText.scalars("▁")
        let word = marksWords ? mark + word : word
        func id(_ start: Int, _ end: Int) -> Int32? {
            let text = word[start..<end]
            if marksWords, text.starts(with: mark) {
                return ids[ByteString(bytes: ReferenceText.bytes(text.dropFirst()))]
            }
            let isInside = marksWords || start > 0
            return ids[ByteString(bytes: (isInside ? prefix : []) + ReferenceText.bytes(text))]
        }
        var result: [Int32] = []
        var start = 0
        while start < word.count {
            guard let end = (start + 1...word.count).last(where: { id(start, $0) != nil }),
                let piece = id(start, end)
            else { return unknown }
            result.append(piece)
            start = end
        }
        return result
    }

    /// The byte tokens `<0x0A>` of a text, or `nil` when one is missing.
    static func byteTokens(_ text: [UInt8], _ ids: [ByteString: Int32]) -> [Int32]? {
        var result: [Int32] = []
        for byte in text {
            let digits = String(byte, radix: 16, uppercase: true)
            let name = "<0x" + (digits.count == 1 ? "0" : "") + digits + ">"
            guard let id = ids[ByteString(name)] else { return nil }
            result.append(id)
        }
        return result
    }
}

/// Byte-pair encoding by the book: the pair of lowest rank is joined, the leftmost of several, until
/// none is left.
struct ReferenceBPE {
    private struct Pair: Hashable {
        var left: Int32
        var right: Int32
    }

    let ids: [ByteString: Int32]
    private let model: HFModel.BPE
    private var merges: [Pair: (rank: Int, id: Int32)] = [:]

    /// - Throws: `TokenizationError` for a merge whose parts or result are no tokens.
    init(_ model: HFModel.BPE, _ ids: [ByteString: Int32]) throws(TokenizationError) {
        self.model = model
        self.ids = ids
        let prefixCount = model.continuingSubwordPrefix?.bytes.count ?? 0
        merges.reserveCapacity(model.merges.count)
        for (rank, merge) in model.merges.enumerated() {
            let parts: (left: ByteString, right: ByteString)
            if let spaced = model.spacedMerges[rank] {
                parts = spaced
            } else if let (left, right) = merge.mergeParts {
                parts = (ByteString(left), ByteString(right))
            } else {
                throw TokenizationError(
                    .malformedMerge(merge.description), place: "model.merges[\(rank)]")
            }
            let whole = ByteString(
                bytes: parts.left.bytes + parts.right.bytes.dropFirst(prefixCount))
            guard let left = ids[parts.left], let right = ids[parts.right], let id = ids[whole]
            else {
                throw TokenizationError(
                    .missing("\"\(parts.left)\", \"\(parts.right)\" and \"\(whole)\" as tokens"),
                    place: "model.merges[\(rank)]")
            }
            merges[Pair(left: left, right: right)] = (rank, id)
        }
    }

    func encode(_ word: [UInt32]) throws(TokenizationError) -> [Int32] {
        if model.ignoreMerges, let id = ids[ByteString(bytes: ReferenceText.bytes(word))] {
            return [id]
        }
        var symbols = try symbols(word)
        while true {
            var best: (rank: Int, id: Int32, index: Int)?
            for index in symbols.indices.dropLast() {
                let pair = Pair(left: symbols[index], right: symbols[index + 1])
                if let merge = merges[pair], merge.rank < best?.rank ?? .max {
                    best = (merge.rank, merge.id, index)
                }
            }
            guard let best else { return symbols }
            symbols[best.index] = best.id
            symbols.remove(at: best.index + 1)
        }
    }

    /// The tokens of the word's characters.
    private func symbols(_ word: [UInt32]) throws(TokenizationError) -> [Int32] {
        var symbols: [Int32] = []
        var pendingUnknown: Int32?
        for (index, scalar) in word.enumerated() {
            var text = ReferenceText.bytes([scalar])
            if index > 0, let prefix = model.continuingSubwordPrefix { text = prefix.bytes + text }
            if index == word.count - 1, let suffix = model.endOfWordSuffix { text += suffix.bytes }
            if let id = ids[ByteString(bytes: text)] {
                if let unknown = pendingUnknown { symbols.append(unknown) }
                pendingUnknown = nil
                symbols.append(id)
            } else if model.byteFallback, let bytes = ReferenceModel.byteTokens(text, ids) {
                symbols += bytes
            } else if let token = model.unknownToken {
                if let unknown = pendingUnknown, !model.fusesUnknown { symbols.append(unknown) }
                pendingUnknown = try ReferenceModel.unknown(token, ids)
            }
            // Without an unknown token the character is lost.
        }
        if let unknown = pendingUnknown { symbols.append(unknown) }
        return symbols
    }
}

/// SentencePiece's unigram model as `tokenizers` run it: the segmentation with the highest sum.
struct ReferenceUnigram {
    let ids: [ByteString: Int32]
    private let model: HFModel.Unigram
    private let unknownScore: Double
    private let longest: Int

    init(_ model: HFModel.Unigram) {
        self.model = model
        var ids: [ByteString: Int32] = [:]
        for (id, piece) in model.vocabulary.enumerated() {
            ids[piece.token] = Int32(truncatingIfNeeded: id)
        }
        self.ids = ids
        unknownScore = Double(model.vocabulary.map(\.score).min() ?? 0) - 10
        longest = model.vocabulary.map(\.token.bytes.count).max() ?? 0
    }

    func encode(_ word: [UInt32]) throws(TokenizationError) -> [Int32] {
        let characters = word.map { ReferenceText.bytes([$0]) }
        struct Step {
            var score: Double
            var start: Int
            var isUnknown: Bool
        }
        var best = [Step?](repeating: nil, count: word.count + 1)
        best[0] = Step(score: 0, start: 0, isUnknown: false)
        for start in characters.indices {
            let here = best[start]?.score ?? 0
            func offer(_ end: Int, _ score: Double, isUnknown: Bool) {
                if let other = best[end], other.score >= here + score { return }
                best[end] = Step(score: here + score, start: start, isUnknown: isUnknown)
            }
            var text: [UInt8] = []
            var hasSingle = false
            for end in (start + 1)...characters.count {
                text += characters[end - 1]
                if text.count > longest { break }
                guard let id = ids[ByteString(bytes: text)] else { continue }
                let isUnknown = model.unknownID.map { $0 == id } ?? false
                offer(end, Double(model.vocabulary[Int(id)].score), isUnknown: isUnknown)
                if end == start + 1 { hasSingle = true }
            }
            if !hasSingle {
                guard model.unknownID != nil else {
                    throw TokenizationError(.missing("an unknown token"), place: "model.unk_id")
                }
                offer(start + 1, unknownScore, isUnknown: true)
            }
        }
        return try tokens(characters, best.map { $0.map { ($0.start, $0.isUnknown) } })
    }

    /// Follows the best steps back; neighbouring unknown characters are one piece.
    private func tokens(
        _ characters: [[UInt8]], _ best: [(start: Int, isUnknown: Bool)?]
    ) throws(TokenizationError) -> [Int32] {
        var pieces: [(text: [UInt8], isUnknown: Bool)] = []
        var end = characters.count
        while end > 0, let step = best[end] {
            let text = Array(characters[step.start..<end].joined())
            if step.isUnknown, let last = pieces.last, last.isUnknown {
                pieces[pieces.count - 1].text = text + last.text
            } else {
                pieces.append((text, step.isUnknown))
            }
            end = step.start
        }
        var result: [Int32] = []
        for piece in pieces.reversed() {
            if let id = ids[ByteString(bytes: piece.text)] {
                result.append(id)
            } else if model.byteFallback,
                let bytes = ReferenceModel.byteTokens(piece.text, ids)
            {
                result += bytes
            } else if let unknown = model.unknownID {
                result.append(Int32(truncatingIfNeeded: unknown))
            } else {
                throw TokenizationError(.missing("an unknown token"), place: "model.unk_id")
            }
        }
        return result
    }
}
