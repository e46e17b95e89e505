/// The variable `loop` inside a `for`.
final class Loop {
    private var source: [Value]
    private var position = 0
    /// The condition of the `for`, asked as late as Python asks it.
    private let accepts: ((Value) throws -> Bool)?
    private var after: Value?
    private var current: Value?
    private var before: Value?
    private var knownLength: Int?
    /// Whether what is left in `source` has been asked for already.
    private var isAccepted = false
    private var lastChecked: [Value]?
    private(set) var index0 = -1
    /// How many recursive loops are around this one.
    let level: Int
    /// Renders the body over other values, in a recursive loop.
    let recurse: ((Value, Int) throws -> Value)?
    let depth: Int

    init(
        _ source: [Value], level: Int, accepts: ((Value) throws -> Bool)?,
        recurse: ((Value, Int) throws -> Value)?
    ) {
        self.source = source
        self.level = level
        self.accepts = accepts
        self.recurse = recurse
        depth = 1 + (source.lazy.map(\.depth).max() ?? 0)
        if accepts == nil { knownLength = source.count }
    }

    private func fetch() throws -> Value? {
        while position < source.count {
            position += 1
            let value = source[position - 1]
            if isAccepted { return value }
            if try accepts?(value) ?? true { return value }
        }
        return nil
    }

    private func peek() throws -> Value? {
        if after == nil { after = try fetch() }
        return after
    }

    /// Goes on to the next value.
    func next() throws -> Value? {
        guard let value = try peek() else { return nil }
        after = nil
        index0 += 1
        before = current
        current = value
        return value
    }

    /// How many values there are in all.
    func length() throws -> Int {
        if let knownLength { return knownLength }
        var rest: [Value] = []
        while let value = try fetch() { rest.append(value) }
        let length = rest.count + index0 + 1 + (after == nil ? 0 : 1)
        source = rest
        position = 0
        isAccepted = true
        knownLength = length
        return length
    }

    /// `loop.name`.
    func attribute(_ name: String, in interpreter: Interpreter) throws -> Value? {
        switch name {
        case "index": return .int(index0 + 1)
        case "index0": return .int(index0)
        case "revindex": return .int(try length() - index0)
        case "revindex0": return .int(try length() - index0 - 1)
        case "length": return .int(try length())
        case "first": return .bool(index0 == 0)
        case "last": return .bool(try peek() == nil)
        case "depth": return .int(level + 1)
        case "depth0": return .int(level)
        case "previtem": return before ?? .undefined("there is no previous item")
        case "nextitem": return try peek() ?? .undefined("there is no next item")
        case "cycle":
            return .function(
                Function("cycle", depth: depth) { [index0] _, arguments in
                    guard !arguments.positional.isEmpty else {
                        throw TemplateError.type("no items for cycling given")
                    }
                    return arguments.positional[index0 % arguments.positional.count]
                })
        case "changed":
            return .function(
                Function("changed", depth: depth) { interpreter, arguments in
                    if let last = self.lastChecked,
                        try interpreter.equal(.tuple(last), .tuple(arguments.positional))
                    {
                        return .bool(false)
                    }
                    self.lastChecked = arguments.positional
                    return .bool(true)
                })
        default: return nil
        }
    }
}
