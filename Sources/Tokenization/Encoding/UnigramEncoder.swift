import TensorCore

/// SentencePiece's unigram model: the segmentation with the highest sum of scores (Viterbi).
struct UnigramEncoder: FragmentEncoder {
    private let pieces: ByteStringTable
    private let tokens: [Int32]
    private let scores: [Float]
    private let verbatim: VerbatimPieces
    /// The lengths that pieces have, ascending.
    private let lengths: [Int]
    private let unknownScore: Float
    private let fallback: ByteFallback
    private let addsSpacePrefix: Bool
    private let removesExtraWhitespace: Bool
    private let normalizer: CompiledCharacterMap

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
        var lengths: Set<Int> = []
        let range = UnigramEncoder.range(of: scores, vocabulary)
        verbatim = VerbatimPieces(vocabulary, scores)
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
            // Taken literally, a piece beats all that its bytes could be made of; a score that is no
            // number never wins.
            if vocabulary.isVerbatim(id, scores) {
                kept[number] = Float(token.bytes.count) * range.upperBound - 0.1
            } else {
                kept[number] = scores[id].isNaN ? -Float.greatestFiniteMagnitude : scores[id]
            }
        }
        self.pieces = pieces
        self.tokens = tokens
        self.scores = kept
        self.lengths = lengths.sorted()
        unknownScore = range.lowerBound - UnigramEncoder.unknownPenalty
        fallback = ByteFallback(vocabulary)
        addsSpacePrefix = vocabulary.addsSpacePrefix
        removesExtraWhitespace = vocabulary.removeExtraWhitespaces ?? false
        normalizer =
            try vocabulary.precompiledCharsmap.map {
                bytes throws(TokenizationError) in try CompiledCharacterMap(bytes)
            } ?? .identity
    }

    /// The lowest and the highest score of the learned pieces.
    private static func range(of scores: [Float], _ vocabulary: Vocabulary) -> ClosedRange<Float> {
        var (least, most) = (Float.infinity, -Float.infinity)
        for (id, type) in vocabulary.types.enumerated() where type == .normal {
            let isKnown = scores[id].isFinite && !vocabulary.isVerbatim(id, scores)
            guard isKnown else { continue }
            least = min(least, scores[id])
            most = max(most, scores[id])
        }
        return least <= most ? least...most : 0...0
    }

    /// Appends the tokens of a fragment, whatever is in front of it.
    ///
    /// O(n · number of lengths that pieces have).
    mutating func encode(
        fragment: UnsafeBufferPointer<UInt8>, isFirst: Bool, into output: inout [Int32]
    ) {
        let normalized = unsafe normalize(fragment)
        unsafe normalized.withUnsafeBufferPointer { bytes in
            if let base = bytes.baseAddress, !bytes.isEmpty {
                unsafe segment(base, bytes, into: &output)
            }
        }
    }

    private func normalize(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        guard !text.isEmpty else { return [] }
        var mapped = unsafe normalizer.map(text) { unsafe verbatim.byteCount(in: text, at: $0) }
        if removesExtraWhitespace {
            var kept: [UInt8] = []
            kept.reserveCapacity(mapped.count)
            for byte in mapped
            where byte != UInt8(ascii: " ")
                || (!kept.isEmpty && kept.last != UInt8(ascii: " "))
            { kept.append(byte) }
            mapped = kept
        }
        var marked = unsafe mapped.withUnsafeBufferPointer {
            unsafe WhitespaceMark.escape($0, prefixed: addsSpacePrefix)
        }
        // At the end go marks that the text itself had, too.
        while removesExtraWhitespace, marked.suffix(3).elementsEqual(WhitespaceMark.bytes) {
            marked.removeLast(3)
        }
        return marked
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
        let units = unsafe UTF8Units(bytes: bytes)
        var best = [Step](repeating: Step(), count: bytes.count + 1)
        best[0].score = 0
        var position = 0
        while position < bytes.count {
            let here = best[position].score
            let unit = units.unit(at: position, end: bytes.count).byteCount
            var hasSingle = false
            for length in lengths {
                guard length <= bytes.count - position else { break }
                let number = unsafe pieces.number(of: base + position, count: length)
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
                unsafe fallback.append(base + step.start, end - step.start, to: &output)
            } else {
                // Neighbouring unknown characters are one token.
                if !isUnknown, let unknown = fallback.unknown { output.append(unknown) }
                isUnknown = true
            }
        }
    }
}

/// The pieces that are taken as they stand: normalization leaves them alone.
private struct VerbatimPieces: Sendable {
    private var pieces = ByteStringTable(capacity: 0)
    private var firstBytes = [Bool](repeating: false, count: 256)
    /// Their lengths, longest first.
    private let lengths: [Int]

    init(_ vocabulary: Vocabulary, _ scores: [Float]) {
        var lengths: Set<Int> = []
        for (id, token) in vocabulary.tokens.enumerated() where vocabulary.isVerbatim(id, scores) {
            guard let first = token.bytes.first else { continue }
            _ = pieces.insert(token.bytes)
            firstBytes[Int(first)] = true
            lengths.insert(token.bytes.count)
        }
        self.lengths = lengths.sorted(by: >)
    }

    /// The length of the longest of them that begins at `position`; 0 for none.
    func byteCount(in text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int {
        guard unsafe firstBytes[Int(text[position])], let base = text.baseAddress else { return 0 }
        return lengths.first { length in
            unsafe length <= text.count - position
                && pieces.number(of: base + position, count: length) >= 0
        } ?? 0
    }
}

extension Vocabulary {
    /// Whether a token of a unigram model was given to it instead of learned.
    ///
    /// Converters write the pieces that a SentencePiece model calls user-defined as ordinary ones;
    /// their score tells, because a learned piece's is the logarithm of a probability below 1.
    fileprivate func isVerbatim(_ id: Int, _ scores: [Float]) -> Bool {
        types[id] == .userDefined || types[id] == .normal && scores[id] == 0
    }
}
