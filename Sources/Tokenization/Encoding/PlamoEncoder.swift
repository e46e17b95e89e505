import TensorCore

/// PLaMo 2's tokenizer: the pieces with the highest sum of scores.
///
/// Scores are rounded to steps of 1/10000; characters without a piece are bytes. Of equal sums, that
/// counts whose first piece is longest.
struct PlamoEncoder: FragmentEncoder {
    private var pieces: ByteStringTable
    private var tokens: [Int32] = []
    private var costs: [Int] = []
    /// The lengths that pieces have, longest first.
    private let lengths: [Int]
    private let fallback: ByteFallback

    /// What a character without a piece costs.
    private static let unknownCost = 10_000_000
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    init(_ vocabulary: Vocabulary) throws(TokenizationError) {
        guard let scores = vocabulary.scores else {
            throw TokenizationError(
                .missing("scores for the tokens"), place: "tokenizer.ggml.scores")
        }
        pieces = ByteStringTable(capacity: vocabulary.tokens.count)
        var lengths: Set<Int> = []
        for (id, token) in vocabulary.tokens.enumerated() where vocabulary.types[id] == .normal {
            let cost = -(Double(scores[id]) * 1e4).rounded(.toNearestOrAwayFromZero)
            guard cost.isFinite, abs(cost) < Double(Self.unknownCost) else { continue }
            let number = Int(pieces.insert(token.bytes))
            guard number >= 0 else { continue }
            lengths.insert(token.bytes.count)
            if number == tokens.count {
                tokens.append(0)
                costs.append(0)
            }
            tokens[number] = Int32(truncatingIfNeeded: id)
            costs[number] = Int(cost)
        }
        self.lengths = lengths.sorted(by: >)
        fallback = ByteFallback(vocabulary)
    }

    /// Appends the tokens of a fragment.
    ///
    /// O(n · number of lengths that pieces have).
    mutating func encode(
        fragment: UnsafeBufferPointer<UInt8>, isFirst: Bool, into output: inout [Int32]
    ) {
        let skipped =
            unsafe fragment.starts(with: Self.byteOrderMark) ? Self.byteOrderMark.count : 0
        let text = unsafe UnsafeBufferPointer(rebasing: fragment[skipped...])
        guard let base = text.baseAddress, !text.isEmpty else { return }
        let units = unsafe UTF8Units(bytes: text)
        var starts: [Int] = []
        var position = 0
        while position < text.count {
            starts.append(position)
            position += units.unit(at: position, end: text.count).byteCount
        }
        // For every position the cost of the rest, and the best first step.
        var rest = [Int](repeating: 0, count: text.count + 1)
        var steps = [(length: Int, piece: Int32)](
            repeating: (0, -1), count: text.count)
        for (index, start) in starts.enumerated().reversed() {
            let unit = (index + 1 < starts.count ? starts[index + 1] : text.count) - start
            var best = (cost: Int.max, length: unit, piece: Int32(-1))
            for length in lengths where length <= text.count - start {
                let number = unsafe pieces.number(of: base + start, count: length)
                guard number >= 0 else { continue }
                let cost = rest[start + length] + costs[Int(number)]
                if cost < best.cost { best = (cost, length, number) }
            }
            let cost = rest[start + unit] + Self.unknownCost
            if cost < best.cost { best = (cost, unit, -1) }
            rest[start] = best.cost
            steps[start] = (best.length, best.piece)
        }
        position = 0
        while position < text.count {
            let step = steps[position]
            if step.piece >= 0 {
                output.append(tokens[Int(step.piece)])
            } else {
                unsafe fallback.append(base + position, step.length, to: &output)
            }
            position += step.length
        }
    }
}
