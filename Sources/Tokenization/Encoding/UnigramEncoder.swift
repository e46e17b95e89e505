import TensorCore

/// SentencePiece's unigram model: the segmentation with the highest sum of scores (Viterbi).
struct UnigramEncoder: Sendable {
    private let pieces: ByteStringTable
    private let tokens: [Int32]
    private let scores: [Float]
    /// The lengths that pieces have, ascending.
    private let lengths: [Int]
    private let unknownScore: Float
    private let fallback: ByteFallback
    private let removesExtraWhitespace: Bool
    private let normalizer: CompiledCharacterMap?

    /// What a character without a piece costs below the worst piece, as SentencePiece has it.
    private static let unknownPenalty: Float = 10

    init(_ vocabulary: Vocabulary) throws(TokenizationError) {
        guard let scores = vocabulary.scores else {
            throw TokenizationError(
                .missing("scores for the tokens"), place: "tokenizer.ggml.scores")
        }
        var pieces = ByteStringTable(capacity: vocabulary.tokens.count)
        var tokens: [Int32] = []
        var kept: [Float] = []
        var least = Float.infinity
        var lengths: Set<Int> = []
        for (id, token) in vocabulary.tokens.enumerated() {
            guard vocabulary.types[id] == .normal || vocabulary.types[id] == .userDefined else {
                continue
            }
            let number = Int(pieces.insert(token.bytes))
            guard number >= 0 else { continue }
            lengths.insert(token.bytes.count)
            if number == tokens.count {
                tokens.append(0)
                kept.append(0)
            }
            tokens[number] = Int32(truncatingIfNeeded: id)
            // User-defined pieces always win; a score that is no number never does.
            let score = scores[id].isNaN ? -Float.greatestFiniteMagnitude : scores[id]
            kept[number] = vocabulary.types[id] == .userDefined ? 0 : score
            if vocabulary.types[id] == .normal { least = min(least, kept[number]) }
        }
        self.pieces = pieces
        self.tokens = tokens
        self.scores = kept
        self.lengths = lengths.sorted()
        unknownScore = (least.isFinite ? least : 0) - UnigramEncoder.unknownPenalty
        fallback = ByteFallback(vocabulary)
        removesExtraWhitespace = vocabulary.removeExtraWhitespaces ?? false
        normalizer = try vocabulary.precompiledCharsmap.map {
            bytes throws(TokenizationError) in try CompiledCharacterMap(bytes)
        }
    }

    /// Appends the tokens of a text.
    ///
    /// O(n · number of lengths that pieces have).
    func encode(
        _ text: UnsafeBufferPointer<UInt8>, prefixed: Bool, into output: inout [Int32]
    ) {
        let normalized = normalize(text, prefixed: prefixed)
        normalized.withUnsafeBufferPointer { bytes in
            if let base = bytes.baseAddress, !bytes.isEmpty {
                segment(base, bytes, into: &output)
            }
        }
    }

    private func normalize(_ text: UnsafeBufferPointer<UInt8>, prefixed: Bool) -> [UInt8] {
        var mapped = normalizer?.map(text) ?? Array(text)
        if removesExtraWhitespace {
            var kept: [UInt8] = []
            for byte in mapped
            where byte != UInt8(ascii: " ")
                || (!kept.isEmpty && kept.last != UInt8(ascii: " "))
            { kept.append(byte) }
            if kept.last == UInt8(ascii: " ") { kept.removeLast() }
            mapped = kept
        }
        guard !mapped.isEmpty else { return [] }
        return mapped.withUnsafeBufferPointer { WhitespaceMark.escape($0, prefixed: prefixed) }
    }

    private func segment(
        _ base: UnsafePointer<UInt8>, _ bytes: UnsafeBufferPointer<UInt8>,
        into output: inout [Int32]
    ) {
        struct Step {
            var score: Double = -.infinity
            var start = -1
            /// The piece, -1 for an unknown character.
            var piece: Int32 = -1
        }
        let units = UTF8Units(bytes: bytes)
        var best = [Step](repeating: Step(), count: bytes.count + 1)
        best[0].score = 0
        var position = 0
        while position < bytes.count {
            let here = best[position].score
            let unit = units.unit(at: position, end: bytes.count).byteCount
            var hasSingle = false
            for length in lengths {
                guard length <= bytes.count - position else { break }
                let number = pieces.number(of: base + position, count: length)
                guard number >= 0 else { continue }
                if length == unit { hasSingle = true }
                let score = here + Double(scores[Int(number)])
                if score > best[position + length].score {
                    best[position + length] = Step(score: score, start: position, piece: number)
                }
            }
            if !hasSingle, here + Double(unknownScore) > best[position + unit].score {
                best[position + unit] = Step(
                    score: here + Double(unknownScore), start: position, piece: -1)
            }
            position += unit
        }
        var steps: [(step: Step, end: Int)] = []
        var end = bytes.count
        while end > 0, best[end].start >= 0 {
            steps.append((best[end], end))
            end = best[end].start
        }
        var isUnknown = false
        for (step, end) in steps.reversed() {
            if step.piece >= 0 {
                output.append(tokens[Int(step.piece)])
                isUnknown = false
            } else if fallback.isComplete {
                fallback.append(base + step.start, end - step.start, to: &output)
            } else {
                // Neighbouring unknown characters are one token.
                if !isUnknown, let unknown = fallback.unknown { output.append(unknown) }
                isUnknown = true
            }
        }
    }
}
