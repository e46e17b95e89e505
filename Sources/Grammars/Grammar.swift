/// Rules that a text has to follow, over its bytes.
public struct Grammar: Sendable {
    /// A step of a rule.
    enum Symbol: Sendable {
        /// One byte of a set.
        case bytes(ByteSet)
        /// All that a rule allows.
        case rule(Int)
        /// The end of an alternative.
        case end
    }

    /// A set of bytes.
    struct ByteSet: Sendable, Hashable {
        private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

        mutating func insert(_ range: ClosedRange<UInt8>) {
            for byte in range {
                let bit: UInt64 = 1 << UInt64(byte & 63)
                switch byte >> 6 {
                case 0: words.0 |= bit
                case 1: words.1 |= bit
                case 2: words.2 |= bit
                default: words.3 |= bit
                }
            }
        }

        func contains(_ byte: UInt8) -> Bool {
            let word =
                switch byte >> 6 {
                case 0: words.0
                case 1: words.1
                case 2: words.2
                default: words.3
                }
            return word >> UInt64(byte & 63) & 1 != 0
        }

        static func == (left: ByteSet, right: ByteSet) -> Bool { left.words == right.words }

        func hash(into hasher: inout Hasher) {
            hasher.combine(words.0)
            hasher.combine(words.1)
            hasher.combine(words.2)
            hasher.combine(words.3)
        }
    }

    /// All alternatives, one after the other, each closed by `end`.
    let symbols: [Symbol]
    /// Where the alternatives of each rule begin.
    let alternatives: [[Int]]
    /// The rule that a whole text follows.
    let root: Int

    /// The most symbols of a grammar.
    public static let symbolCountLimit = 1 << 18

    /// Makes a grammar of named patterns.
    ///
    /// - Throws: `GrammarError` for rules that are missing or begin with themselves, and for
    ///   grammars that are too large.
    init(rules: [(name: String, pattern: Pattern)], root: String) throws(GrammarError) {
        var compiler = GrammarCompiler(names: rules.map(\.name))
        for (index, rule) in rules.enumerated() { try compiler.define(index, rule.pattern) }
        self.root = try compiler.index(of: root)
        (symbols, alternatives) = (compiler.symbols, compiler.alternatives)
        try compiler.checkRecursion()
    }
}

/// Turns patterns into rules of bytes.
struct GrammarCompiler {
    private(set) var symbols: [Grammar.Symbol] = []
    private(set) var alternatives: [[Int]] = []
    private var names: [String]
    private var indices: [String: Int] = [:]
    /// Rules made for patterns, so that equal ones are made once.
    private var known: [Pattern: Int] = [:]
    /// Rules made for repetitions without end.
    private var loops: Set<Int> = []
    private var depth = 0

    init(names: [String]) {
        self.names = names
        alternatives = [[Int]](repeating: [], count: names.count)
        for (index, name) in names.enumerated() { indices[name] = index }
    }

    func index(of name: String) throws(GrammarError) -> Int {
        guard let index = indices[name] else { throw GrammarError(.undefinedRule(name)) }
        return index
    }

    /// Gives a rule its alternatives.
    mutating func define(_ rule: Int, _ pattern: Pattern) throws(GrammarError) {
        if case .choice(let choices) = pattern {
            for choice in choices { try add(try sequence(choice), to: rule) }
        } else {
            try add(try sequence(pattern), to: rule)
        }
    }

    private mutating func add(
        _ sequence: [Grammar.Symbol], to rule: Int
    ) throws(GrammarError) {
        guard symbols.count + sequence.count < Grammar.symbolCountLimit else {
            throw Self.tooLarge
        }
        alternatives[rule].append(symbols.count)
        symbols += sequence
        symbols.append(.end)
    }

    private static let tooLarge = GrammarError(
        .tooLarge("a grammar of more than \(Grammar.symbolCountLimit) symbols"))

    private mutating func newRule() -> Int {
        alternatives.append([])
        names.append("part \(alternatives.count)")
        return alternatives.count - 1
    }

    private mutating func sequence(_ pattern: Pattern) throws(GrammarError) -> [Grammar.Symbol] {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 200 else { throw GrammarError(.tooLarge("more than 200 levels of groups")) }
        switch pattern {
        case .literal(let bytes):
            return bytes.map { byte in
                var set = Grammar.ByteSet()
                set.insert(byte...byte)
                return .bytes(set)
            }
        case .scalars(let ranges): return try scalars(ranges, pattern)
        case .sequence(let parts):
            var result: [Grammar.Symbol] = []
            for part in parts {
                result += try sequence(part)
                guard result.count < Grammar.symbolCountLimit else { throw Self.tooLarge }
            }
            return result
        case .choice(let choices):
            if choices.count == 1 { return try sequence(choices[0]) }
            return [.rule(try rule(for: pattern))]
        case .repetition(let part, let minimum, let maximum):
            return try repeated(part, minimum, maximum)
        case .rule(let name): return [.rule(try index(of: name))]
        }
    }

    private mutating func rule(for pattern: Pattern) throws(GrammarError) -> Int {
        if let index = known[pattern] { return index }
        let index = newRule()
        known[pattern] = index
        try define(index, pattern)
        return index
    }

    private mutating func scalars(
        _ ranges: [ClosedRange<UInt32>], _ pattern: Pattern
    ) throws(GrammarError) -> [Grammar.Symbol] {
        if let index = known[pattern] { return [.rule(index)] }
        let sequences = ranges.flatMap(ScalarSet.utf8)
        var single = Grammar.ByteSet()
        for sequence in sequences where sequence.count == 1 { single.insert(sequence[0]) }
        let longer = sequences.filter { $0.count > 1 }
        if longer.isEmpty { return [.bytes(single)] }
        let index = newRule()
        known[pattern] = index
        if longer.count < sequences.count { try add([.bytes(single)], to: index) }
        for sequence in longer {
            try add(
                sequence.map { range in
                    var set = Grammar.ByteSet()
                    set.insert(range)
                    return .bytes(set)
                }, to: index)
        }
        return [.rule(index)]
    }

    /// `part{minimum,maximum}`.
    private mutating func repeated(
        _ part: Pattern, _ minimum: Int, _ maximum: Int?
    ) throws(GrammarError) -> [Grammar.Symbol] {
        var unit = try sequence(part)
        let copies = (maximum ?? minimum) + 1
        if unit.count > 1, copies > 1 {
            let index = newRule()
            try add(unit, to: index)
            unit = [.rule(index)]
        }
        guard copies < Grammar.symbolCountLimit else {
            throw GrammarError(.tooLarge("more than \(Grammar.symbolCountLimit) repetitions"))
        }
        var result: [Grammar.Symbol] = []
        for _ in 0..<minimum { result += unit }
        guard let maximum else {
            let loop = newRule()
            loops.insert(loop)
            try add([], to: loop)
            try add(unit + [.rule(loop)], to: loop)
            return result + [.rule(loop)]
        }
        // Each is nothing, or one more and the next.
        var next: Int?
        for _ in 0..<max(0, maximum - minimum) {
            let optional = newRule()
            try add([], to: optional)
            try add(unit + (next.map { [.rule($0)] } ?? []), to: optional)
            next = optional
        }
        return result + (next.map { [.rule($0)] } ?? [])
    }

    // MARK: Recursion

    /// Throws when a rule can begin with itself.
    func checkRecursion() throws(GrammarError) {
        let nullable = nullableRules()
        // Which rules can stand at the beginning of each.
        var firsts: [[Int]] = []
        for starts in alternatives {
            var rules: [Int] = []
            for start in starts {
                var position = start
                while case .rule(let rule) = symbols[position] {
                    // A loop that goes on after nothing adds nothing to what is open.
                    if rule == firsts.count, loops.contains(rule) { break }
                    rules.append(rule)
                    guard nullable[rule] else { break }
                    position += 1
                }
            }
            firsts.append(rules)
        }
        var states = [UInt8](repeating: 0, count: firsts.count)
        for start in firsts.indices where states[start] == 0 {
            var stack: [(rule: Int, next: Int)] = [(start, 0)]
            states[start] = 1
            while let (rule, next) = stack.last {
                guard next < firsts[rule].count else {
                    states[rule] = 2
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let other = firsts[rule][next]
                if states[other] == 1 { throw GrammarError(.leftRecursion(names[other])) }
                if states[other] == 0 {
                    states[other] = 1
                    stack.append((other, 0))
                }
            }
        }
    }

    private func nullableRules() -> [Bool] {
        var nullable = [Bool](repeating: false, count: alternatives.count)
        // The alternatives that use a rule, looked at again when it turns out to allow nothing.
        var users = [[(rule: Int, start: Int)]](repeating: [], count: alternatives.count)
        var todo: [(rule: Int, start: Int)] = []
        for (rule, starts) in alternatives.enumerated() {
            todo += starts.map { (rule, $0) }
        }
        while let (rule, start) = todo.popLast() {
            guard !nullable[rule] else { continue }
            var position = start
            while case .rule(let other) = symbols[position], nullable[other] { position += 1 }
            switch symbols[position] {
            case .bytes: break
            // Waits for the first that is not known to allow nothing.
            case .rule(let other): users[other].append((rule, start))
            case .end:
                nullable[rule] = true
                todo += users[rule]
                users[rule] = []
            }
        }
        return nullable
    }
}
