/// The tokens of a vocabulary by their bytes, for finding those that a grammar allows.
public struct TokenTrie: Sendable {
    private struct Node: Sendable {
        let byte: UInt8
        /// Tokens that end here.
        var tokens: Range<Int> = 0..<0
        /// Where the node after this one's descendants stands.
        var next = 0
    }

    /// Nodes in the order of a walk: descendants follow their ancestor.
    private let nodes: [Node]
    private let depths: [Int]
    private let tokens: [Int32]
    /// The tokens that end a text.
    public let ends: Set<Int32>
    /// How many tokens the vocabulary has.
    public let count: Int

    /// Makes a trie.
    ///
    /// - Parameters:
    ///   - pieces: The bytes of each token in the order of the ids; empty ones are never allowed,
    ///     which is what control tokens should be.
    ///   - ends: The tokens that may stand where the grammar allows the end.
    /// - Complexity: O(n log n) in the number of tokens.
    public init(pieces: [[UInt8]], ends: Set<Int32>) {
        self.ends = ends
        count = pieces.count
        let order = pieces.indices.filter { !pieces[$0].isEmpty && !ends.contains(Int32($0)) }
            .sorted { pieces[$0].lexicographicallyPrecedes(pieces[$1]) }
        var nodes: [Node] = []
        var depths: [Int] = []
        var open: [Int] = []
        var before: [UInt8] = []
        for (position, index) in order.enumerated() {
            let piece = pieces[index]
            let common = zip(before, piece).prefix { $0 == $1 }.count
            while open.count > common {
                nodes[open.removeLast()].next = nodes.count
            }
            for byte in piece[common...] {
                open.append(nodes.count)
                depths.append(open.count)
                nodes.append(Node(byte: byte))
            }
            let last = open[open.count - 1]
            let start = nodes[last].tokens.isEmpty ? position : nodes[last].tokens.lowerBound
            nodes[last].tokens = start..<(position + 1)
            before = piece
        }
        while let last = open.popLast() { nodes[last].next = nodes.count }
        self.nodes = nodes
        self.depths = depths
        tokens = order.map { Int32($0) }
    }

    /// The tokens that can go on with a text; the ends where it may end.
    ///
    /// - Complexity: Linear in the bytes of tokens whose beginnings fit.
    func allowed(_ matcher: inout GrammarMatcher) -> [Bool] {
        matcher.allowWork()
        var result = [Bool](repeating: false, count: count)
        var path: [Int32] = [matcher.current]
        var index = 0
        while index < nodes.count {
            let node = nodes[index]
            path.removeLast(path.count - depths[index])
            let state = matcher.next(path[path.count - 1], node.byte)
            if matcher.isTooAmbiguous { break }
            guard state != GrammarMatcher.dead else {
                index = node.next
                continue
            }
            for token in tokens[node.tokens] { result[Int(token)] = true }
            path.append(state)
            index += 1
        }
        if matcher.isComplete {
            for end in ends where result.indices.contains(Int(end)) { result[Int(end)] = true }
        }
        return result
    }
}

/// Keeps a sequence of tokens to a grammar.
public struct TokenConstraint {
    private let trie: TokenTrie
    private let pieces: [[UInt8]]
    /// What control tokens are in the grammar.
    private let markers: [Int32: [UInt8]]
    private var matcher: GrammarMatcher
    /// What was found for states that come again, such as the inside of a string.
    private var known: [Int32: [Bool]] = [:]
    private var generation = 0
    private static let knownCountLimit = 64

    /// Starts at the beginning of a text.
    ///
    /// - Parameters:
    ///   - pieces: As `TokenTrie` was given them.
    ///   - markers: The bytes that stand for control tokens in the grammar.
    public init(
        _ grammar: Grammar, trie: TokenTrie, pieces: [[UInt8]], markers: [Int32: [UInt8]] = [:]
    ) {
        self.trie = trie
        self.pieces = pieces
        self.markers = markers
        matcher = GrammarMatcher(grammar)
    }

    /// Whether the text may end here.
    public var isComplete: Bool { matcher.isComplete }
    /// Whether nothing can follow.
    public var isAtEnd: Bool { matcher.isAtEnd }

    /// Whether the grammar allows so much at a time that the text cannot be followed; no token is
    /// accepted then.
    public var isTooAmbiguous: Bool { matcher.isTooAmbiguous }

    /// Which tokens may come next, by their ids.
    public mutating func allowed() -> [Bool] {
        matcher.forgetIfFull()
        if generation != matcher.generation || known.count >= Self.knownCountLimit {
            known = [:]
            generation = matcher.generation
        }
        if let mask = known[matcher.current] { return mask }
        var mask = trie.allowed(&matcher)
        for (token, bytes) in markers where mask.indices.contains(Int(token)) {
            mask[Int(token)] = matcher.allows(bytes)
        }
        known[matcher.current] = mask
        return mask
    }

    /// Goes on with a token; `false` where it does not fit, and nothing changes.
    public mutating func accept(_ token: Int32) -> Bool {
        if trie.ends.contains(token) { return matcher.isComplete }
        guard pieces.indices.contains(Int(token)) else { return false }
        let bytes = markers[token] ?? pieces[Int(token)]
        guard !bytes.isEmpty else { return false }
        matcher.allowWork()
        return matcher.accept(bytes)
    }
}
