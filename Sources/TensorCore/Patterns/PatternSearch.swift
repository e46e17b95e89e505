/// One search for a pattern in a name.
///
/// Backtracking, first way first. Where no reference asks what the groups matched, no state is
/// tried twice at one place, so the steps are at most states × places; otherwise the number of
/// steps is limited.
struct PatternSearch {
    /// The search was given up.
    struct TooManySteps: Error {}

    private let program: PatternProgram
    private let text: [UInt8]
    /// Whether something stands before the place that the search started from.
    private var hasTextBefore = false
    private var stepsLeft = 1 << 22
    private var groups: [Group]
    private var loops: [Int: Loop] = [:]
    /// What lookaheads at a place came to, by `key`.
    private var lookaheads: [Int: Bool] = [:]

    /// What a group matched last.
    private struct Group {
        var start = 0
        var end = 0
        var isMatched = false
    }

    /// How often a loop's body was entered at a place.
    private struct Loop {
        var place: Int
        var count: Int
    }

    /// What remains to be done when the current way leads nowhere.
    private enum Task {
        case go(Int, place: Int)
        /// The body of a lazy loop.
        case enter(loop: Int, place: Int)
        case restoreGroup(Int, Group)
        case restoreLoop(Int, Loop?)
    }

    init(_ program: PatternProgram, in text: [UInt8]) {
        self.program = program
        self.text = text
        groups = [Group](repeating: Group(), count: program.groupCount + 1)
    }

    /// Whether the pattern matches from some place on.
    mutating func run() throws(TooManySteps) -> Bool {
        var visited: Set<Int> = []
        for start in 0...text.count {
            // Only the first place has nothing before it.
            if start == 1 {
                visited = []
                lookaheads = [:]
                hasTextBefore = true
            }
            for group in groups.indices { groups[group] = Group() }
            loops = [:]
            if try match(from: 0, at: start, visited: &visited) { return true }
        }
        return false
    }

    private func key(_ state: Int, _ place: Int) -> Int { state * (text.count + 1) + place }

    private mutating func match(
        from first: Int, at start: Int, visited: inout Set<Int>
    ) throws(TooManySteps) -> Bool {
        var tasks: [Task] = [.go(first, place: start)]
        while let task = tasks.popLast() {
            switch task {
            case .restoreGroup(let number, let group): groups[number] = group
            case .restoreLoop(let number, let loop): loops[number] = loop
            case .enter(let loop, let place):
                guard let body = enter(loop, at: place, &tasks) else { continue }
                if try follow(body, place, start, &tasks, &visited) { return true }
            case .go(let state, let place):
                if try follow(state, place, start, &tasks, &visited) { return true }
            }
        }
        return false
    }

    /// Follows one way until it ends; whether that is the pattern's end.
    private mutating func follow(
        _ first: Int, _ firstPlace: Int, _ start: Int, _ tasks: inout [Task],
        _ visited: inout Set<Int>
    ) throws(TooManySteps) -> Bool {
        var (state, place) = (first, firstPlace)
        while true {
            stepsLeft -= 1
            guard stepsLeft > 0 else { throw TooManySteps() }
            if !program.hasBackReferences, !visited.insert(key(state, place)).inserted {
                return false
            }
            switch program.instructions[state] {
            case .accept: return true
            case .bytes(let set):
                guard place < text.count, set.contains(text[place]) else { return false }
                place += 1
                state += 1
            case .jump(let target): state = target
            case .choice(let target, let other):
                tasks.append(.go(other, place: place))
                state = target
            case .loop(_, let exit, isLazy: true):
                tasks.append(.enter(loop: state, place: place))
                state = exit
            case .loop(_, let exit, isLazy: false):
                tasks.append(.go(exit, place: place))
                guard let body = enter(state, at: place, &tasks) else { return false }
                state = body
            case .open(let number):
                tasks.append(.restoreGroup(number, groups[number]))
                groups[number].start = place
                state += 1
            case .close(let number):
                tasks.append(.restoreGroup(number, groups[number]))
                groups[number].end = place
                groups[number].isMatched = true
                state += 1
            case .backReference(let number):
                guard let end = end(ofReference: number, at: place) else { return false }
                place = end
                state += 1
            case .lineStart:
                guard place == start, !hasTextBefore else { return false }
                state += 1
            case .lineEnd:
                guard place == text.count else { return false }
                state += 1
            case .wordBoundary(let isNegated):
                guard isWordBoundary(place, start) != isNegated else { return false }
                state += 1
            case .lookahead(let exit, let isNegated):
                guard try looksAhead(state, at: place) != isNegated else { return false }
                state = exit
            }
        }
    }

    /// Notes that a loop's body is entered; `nil` where that would go on for ever.
    private mutating func enter(_ loop: Int, at place: Int, _ tasks: inout [Task]) -> Int? {
        guard case .loop(let body, _, _) = program.instructions[loop] else { return nil }
        guard program.hasBackReferences else { return body }
        let before = loops[loop]
        if let before, before.place == place {
            // Once without moving may still set a group.
            guard before.count < 2 else { return nil }
            loops[loop] = Loop(place: place, count: before.count + 1)
        } else {
            loops[loop] = Loop(place: place, count: 1)
        }
        tasks.append(.restoreLoop(loop, before))
        return body
    }

    /// Where a reference's text ends; `nil` when it does not stand here.
    private func end(ofReference number: Int, at place: Int) -> Int? {
        let group = groups[number]
        // A group may have been opened again after where it closed last.
        guard group.isMatched, group.start <= group.end else { return nil }
        let part = text[group.start..<group.end]
        return text[place...].starts(with: part) ? place + part.count : nil
    }

    private func isWordBoundary(_ place: Int, _ start: Int) -> Bool {
        let sees = place != start || hasTextBefore
        let left = sees && place > 0 && CharacterClass.word.contains(text[place - 1])
        let right = place < text.count && CharacterClass.word.contains(text[place])
        return left != right
    }

    /// Whether what a lookahead asks for stands here.
    private mutating func looksAhead(_ state: Int, at place: Int) throws(TooManySteps) -> Bool {
        if !program.hasBackReferences, let known = lookaheads[key(state, place)] { return known }
        var visited: Set<Int> = []
        let outer = (groups, loops)
        loops = [:]
        let found = try match(from: state + 1, at: place, visited: &visited)
        if !found { groups = outer.0 }
        loops = outer.1
        lookaheads[key(state, place)] = found
        return found
    }
}
