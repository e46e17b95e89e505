/// An expression of a template.
struct Expression: Sendable {
    let kind: Kind
    let line: Int
    /// How deep expressions stand in each other here.
    let depth: Int

    indirect enum Kind: Sendable {
        case literal(Literal)
        case name(String)
        case list([Expression])
        case tuple([Expression])
        case dict([(key: Expression, value: Expression)])
        case negative(Expression)
        case positive(Expression)
        case not(Expression)
        case and(Expression, Expression)
        case or(Expression, Expression)
        case arithmetic(Arithmetic, Expression, Expression)
        case compare(Expression, [(comparison: Comparison, operand: Expression)])
        case concatenation([Expression])
        case conditional(test: Expression, then: Expression, otherwise: Expression?)
        case attribute(Expression, String)
        case item(Expression, Expression)
        case slice(Expression, start: Expression?, stop: Expression?, step: Expression?)
        case call(Expression, CallArguments)
        /// Without an operand, the filter takes in what its block printed.
        case filter(Expression?, String, CallArguments)
        case test(Expression, String, CallArguments)
    }
}

/// A value that is written out in a template.
enum Literal: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(Text)
}

/// A binary operator on values.
enum Arithmetic: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case power = "**"
}

/// An operator that compares.
enum Comparison: String, Sendable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case notIn = "not in"
}

/// What stands between the parentheses of a call.
struct CallArguments: Sendable {
    var positional: [Expression] = []
    var keywords: [(name: String, value: Expression)] = []
    /// What stands after `*`.
    var spread: Expression?
    /// What stands after `**`.
    var keywordSpread: Expression?

    var depth: Int {
        let all =
            positional + keywords.map(\.value) + [spread, keywordSpread].compactMap { $0 }
        return all.lazy.map(\.depth).max() ?? 0
    }
}

/// What an assignment fills.
indirect enum Target: Sendable {
    case name(String)
    case attribute(of: String, String)
    case tuple([Target])

    /// The names that it sets.
    var names: [String] {
        switch self {
        case .name(let name): [name]
        case .attribute: []
        case .tuple(let targets): targets.flatMap(\.names)
        }
    }
}

/// A statement of a template.
struct Statement: Sendable {
    let kind: Kind
    let line: Int

    indirect enum Kind: Sendable {
        case data(Text)
        case output(Expression)
        case assign(Target, Expression)
        case assignBlock(Target, filter: Expression?, [Statement])
        case loop(LoopDefinition)
        case conditional([(test: Expression, body: [Statement])], otherwise: [Statement])
        case macro(MacroDefinition)
        case callBlock(MacroDefinition, call: Expression)
        case filterBlock(Expression, [Statement])
        case with([(target: Target, value: Expression)], [Statement])
        case block(String)
        case generation([Statement])
        case leave
        case next
        /// What needs other templates, of which there are none.
        case foreign(String)
    }
}

/// A `for`.
final class LoopDefinition: Sendable {
    let target: Target
    let sequence: Expression
    let test: Expression?
    let isRecursive: Bool
    let body: [Statement]
    let otherwise: [Statement]

    init(
        target: Target, sequence: Expression, test: Expression?, isRecursive: Bool,
        body: [Statement], otherwise: [Statement]
    ) {
        self.target = target
        self.sequence = sequence
        self.test = test
        self.isRecursive = isRecursive
        self.body = body
        self.otherwise = otherwise
    }
}

/// A macro, or the body of a `call`.
final class MacroDefinition: Sendable {
    /// `nil` for the body of a `call`.
    let name: String?
    let parameters: [(name: String, fallback: Expression?)]
    let body: [Statement]
    /// Whether the body uses these.
    let usesCaller: Bool
    let usesKeywords: Bool
    let usesRest: Bool

    init(
        name: String?, parameters: [(name: String, fallback: Expression?)], body: [Statement],
        used: Set<String>
    ) {
        self.name = name
        self.parameters = parameters
        self.body = body
        let own = Set(parameters.map(\.name))
        usesCaller = used.contains("caller") && !own.contains("caller")
        usesKeywords = used.contains("kwargs") && !own.contains("kwargs")
        usesRest = used.contains("varargs") && !own.contains("varargs")
    }
}

/// A template that has been read.
struct SyntaxTree: Sendable {
    let body: [Statement]
    let blocks: [String: [Statement]]
}
