/// Runs one template once.
final class Interpreter {
    let limits: TemplateLimits
    /// The time that `strftime_now` tells.
    let now: () -> CalendarTime
    let tooDeep = "values or calls stand too deep in each other"
    private let tree: SyntaxTree
    private let globals: Scope
    private let root: Scope
    private var output: [UInt32] = []
    private var captures = 0
    private var depth = 0
    private var stepsLeft: Int
    private var wordsLeft: Int
    /// Where `generation` blocks lie in the output.
    private var generated: [Range<Int>] = []
    /// What may hold itself, to be taken apart in the end.
    private var namespaces: [Namespace] = []
    private var capturedScopes: [Scope] = []

    init(
        _ tree: SyntaxTree, variables: [String: Value], limits: TemplateLimits,
        now: @escaping () -> CalendarTime
    ) {
        self.tree = tree
        self.limits = limits
        self.now = now
        stepsLeft = limits.stepCount
        wordsLeft = limits.wordCount
        globals = Scope(parent: nil)
        globals.variables = Globals.all().merging(variables) { $1 }
        root = Scope(parent: globals)
    }

    /// The variable `self`: the template's blocks as functions.
    private var reference: Value {
        .object(
            Object(
                "TemplateReference",
                attribute: { [tree] name in
                    tree.blocks[name].map { body in
                        .function(
                            Function(name) { interpreter, _ in
                                try interpreter.deeper { try interpreter.renderBlock(body) }
                            })
                    }
                }))
    }

    /// The output of the whole template, and where `generation` blocks lie in it.
    func run() throws -> (units: [UInt32], generated: [Range<Int>]) {
        defer { takeApart() }
        root.variables["self"] = reference
        _ = try run(tree.body, root)
        return (output, generated)
    }

    /// Undoes what holds itself: a macro and the scope that it is defined in.
    private func takeApart() {
        for namespace in namespaces { namespace.attributes = [:] }
        for scope in capturedScopes { scope.variables = [:] }
        root.variables = [:]
    }

    func register(_ namespace: Namespace) { namespaces.append(namespace) }

    // MARK: Limits

    /// Counts work.
    func step(_ count: Int) throws {
        stepsLeft -= count
        guard stepsLeft >= 0 else {
            throw TemplateError.limit("more than \(limits.stepCount) steps of work")
        }
    }

    /// Counts memory, before it is taken.
    func take(_ words: Int) throws {
        let (left, overflow) = wordsLeft.subtractingReportingOverflow(max(0, words))
        guard !overflow, left >= 0 else {
            throw TemplateError.limit("strings and lists of more than \(limits.wordCount) words")
        }
        wordsLeft = left
        try step(words / 32)
    }

    /// Counts a new value.
    func made(_ value: Value) throws -> Value {
        switch value {
        case .text(let text): try take(text.count)
        case .list(let items), .tuple(let items): try take(4 * items.values.count)
        case .dict(let dict): try take(12 * dict.count)
        default: break
        }
        guard value.depth <= limits.depth else { throw TemplateError.limit(tooDeep) }
        return value
    }

    /// Runs `body` one level deeper.
    func deeper<Result>(_ body: () throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= limits.depth * 10 else { throw TemplateError.limit(tooDeep) }
        try step(1)
        return try body()
    }

    // MARK: Output

    private func write(_ text: Text) throws {
        try take(text.count)
        guard text.count <= limits.outputCount - output.count else {
            throw TemplateError.limit("more than \(limits.outputCount) characters of output")
        }
        output += text.units
    }

    /// What `body` prints.
    func captured(_ body: () throws -> Void) throws -> Text {
        let before = output
        output = []
        captures += 1
        defer {
            output = before
            captures -= 1
        }
        try body()
        return Text(units: output)
    }

    // MARK: Statements

    enum Flow { case normal, leave, next }

    func run(_ statements: [Statement], _ scope: Scope) throws -> Flow {
        for statement in statements {
            let flow: Flow
            do {
                flow = try deeper { try run(statement, scope) }
            } catch var error as TemplateError where error.line == nil {
                error.line = statement.line
                throw error
            }
            if flow != .normal { return flow }
        }
        return .normal
    }

    private func run(_ statement: Statement, _ scope: Scope) throws -> Flow {
        switch statement.kind {
        case .data(let text): try write(text)
        case .output(let expression): try write(try text(evaluate(expression, scope)))
        case .assign(let target, let expression): try assign(target, expression, scope)
        case .assignBlock(let target, let filter, let body):
            return try assignBlock(target, filter, body, scope)
        case .loop(let definition): try run(definition, scope)
        case .conditional(let branches, let otherwise):
            for branch in branches where try evaluate(branch.test, scope).isTrue {
                return try run(branch.body, scope)
            }
            return try run(otherwise, scope)
        case .macro(let definition):
            if let name = definition.name {
                scope.variables[name] = .macro(Macro(definition, scope: scope))
            }
            capturedScopes.append(scope)
        case .callBlock(let definition, let call):
            capturedScopes.append(scope)
            let caller = Value.macro(Macro(definition, scope: scope))
            try write(try text(evaluateCall(call, scope, caller: caller)))
        case .filterBlock(let filter, let body):
            let inner = Scope(parent: scope)
            var flow = Flow.normal
            let block = try captured { flow = try run(body, inner) }
            if flow != .normal { return flow }
            try write(try text(evaluate(filter, inner, block: .text(block))))
        case .with(let values, let body):
            let inner = Scope(parent: scope)
            for (target, value) in values { try fill(target, evaluate(value, scope), inner) }
            return try run(body, inner)
        case .block(let name): _ = try run(tree.blocks[name] ?? [], Scope(parent: root))
        case .generation(let body):
            let start = output.count
            _ = try run(body, Scope(parent: scope))
            if captures == 0 { generated.append(start..<output.count) }
        case .leave: return .leave
        case .next: return .next
        case .foreign(let tag):
            throw TemplateError.type("'\(tag)' needs another template, and there is none")
        }
        return .normal
    }

    /// The text of a block, for `self.name()`.
    private func renderBlock(_ body: [Statement]) throws -> Value {
        .text(try captured { _ = try run(body, Scope(parent: root)) })
    }

    private func assign(_ target: Target, _ expression: Expression, _ scope: Scope) throws {
        try checkNamespaces(target, scope)
        try fill(target, evaluate(expression, scope), scope)
    }

    private func assignBlock(
        _ target: Target, _ filter: Expression?, _ body: [Statement], _ scope: Scope
    ) throws -> Flow {
        let inner = Scope(parent: scope)
        var flow = Flow.normal
        let block = Value.text(try captured { flow = try run(body, inner) })
        if flow != .normal { return flow }
        let value = try filter.map { try evaluate($0, inner, block: block) } ?? block
        try checkNamespaces(target, scope)
        try fill(target, value, scope)
        return .normal
    }

    private func checkNamespaces(_ target: Target, _ scope: Scope) throws {
        switch target {
        case .name: break
        case .attribute(let name, _):
            guard case .namespace? = scope[name] else {
                throw TemplateError.type("cannot assign attribute on non-namespace object")
            }
        case .tuple(let targets): for target in targets { try checkNamespaces(target, scope) }
        }
    }

    /// Gives a value to what stands left of `=`.
    func fill(_ target: Target, _ value: Value, _ scope: Scope) throws {
        switch target {
        case .name(let name): scope.variables[name] = value
        case .attribute(let owner, let name):
            guard case .namespace(let namespace)? = scope[owner] else { return }
            try Globals.check(attribute: name)
            namespace.set(name, value)
        case .tuple(let targets):
            let values = try elements(of: value)
            guard values.count == targets.count else {
                throw TemplateError.type(
                    values.count < targets.count
                        ? "not enough values to unpack (expected \(targets.count), got"
                            + " \(values.count))"
                        : "too many values to unpack (expected \(targets.count))")
            }
            for (target, value) in zip(targets, values) { try fill(target, value, scope) }
        }
    }

    // MARK: Loops

    private func run(_ definition: LoopDefinition, _ scope: Scope) throws {
        let values = try evaluate(definition.sequence, scope)
        if definition.isRecursive {
            try write(try captured { try run(definition, over: values, level: 0, scope) })
        } else {
            try run(definition, over: values, level: 0, scope)
        }
    }

    private func run(
        _ definition: LoopDefinition, over values: Value, level: Int, _ scope: Scope
    ) throws {
        let accepts = definition.test.map { test in
            { (value: Value) throws -> Bool in
                let inner = Scope(parent: scope)
                try self.fill(definition.target, value, inner)
                return try self.evaluate(test, inner).isTrue
            }
        }
        let recurse: ((Value, Int) throws -> Value)? =
            definition.isRecursive
            ? { values, level in
                .text(
                    try self.captured {
                        try self.deeper {
                            try self.run(definition, over: values, level: level, scope)
                        }
                    })
            } : nil
        let loop = Loop(
            try elements(of: values), level: level, accepts: accepts, recurse: recurse)
        guard loop.depth <= limits.depth else { throw TemplateError.limit(tooDeep) }
        var isEmpty = true
        while let value = try loop.next() {
            try step(1)
            let inner = Scope(parent: scope)
            try fill(definition.target, value, inner)
            inner.variables["loop"] = .loop(loop)
            let flow = try run(definition.body, inner)
            if flow == .leave { return }
            // As in Python, where the note that there was a value stands at the body's end.
            if flow == .normal { isEmpty = false }
        }
        if isEmpty { _ = try run(definition.otherwise, Scope(parent: scope)) }
    }

    /// What going through a value gives.
    func elements(of value: Value) throws -> [Value] {
        switch value {
        case .undefined: return []
        case .list(let items), .tuple(let items): return items.values
        case .text(let text):
            try take(4 * text.count)
            return text.units.map { .text(Text(units: [$0])) }
        case .dict(let dict): return dict.keys
        case .view(let view): return view.elements
        case .range(let range):
            try take(4 * range.count)
            return range.elements
        case .iterator(let iterator): return try iterator.rest()
        case .loop(let loop):
            var result: [Value] = []
            while let next = try loop.next() { result.append(.tuple([next, value])) }
            return result
        default:
            throw TemplateError.type("'\(value.typeName)' object is not iterable")
        }
    }
}
