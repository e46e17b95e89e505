extension Interpreter {
    /// The value of an expression.
    ///
    /// - Parameter block: What a `filter` or `set` block printed, for filters without an operand.
    func evaluate(
        _ expression: Expression, _ scope: Scope, block: Value? = nil
    ) throws -> Value {
        try deeper {
            do {
                return try value(of: expression, scope, block)
            } catch var error as TemplateError where error.line == nil {
                error.line = expression.line
                throw error
            }
        }
    }

    private func value(
        of expression: Expression, _ scope: Scope, _ block: Value?
    ) throws -> Value {
        switch expression.kind {
        case .literal(let literal): return Interpreter.value(of: literal)
        case .name(let name): return scope[name] ?? .undefined("'\(name)' is undefined")
        case .list(let items): return try made(.list(items.map { try evaluate($0, scope) }))
        case .tuple(let items): return try made(.tuple(items.map { try evaluate($0, scope) }))
        case .dict(let entries):
            let pairs = try entries.map {
                (key: try evaluate($0.key, scope), value: try evaluate($0.value, scope))
            }
            return try made(.dict(Dict(pairs)))
        case .negative(let operand): return try negated(evaluate(operand, scope))
        case .positive(let operand): return try positive(evaluate(operand, scope))
        case .not(let operand): return .bool(!(try evaluate(operand, scope).isTrue))
        case .and(let left, let right):
            let value = try evaluate(left, scope)
            return value.isTrue ? try evaluate(right, scope) : value
        case .or(let left, let right):
            let value = try evaluate(left, scope)
            return value.isTrue ? value : try evaluate(right, scope)
        case .arithmetic(let op, let left, let right):
            let left = try evaluate(left, scope)
            return try made(arithmetic(op, left, evaluate(right, scope)))
        case .compare(let first, let operands): return try comparison(first, operands, scope)
        case .concatenation(let parts):
            var result = Text()
            for part in parts {
                let text = try text(evaluate(part, scope))
                try take(text.count)
                result += text
            }
            return .text(result)
        case .conditional(let test, let then, let otherwise):
            if try evaluate(test, scope).isTrue { return try evaluate(then, scope) }
            return try otherwise.map { try evaluate($0, scope) }
                ?? .undefined(
                    "the inline if-expression on line \(expression.line) evaluated to false and no"
                        + " else section was defined.")
        case .attribute(let operand, let name):
            return try attribute(evaluate(operand, scope), name)
        case .item(let operand, let index):
            let value = try evaluate(operand, scope)
            return try item(value, evaluate(index, scope))
        case .slice(let operand, let start, let stop, let step):
            let value = try evaluate(operand, scope)
            let bounds = try [start, stop, step].map { try $0.map { try evaluate($0, scope) } }
            return try made(slice(value, bounds[0], bounds[1], bounds[2]))
        case .call: return try evaluateCall(expression, scope, caller: nil)
        case .filter(let operand, let name, let arguments):
            let value = try operand.map { try evaluate($0, scope, block: block) } ?? block ?? .none
            return try filter(name, value, evaluate(arguments, scope))
        case .test(let operand, let name, let arguments):
            let value = try evaluate(operand, scope)
            return .bool(try test(name, value, evaluate(arguments, scope)))
        }
    }

    private static func value(of literal: Literal) -> Value {
        switch literal {
        case .none: .none
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .float(let value): .float(value)
        case .text(let text): .text(text)
        }
    }

    private func comparison(
        _ first: Expression, _ operands: [(comparison: Comparison, operand: Expression)],
        _ scope: Scope
    ) throws -> Value {
        var left = try evaluate(first, scope)
        for (comparison, operand) in operands {
            let right = try evaluate(operand, scope)
            guard try compare(comparison, left, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    // MARK: Calls

    private func evaluate(_ arguments: CallArguments, _ scope: Scope) throws -> Arguments {
        var result = Arguments(
            positional: try arguments.positional.map { try evaluate($0, scope) },
            keywords: try arguments.keywords.map { ($0.name, try evaluate($0.value, scope)) })
        if let spread = arguments.spread {
            result.positional += try elements(of: evaluate(spread, scope))
        }
        if let spread = arguments.keywordSpread {
            let value = try evaluate(spread, scope)
            guard case .dict(let dict) = value else {
                throw TemplateError.type(
                    "argument after ** must be a mapping, not \(value.typeName)")
            }
            for (key, value) in zip(dict.keys, dict.values) {
                guard case .text(let name) = key else {
                    throw TemplateError.type("keywords must be strings")
                }
                result.keywords.append((name.string, value))
            }
        }
        guard Set(result.keywords.map(\.name)).count == result.keywords.count else {
            throw TemplateError.type("got multiple values for a keyword argument")
        }
        return result
    }

    /// The value of a call; `caller` is the body of a `call` block.
    func evaluateCall(_ expression: Expression, _ scope: Scope, caller: Value?) throws -> Value {
        guard case .call(let operand, let arguments) = expression.kind else {
            return try evaluate(expression, scope)
        }
        let callee = try evaluate(operand, scope)
        var given = try evaluate(arguments, scope)
        if let caller { given.keywords.append(("caller", caller)) }
        return try made(call(callee, given))
    }

    /// Calls a value.
    func call(_ callee: Value, _ arguments: Arguments) throws -> Value {
        switch callee {
        case .undefined(let undefined): throw undefined.error
        case .function(let function): return try function.body(self, arguments)
        case .macro(let macro): return try call(macro, arguments)
        case .loop(let loop):
            guard let recurse = loop.recurse else {
                throw TemplateError.type(
                    "The loop must have the 'recursive' marker to be called recursively.")
            }
            return try recurse(arguments.single("loop"), loop.level + 1)
        case .object(let object):
            if let call = object.call { return try call(self, arguments) }
            fallthrough
        default: throw TemplateError.type("'\(callee.typeName)' object is not callable")
        }
    }

    private func call(_ macro: Macro, _ arguments: Arguments) throws -> Value {
        let definition = macro.definition
        let scope = Scope(parent: macro.scope)
        var keywords = arguments.keywords
        func takeKeyword(_ name: String) -> Value? {
            keywords.firstIndex { $0.name == name }.map { keywords.remove(at: $0).value }
        }
        let name = definition.name ?? "None"
        var given: [Value?] = arguments.positional.prefix(definition.parameters.count).map { $0 }
        for parameter in definition.parameters.dropFirst(given.count) {
            given.append(takeKeyword(parameter.name))
        }
        if definition.usesCaller {
            scope.variables["caller"] =
                takeKeyword("caller") ?? .undefined("No caller defined")
        }
        if definition.usesKeywords {
            let pairs = keywords.map { (key: Value.string($0.name), value: $0.value) }
            scope.variables["kwargs"] = .dict(try Dict(pairs))
        } else if let first = keywords.first {
            throw TemplateError.type("macro '\(name)' takes no keyword argument '\(first.name)'")
        }
        let rest = Array(arguments.positional.dropFirst(definition.parameters.count))
        if definition.usesRest {
            scope.variables["varargs"] = .tuple(rest)
        } else if !rest.isEmpty {
            throw TemplateError.type(
                "macro '\(name)' takes not more than \(definition.parameters.count) argument(s)")
        }
        return try deeper {
            for (parameter, value) in zip(definition.parameters, given) {
                scope.variables[parameter.name] =
                    try value ?? parameter.fallback.map { try evaluate($0, scope) }
                    ?? .undefined("parameter '\(parameter.name)' was not provided")
            }
            return .text(try captured { _ = try run(definition.body, scope) })
        }
    }

    // MARK: Filters and tests

    /// Applies a filter.
    func filter(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Value {
        guard let filter = Filters.all[name] else {
            throw TemplateError.type("No filter named '\(name)' found.")
        }
        try step(size(value) / 8)
        return try made(filter(self, value, arguments))
    }

    /// Asks a test.
    func test(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Bool {
        guard let test = Tests.all[name] else {
            throw TemplateError.type("No test named '\(name)' found.")
        }
        return try test(self, value, arguments)
    }

    /// About how much there is to go through.
    func size(_ value: Value) -> Int {
        switch value {
        case .text(let text): text.count
        case .list(let items), .tuple(let items): items.values.count
        case .dict(let dict): dict.count
        case .view(let view): view.dict.count
        case .range(let range): range.count
        default: 1
        }
    }
}
