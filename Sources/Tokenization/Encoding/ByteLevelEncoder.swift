import TensorCore

/// Byte-level BPE: words become bytes, neighbours are joined in the order of the merges' ranks.
///
/// It keeps a cache of the words it has seen.
struct ByteLevelEncoder: FragmentEncoder {
    private let table: MergeTable
    private let splitter: TextSplitter
    private let ignoresMerges: Bool
    private let unknown: Int32?
    private var cache = WordCache()
    private var symbols: [Int32] = []
    private var links: [(previous: Int32, next: Int32)] = []
    private var queue = BinaryHeap<Candidate>()

    /// Words up to this length are merged by searching all pairs: quicker than a queue.
    private static let shortWord = 24

    /// A pair that may be joined: lowest rank first, then from left to right.
    private struct Candidate: Comparable {
        var rank: Int32
        var position: Int32
        var left: Int32
        var right: Int32
        var result: Int32

        static func < (one: Candidate, other: Candidate) -> Bool {
            (one.rank, one.position) < (other.rank, other.position)
        }
    }

    init(_ vocabulary: Vocabulary) throws(TokenizationError) {
        guard let row = PreTokenizerName.row(named: vocabulary.pre) else {
            throw TokenizationError(
                .unknownPreTokenizerName(vocabulary.pre), place: "tokenizer.ggml.pre")
        }
        table = MergeTable(vocabulary)
        splitter = try TextSplitter(row)
        ignoresMerges = row.ignoresMerges
        unknown = vocabulary.specialIDs[.unk]
    }

    mutating func encode(
        fragment: UnsafeBufferPointer<UInt8>, isFirst: Bool, into output: inout [Int32]
    ) {
        var start = 0
        for end in unsafe splitter.ends(fragment) {
            unsafe encode(UnsafeBufferPointer(rebasing: fragment[start..<end]), into: &output)
            start = end
        }
    }

    /// Appends the tokens of one word.
    ///
    /// O(n log n) in its length.
    private mutating func encode(_ word: UnsafeBufferPointer<UInt8>, into output: inout [Int32]) {
        guard let base = word.baseAddress, !word.isEmpty else { return }
        if unsafe cache.append(base, word.count, to: &output) { return }
        let start = output.count
        unsafe encodeUncached(base, word.count, into: &output)
        unsafe cache.insert(base, word.count, output[start...])
    }

    private mutating func encodeUncached(
        _ base: UnsafePointer<UInt8>, _ count: Int, into output: inout [Int32]
    ) {
        if ignoresMerges {
            let symbol = unsafe table.symbols.number(of: base, count: count)
            if symbol >= 0, table.tokens[Int(symbol)] >= 0 {
                output.append(table.tokens[Int(symbol)])
                return
            }
        }
        symbols.removeAll(keepingCapacity: true)
        for index in 0..<count { unsafe symbols.append(table.byteSymbols[Int(base[index])]) }
        if count <= ByteLevelEncoder.shortWord { mergeShort() } else { mergeLong() }
        var position = 0
        for symbol in symbols where symbol >= 0 {
            let length = table.symbols.byteCount(of: symbol)
            unsafe emit(symbol, base + position, length, into: &output)
            position += length
        }
    }

    /// A symbol that is no token is written byte by byte; a byte that is none is unknown.
    private func emit(
        _ symbol: Int32, _ base: UnsafePointer<UInt8>, _ count: Int, into output: inout [Int32]
    ) {
        let token = table.tokens[Int(symbol)]
        if token >= 0 {
            output.append(token)
            return
        }
        for index in 0..<count {
            let token = unsafe table.tokens[Int(table.byteSymbols[Int(base[index])])]
            if token >= 0 {
                output.append(token)
            } else if let unknown {
                output.append(unknown)
            }
        }
    }

    private mutating func mergeShort() {
        var ranks: [MergeTable.Merge?] = []
        for index in symbols.indices.dropLast() {
            ranks.append(table.merge(symbols[index], symbols[index + 1]))
        }
        while true {
            var best = -1
            var bestRank = Int32.max
            for (index, merge) in ranks.enumerated() {
                if let merge, merge.rank < bestRank {
                    bestRank = merge.rank
                    best = index
                }
            }
            guard best >= 0, let merge = ranks[best] else { return }
            symbols[best] = merge.symbol
            symbols.remove(at: best + 1)
            ranks.remove(at: best)
            if best < ranks.count {
                ranks[best] = table.merge(symbols[best], symbols[best + 1])
            }
            if best > 0 { ranks[best - 1] = table.merge(symbols[best - 1], symbols[best]) }
        }
    }

    /// The same with a linked list and a queue.
    ///
    /// A joined-away symbol is marked -1.
    private mutating func mergeLong() {
        let count = symbols.count
        links.removeAll(keepingCapacity: true)
        queue.removeAll()
        for index in 0..<count {
            links.append((Int32(index) - 1, index + 1 < count ? Int32(index) + 1 : -1))
        }
        for index in 0..<(count - 1) { propose(Int32(index), Int32(index) + 1) }
        while let candidate = queue.popMin() {
            let left = Int(candidate.position)
            let right = Int(links[left].next)
            // Candidates whose symbols have changed since are stale.
            guard right >= 0, symbols[left] == candidate.left, symbols[right] == candidate.right
            else { continue }
            symbols[left] = candidate.result
            symbols[right] = -1
            let next = links[right].next
            links[left].next = next
            if next >= 0 {
                links[Int(next)].previous = Int32(left)
                propose(Int32(left), next)
            }
            if links[left].previous >= 0 { propose(links[left].previous, Int32(left)) }
        }
    }

    private mutating func propose(_ left: Int32, _ right: Int32) {
        let (first, second) = (symbols[Int(left)], symbols[Int(right)])
        guard let merge = table.merge(first, second) else { return }
        queue.insert(
            Candidate(
                rank: merge.rank, position: left, left: first, right: second,
                result: merge.symbol))
    }
}
