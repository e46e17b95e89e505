/// Follows a text through a grammar, byte by byte.
///
/// What may come next is a set of stacks of open rules; equal stacks are one number, and a set of
/// stacks is a state of an automaton that is made as it is used. Memory is bounded: beyond a number
/// of states they are forgotten and made anew.
public struct GrammarMatcher {
    /// What can be said of a text so far.
    struct State: Hashable {
        /// Open stacks whose next step is a byte, in order.
        var stacks: [Int32] = []
        /// Whether the text may end here.
        var isComplete = false
    }

    private struct Node: Hashable {
        let symbol: Int32
        let parent: Int32
    }

    private let grammar: Grammar
    private var nodes: [Node] = []
    private var numbers: [Node: Int32] = [:]
    private var states: [State] = []
    private var stateNumbers: [State: Int32] = [:]
    private var transitions: [[Int32]] = []
    /// The state of the text so far.
    private(set) var current: Int32 = 0
    /// Whether so much was open at a time that the text could not be followed.
    private(set) var isTooAmbiguous = false
    /// Steps looked at since work was last allowed.
    private var work = 0
    /// How often the states were forgotten; what is remembered of states is worth nothing then.
    private(set) var generation = 0

    /// The number of no state.
    static let dead: Int32 = -1
    private static let unknown: Int32 = -2
    /// The most states that are remembered, each with a kilobyte.
    private static let stateCountLimit = 1 << 13
    /// The most different stacks.
    private static let nodeCountLimit = 1 << 20

    /// The most stacks that are open at a time: grammars of JSON have a few dozen.
    private static let stackCountLimit = 1 << 10
    /// The most steps that are looked at for one set of tokens, some tenths of a second.
    private static let workLimit = 1 << 22

    /// Starts at the beginning of a text.
    public init(_ grammar: Grammar) {
        self.grammar = grammar
        // The number 0 is the empty stack.
        nodes = [Node(symbol: -1, parent: -1)]
        var state = State()
        var open = grammar.alternatives[grammar.root].map { Node(symbol: Int32($0), parent: 0) }
        expand(&open, into: &state)
        current = number(of: state)
    }

    /// Whether the text may end here.
    public var isComplete: Bool { states[Int(current)].isComplete }
    /// Whether nothing can follow.
    public var isAtEnd: Bool { states[Int(current)].stacks.isEmpty }

    /// Goes on with some bytes; where they do not fit, nothing changes.
    public mutating func accept(_ bytes: some Sequence<UInt8>) -> Bool {
        var state = current
        for byte in bytes {
            state = next(state, byte)
            if state == Self.dead { return false }
        }
        current = state
        forgetIfFull()
        return true
    }

    /// Whether some bytes fit here.
    mutating func allows(_ bytes: some Sequence<UInt8>) -> Bool {
        var state = current
        for byte in bytes {
            state = next(state, byte)
            if state == Self.dead { return false }
        }
        return true
    }

    /// The state after a byte; `dead` where it does not fit.
    mutating func next(_ state: Int32, _ byte: UInt8) -> Int32 {
        let remembers = !transitions[Int(state)].isEmpty
        if remembers, transitions[Int(state)][Int(byte)] != Self.unknown {
            return transitions[Int(state)][Int(byte)]
        }
        var open: [Node] = []
        for number in states[Int(state)].stacks {
            let node = nodes[Int(number)]
            if case .bytes(let set) = grammar.symbols[Int(node.symbol)], set.contains(byte) {
                open.append(Node(symbol: node.symbol + 1, parent: node.parent))
            }
        }
        var result = State()
        expand(&open, into: &result)
        let number = result == State() ? Self.dead : number(of: result)
        if remembers { transitions[Int(state)][Int(byte)] = number }
        return number
    }

    /// Follows open steps to bytes and to the end of the text.
    private mutating func expand(_ open: inout [Node], into state: inout State) {
        var seen = Set(open)
        var found: Set<Int32> = []
        func add(_ node: Node, _ open: inout [Node]) {
            if seen.insert(node).inserted { open.append(node) }
        }
        while let node = open.popLast() {
            work += 1
            if work > Self.workLimit || found.count > Self.stackCountLimit {
                isTooAmbiguous = true
                state = State()
                return
            }
            switch grammar.symbols[Int(node.symbol)] {
            case .bytes: found.insert(number(of: node))
            case .end:
                if node.parent == 0 {
                    state.isComplete = true
                } else {
                    add(nodes[Int(node.parent)], &open)
                }
            case .rule(let rule):
                // The last step of an alternative leaves nothing to come back to.
                var parent = node.parent
                if case .end = grammar.symbols[Int(node.symbol) + 1] {
                } else {
                    parent = number(of: Node(symbol: node.symbol + 1, parent: node.parent))
                }
                for start in grammar.alternatives[rule] {
                    add(Node(symbol: Int32(start), parent: parent), &open)
                }
            }
        }
        state.stacks = found.sorted()
    }

    /// Allows as much work as a set of tokens may take.
    mutating func allowWork() { work = 0 }

    private mutating func number(of node: Node) -> Int32 {
        if let number = numbers[node] { return number }
        let number = Int32(nodes.count)
        nodes.append(node)
        numbers[node] = number
        return number
    }

    private mutating func number(of state: State) -> Int32 {
        if let number = stateNumbers[state] { return number }
        let number = Int32(states.count)
        states.append(state)
        stateNumbers[state] = number
        // Until there is time to forget, more states than that do not remember theirs.
        let remembers = states.count <= Self.stateCountLimit
        transitions.append(remembers ? [Int32](repeating: Self.unknown, count: 256) : [])
        return number
    }

    /// Forgets all states but the current one, and stacks that it does not need.
    mutating func forgetIfFull() {
        guard states.count > Self.stateCountLimit || nodes.count > Self.nodeCountLimit else {
            return
        }
        let state = states[Int(current)]
        let old = nodes
        nodes = [Node(symbol: -1, parent: -1)]
        (numbers, states, stateNumbers, transitions) = ([:], [], [:], [])
        generation += 1
        var kept = State(stacks: [], isComplete: state.isComplete)
        var moved: [Int32: Int32] = [0: 0]
        for stack in state.stacks {
            var path: [Int32] = []
            var next = stack
            while moved[next] == nil {
                path.append(next)
                next = old[Int(next)].parent
            }
            for index in path.reversed() {
                let node = old[Int(index)]
                moved[index] = number(
                    of: Node(symbol: node.symbol, parent: moved[node.parent] ?? 0))
            }
            kept.stacks.append(moved[stack] ?? 0)
        }
        kept.stacks.sort()
        current = number(of: kept)
    }
}
