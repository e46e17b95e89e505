import TensorCore

/// SentencePiece BPE: characters are joined as long as two neighbours together are a piece, the
/// piece with the highest score first, from left to right among equals.
struct SentencePieceBPEEncoder: FragmentEncoder {
    private let pieces: ByteStringTable
    /// Token and score of each piece of the table.
    private let tokens: [Int32]
    private let scores: [Float]
    private let fallback: ByteFallback
    private let addsSpacePrefix: Bool

    private struct Symbol {
        var start: Int
        var byteCount: Int
        var previous: Int
        var next: Int
    }

    private struct Candidate: Comparable {
        var score: Float
        var left: Int
        var byteCount: Int

        static func < (one: Candidate, other: Candidate) -> Bool {
            one.score != other.score ? one.score > other.score : one.left < other.left
        }
    }

    init(_ vocabulary: Vocabulary) throws(TokenizationError) {
        var vocabulary = vocabulary
        addsSpacePrefix = vocabulary.addsSpacePrefix
        if vocabulary.model == .sentencePieceMerges { vocabulary.scoreByMerges() }
        guard let scores = vocabulary.scores else {
            throw TokenizationError(
                .missing("scores for the tokens"), place: "tokenizer.ggml.scores")
        }
        var pieces = ByteStringTable(capacity: vocabulary.tokens.count)
        var tokens: [Int32] = []
        var kept: [Float] = []
        for (id, token) in vocabulary.tokens.enumerated() {
            let number = Int(pieces.insert(token.bytes))
            guard number >= 0 else { continue }
            if number == tokens.count {
                tokens.append(0)
                kept.append(0)
            }
            tokens[number] = Int32(truncatingIfNeeded: id)
            // A score that is no number would leave the order undefined.
            kept[number] = scores[id].isNaN ? -.infinity : scores[id]
        }
        self.pieces = pieces
        self.tokens = tokens
        self.scores = kept
        fallback = ByteFallback(vocabulary)
    }

    /// A space goes in front of the text and again after every special token.
    mutating func encode(
        fragment: UnsafeBufferPointer<UInt8>, isFirst: Bool, into output: inout [Int32]
    ) {
        let text = unsafe WhitespaceMark.escape(fragment, prefixed: addsSpacePrefix && isFirst)
        unsafe text.withUnsafeBufferPointer { unsafe encode($0, into: &output) }
    }

    /// Appends the tokens of a text in which spaces are marked.
    ///
    /// O(n log n).
    private func encode(_ text: UnsafeBufferPointer<UInt8>, into output: inout [Int32]) {
        guard let base = text.baseAddress, !text.isEmpty else { return }
        let units = unsafe UTF8Units(bytes: text)
        var symbols: [Symbol] = []
        var position = 0
        while position < text.count {
            let byteCount = units.unit(at: position, end: text.count).byteCount
            symbols.append(
                Symbol(
                    start: position, byteCount: byteCount, previous: symbols.count - 1,
                    next: symbols.count + 1))
            position += byteCount
        }
        symbols[symbols.count - 1].next = -1
        var queue = BinaryHeap<Candidate>()
        func propose(_ left: Int, _ right: Int) {
            guard left >= 0, right >= 0 else { return }
            let byteCount = symbols[left].byteCount + symbols[right].byteCount
            let number = unsafe pieces.number(of: base + symbols[left].start, count: byteCount)
            guard number >= 0 else { return }
            queue.insert(Candidate(score: scores[Int(number)], left: left, byteCount: byteCount))
        }
        for left in symbols.indices.dropLast() { propose(left, left + 1) }
        while let candidate = queue.popMin() {
            let left = candidate.left
            let right = symbols[left].next
            // A symbol that was joined to its left neighbour has no bytes any more.
            guard symbols[left].byteCount > 0, right >= 0,
                symbols[left].byteCount + symbols[right].byteCount == candidate.byteCount
            else { continue }
            symbols[left].byteCount = candidate.byteCount
            symbols[right].byteCount = 0
            let next = symbols[right].next
            symbols[left].next = next
            if next >= 0 { symbols[next].previous = left }
            propose(symbols[left].previous, left)
            propose(left, next)
        }
        for symbol in symbols where symbol.byteCount > 0 {
            let number = unsafe pieces.number(of: base + symbol.start, count: symbol.byteCount)
            if number >= 0 {
                output.append(tokens[Int(number)])
            } else {
                unsafe fallback.append(base + symbol.start, symbol.byteCount, to: &output)
            }
        }
    }
}
