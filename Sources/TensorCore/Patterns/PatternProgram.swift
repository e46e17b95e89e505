/// A pattern as instructions for a search.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        /// A byte of the set.
        case bytes(ByteSet)
        /// Goes on elsewhere.
        case jump(Int)
        /// Tries the first way, then the second.
        case choice(Int, Int)
        /// Once more through the body, or on; a lazy one tries these in the other order.
        case loop(body: Int, exit: Int, isLazy: Bool)
        case open(Int)
        case close(Int)
        case backReference(Int)
        case lineStart
        case lineEnd
        case wordBoundary(isNegated: Bool)
        /// Looks whether the instructions that follow match; then goes on at `exit`.
        case lookahead(exit: Int, isNegated: Bool)
        case accept
    }

    private(set) var instructions: [Instruction] = []
    /// Groups are numbered from 1 to this.
    let groupCount: Int
    /// Whether it matters what the groups matched.
    private(set) var hasBackReferences = false

    /// Repetitions with bounds are written out.
    static let largestStateCount = 100_000
    private var stateCount = 0

    init(_ node: PatternNode, groupCount: Int, of source: String) throws(PatternError) {
        self.groupCount = groupCount
        try append(node, of: source)
        instructions.append(.accept)
    }

    private mutating func append(_ node: PatternNode, of source: String) throws(PatternError) {
        stateCount += 1
        guard stateCount <= Self.largestStateCount else {
            throw PatternError(.tooLarge(limit: Self.largestStateCount), pattern: source)
        }
        switch node {
        case .bytes(let set): instructions.append(.bytes(set))
        case .sequence(let terms): for term in terms { try append(term, of: source) }
        case .alternatives(let choices): try append(choices, of: source)
        case .group(let number, let inside):
            instructions.append(.open(number))
            try append(inside, of: source)
            instructions.append(.close(number))
        case .backReference(let number):
            hasBackReferences = true
            instructions.append(.backReference(number))
        case .repeated(let body, let minimum, let maximum, let isLazy):
            for _ in 0..<minimum { try append(body, of: source) }
            try append(
                optional: body, count: maximum.map { $0 - minimum }, isLazy: isLazy, of: source)
        case .oneOrMore(let body, let isLazy):
            let start = instructions.count
            try append(body, of: source)
            instructions.append(
                .loop(body: start, exit: instructions.count + 1, isLazy: isLazy))
        case .lineStart: instructions.append(.lineStart)
        case .lineEnd: instructions.append(.lineEnd)
        case .wordBoundary(let isNegated):
            instructions.append(.wordBoundary(isNegated: isNegated))
        case .lookahead(let inside, let isNegated):
            let place = instructions.count
            instructions.append(.accept)
            try append(inside, of: source)
            instructions.append(.accept)
            instructions[place] = .lookahead(exit: instructions.count, isNegated: isNegated)
        }
    }

    private mutating func append(
        _ choices: [PatternNode], of source: String
    ) throws(PatternError) {
        var jumps: [Int] = []
        for choice in choices.dropLast() {
            let place = instructions.count
            instructions.append(.accept)
            try append(choice, of: source)
            jumps.append(instructions.count)
            instructions.append(.accept)
            instructions[place] = .choice(place + 1, instructions.count)
        }
        try append(choices[choices.count - 1], of: source)
        for jump in jumps { instructions[jump] = .jump(instructions.count) }
    }

    /// Appends what may come so many times more; `nil` for any number of times.
    private mutating func append(
        optional body: PatternNode, count: Int?, isLazy: Bool, of source: String
    ) throws(PatternError) {
        guard let count else {
            let place = instructions.count
            instructions.append(.accept)
            try append(body, of: source)
            instructions.append(.jump(place))
            instructions[place] = .loop(
                body: place + 1, exit: instructions.count, isLazy: isLazy)
            return
        }
        var loops: [Int] = []
        for _ in 0..<count {
            loops.append(instructions.count)
            instructions.append(.accept)
            try append(body, of: source)
        }
        for place in loops {
            instructions[place] = .loop(
                body: place + 1, exit: instructions.count, isLazy: isLazy)
        }
    }
}
