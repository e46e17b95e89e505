import TensorCore

/// A pattern compiled for matching: instructions for a small backtracking machine.
///
/// The machine keeps its alternatives on a stack of its own, so no text can exhaust the call stack.
/// A greedy run of a class is one frame that gives back one scalar at a time.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        /// One scalar of a set.
        case one(set: Int)
        /// A greedy run of a set; with `givesBack` false it is possessive.
        case run(set: Int, min: Int, max: Int, givesBack: Bool)
        /// Goes on here and, when that fails, there.
        case fork(first: Int, second: Int)
        case jump(Int)
        /// The instructions up to `next` match from here (or not); nothing is consumed.
        case lookahead(negative: Bool, next: Int)
        case end
        /// The end of the text or a line feed.
        case lineEnd
        case accept
    }

    /// A `ScalarSet` without references: what the inner loop touches.
    struct CompactSet: Sendable {
        var low: UInt64 = 0
        var high: UInt64 = 0
        var categories: UInt32
        var firstRange: Int
        var endRange: Int
        var isNegated: Bool
        /// The set that is taken out, -1 without.
        var excluded: Int
    }

    private(set) var instructions: [Instruction] = []
    private(set) var sets: [CompactSet] = []
    private(set) var ranges: [ClosedRange<UInt32>] = []
    /// Where each alternative of the whole pattern starts.
    private(set) var entries: [Int] = []
    /// For each first byte, the alternatives that can match (one bit each).
    private(set) var openings = [UInt32](repeating: 0, count: 256)

    private let endsAtLines: Bool

    /// Compiles a pattern; `nil` when it repeats something that can be empty, repeats a group many
    /// times or has more than 32 alternatives.
    ///
    /// - Parameter endsAtLines: Whether `$` matches before every line feed, as in Oniguruma, which
    ///   Hugging Face's `tokenizers` use, and not only at the end of the text.
    init?(_ pattern: Pattern, endsAtLines: Bool = false) {
        self.endsAtLines = endsAtLines
        let choices: [Pattern]
        if case .alternatives(let parts) = pattern { choices = parts } else { choices = [pattern] }
        guard choices.count <= 32 else { return nil }
        for (index, choice) in choices.enumerated() {
            entries.append(instructions.count)
            guard compile(choice) else { return nil }
            instructions.append(.accept)
            let opening = Opening(choice)
            for byte in 0..<256 where opening.isEmpty || opening.contains(UInt8(byte)) {
                openings[byte] |= 1 << UInt32(index)
            }
        }
    }

    private mutating func add(_ set: ScalarSet) -> Int? {
        var excluded = -1
        if let other = set.excluded.first {
            guard set.excluded.count == 1, let index = add(other) else { return nil }
            excluded = index
        }
        var compact = CompactSet(
            categories: set.categories, firstRange: ranges.count,
            endRange: ranges.count + set.ranges.count, isNegated: set.isNegated,
            excluded: excluded)
        for byte: UInt8 in 0..<128 where set.containsASCII(byte) {
            if byte < 64 {
                compact.low |= 1 << UInt64(byte)
            } else {
                compact.high |= 1 << UInt64(byte - 64)
            }
        }
        ranges += set.ranges
        sets.append(compact)
        return sets.count - 1
    }

    private mutating func compile(_ pattern: Pattern) -> Bool {
        switch pattern {
        case .set(let set):
            guard let index = add(set) else { return false }
            instructions.append(.one(set: index))
        case .sequence(let parts):
            for part in parts where !compile(part) { return false }
        case .alternatives(let choices):
            var jumps: [Int] = []
            for (index, choice) in choices.enumerated() {
                let fork = instructions.count
                if index + 1 < choices.count { instructions.append(.jump(0)) }
                guard compile(choice) else { return false }
                if index + 1 < choices.count {
                    jumps.append(instructions.count)
                    instructions.append(.jump(0))
                    instructions[fork] = .fork(first: fork + 1, second: instructions.count)
                }
            }
            for jump in jumps { instructions[jump] = .jump(instructions.count) }
        case .repeated(.set(let set), let min, let max, let possessive):
            guard let index = add(set) else { return false }
            instructions.append(
                .run(set: index, min: min, max: max ?? Int.max, givesBack: !possessive))
        case .repeated(let part, let min, let max, false):
            return compile(repeated: part, min: min, max: max)
        case .repeated: return false
        case .lookahead(let part, let negative):
            let start = instructions.count
            instructions.append(.jump(0))
            guard compile(part) else { return false }
            instructions.append(.accept)
            instructions[start] = .lookahead(negative: negative, next: instructions.count)
        case .end: instructions.append(endsAtLines ? .lineEnd : .end)
        }
        return true
    }

    /// Copies of a group: the required ones, then a loop or the optional ones.
    private mutating func compile(repeated part: Pattern, min: Int, max: Int?) -> Bool {
        guard !Opening(part).isEmpty, Swift.max(min, max ?? 0) <= 8 else { return false }
        for _ in 0..<min where !compile(part) { return false }
        guard let max else {
            let loop = instructions.count
            instructions.append(.jump(0))
            guard compile(part) else { return false }
            instructions.append(.jump(loop))
            instructions[loop] = .fork(first: loop + 1, second: instructions.count)
            return true
        }
        var forks: [Int] = []
        for _ in min..<max {
            forks.append(instructions.count)
            instructions.append(.jump(0))
            guard compile(part) else { return false }
        }
        for fork in forks {
            instructions[fork] = .fork(first: fork + 1, second: instructions.count)
        }
        return true
    }
}

/// The bytes that a match of a pattern can begin with.
private struct Opening {
    var bytes: [Bool]
    /// Whether the pattern can match nothing (then any byte may follow).
    var isEmpty: Bool

    func contains(_ byte: UInt8) -> Bool { bytes[Int(byte)] }

    init(_ pattern: Pattern) {
        bytes = [Bool](repeating: false, count: 256)
        isEmpty = false
        switch pattern {
        case .set(let set):
            for byte: UInt8 in 0..<128 { bytes[Int(byte)] = set.containsASCII(byte) }
            if set.reachesBeyondASCII { for byte in 128..<256 { bytes[byte] = true } }
        case .sequence(let parts):
            isEmpty = true
            for part in parts where isEmpty {
                let next = Opening(part)
                for byte in 0..<256 where next.bytes[byte] { bytes[byte] = true }
                isEmpty = next.isEmpty
            }
        case .alternatives(let choices):
            for choice in choices {
                let next = Opening(choice)
                for byte in 0..<256 where next.bytes[byte] { bytes[byte] = true }
                isEmpty = isEmpty || next.isEmpty
            }
        case .repeated(let part, let min, _, _):
            let inner = Opening(part)
            bytes = inner.bytes
            isEmpty = inner.isEmpty || min == 0
        case .lookahead, .end: isEmpty = true
        }
    }
}
