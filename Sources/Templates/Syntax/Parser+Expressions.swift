extension Parser {
    /// Expressions with commas between them, a tuple when there is one.
    mutating func tuple(
        allowsConditional: Bool = true, end: String? = nil, isParenthesized: Bool = false
    ) throws -> Expression {
        let line = current.line
        var items: [Expression] = []
        var isTuple = false
        while true {
            if !items.isEmpty { try expect(.comma) }
            if endsTuple(end) { break }
            items.append(try expression(allowsConditional: allowsConditional))
            guard current.isOperator(.comma) else { break }
            isTuple = true
        }
        if !isTuple {
            if let first = items.first { return first }
            guard isParenthesized else {
                throw fault("Expected an expression, got '\(current.description)'")
            }
        }
        return try expression(.tuple(items), line: line, depth: depth(items))
    }

    private func depth(_ items: [Expression]) -> Int { items.lazy.map(\.depth).max() ?? 0 }

    /// One expression.
    mutating func expression(allowsConditional: Bool = true) throws -> Expression {
        try nested { parser in
            let line = parser.current.line
            let unknownCount = parser.unknown.count
            var result = try parser.logical()
            guard allowsConditional else { return result }
            while parser.skip(name: "if") {
                let test = try parser.logical()
                let otherwise = parser.skip(name: "else") ? try parser.expression() : nil
                parser.unknown.removeLast(parser.unknown.count - unknownCount)
                result = try parser.expression(
                    .conditional(test: test, then: result, otherwise: otherwise), line: line,
                    depth: max(result.depth, test.depth, otherwise?.depth ?? 0))
            }
            return result
        }
    }

    /// `or`, and what binds closer.
    private mutating func logical() throws -> Expression {
        let line = current.line
        var left = try conjunction()
        while skip(name: "or") {
            let right = try conjunction()
            left = try expression(
                .or(left, right), line: line, depth: max(left.depth, right.depth))
        }
        return left
    }

    private mutating func conjunction() throws -> Expression {
        let line = current.line
        var left = try negation()
        while skip(name: "and") {
            let right = try negation()
            left = try expression(
                .and(left, right), line: line, depth: max(left.depth, right.depth))
        }
        return left
    }

    private mutating func negation() throws -> Expression {
        let line = current.line
        guard skip(name: "not") else { return try comparison() }
        let operand = try nested { try $0.negation() }
        return try expression(.not(operand), line: line, depth: operand.depth)
    }

    private mutating func comparison() throws -> Expression {
        let line = current.line
        let first = try binary(level: 0)
        var operands: [(comparison: Comparison, operand: Expression)] = []
        while let comparison = takeComparison() {
            operands.append((comparison, try binary(level: 0)))
        }
        guard !operands.isEmpty else { return first }
        return try expression(
            .compare(first, operands), line: line,
            depth: max(first.depth, depth(operands.map(\.operand))))
    }

    private mutating func takeComparison() -> Comparison? {
        if case .op(let op) = current.kind {
            guard let comparison = Comparison(rawValue: op.rawValue) else { return nil }
            take()
            return comparison
        }
        if skip(name: "in") { return .isIn }
        guard current.isName("not"), following.isName("in") else { return nil }
        take()
        take()
        return .notIn
    }

    /// The operators that are left to right, the weakest first; `~` is between the first two.
    private static let levels: [[Token.Operator]] = [
        [.add, .sub], [.tilde], [.mul, .div, .floorDiv, .mod], [.pow],
    ]

    private mutating func binary(level: Int) throws -> Expression {
        guard level < Parser.levels.count else { return try unary() }
        let line = current.line
        var left = try binary(level: level + 1)
        var pieces: [Expression] = []
        while case .op(let op) = current.kind, Parser.levels[level].contains(op) {
            take()
            let right = try binary(level: level + 1)
            if op == .tilde {
                pieces.append(right)
            } else if let arithmetic = Arithmetic(rawValue: op.rawValue) {
                left = try expression(
                    .arithmetic(arithmetic, left, right), line: line,
                    depth: max(left.depth, right.depth))
            }
        }
        guard !pieces.isEmpty else { return left }
        return try expression(
            .concatenation([left] + pieces), line: line, depth: max(left.depth, depth(pieces)))
    }

    private mutating func unary(takesFilters: Bool = true) throws -> Expression {
        let line = current.line
        var result: Expression
        if skip(.sub) {
            let operand = try nested { try $0.unary(takesFilters: false) }
            result = try expression(.negative(operand), line: line, depth: operand.depth)
        } else if skip(.add) {
            let operand = try nested { try $0.unary(takesFilters: false) }
            result = try expression(.positive(operand), line: line, depth: operand.depth)
        } else {
            result = try primary()
        }
        result = try postfix(result)
        guard takesFilters else { return result }
        while true {
            if current.isOperator(.pipe) {
                result = try filters(on: result, startsInline: false)
            } else if current.isName("is") {
                result = try test(of: result)
            } else if current.isOperator(.leftParenthesis) {
                result = try call(result)
            } else {
                return result
            }
        }
    }

    private mutating func primary() throws -> Expression {
        let token = current
        func literal(_ value: Literal) -> Expression {
            Expression(kind: .literal(value), line: token.line, depth: 1)
        }
        switch token.kind {
        case .name:
            take()
            switch token.text.string {
            case "true", "True": return literal(.bool(true))
            case "false", "False": return literal(.bool(false))
            case "none", "None": return literal(.none)
            case let name:
                note(name)
                return Expression(kind: .name(name), line: token.line, depth: 1)
            }
        case .string:
            var text = Text()
            while current.kind == .string { text += take().text }
            return literal(.text(text))
        case .integer(let value):
            take()
            return literal(.int(value))
        case .float(let value):
            take()
            return literal(.float(value))
        case .op(.leftParenthesis):
            take()
            let inner = try tuple(isParenthesized: true)
            try expect(.rightParenthesis)
            return inner
        case .op(.leftBracket): return try list()
        case .op(.leftBrace): return try dict()
        default: throw fault("unexpected '\(token.description)'")
        }
    }

    private mutating func list() throws -> Expression {
        let line = take().line
        var items: [Expression] = []
        while !current.isOperator(.rightBracket) {
            if !items.isEmpty { try expect(.comma) }
            if current.isOperator(.rightBracket) { break }
            items.append(try expression())
        }
        try expect(.rightBracket)
        return try expression(.list(items), line: line, depth: depth(items))
    }

    private mutating func dict() throws -> Expression {
        let line = take().line
        var items: [(key: Expression, value: Expression)] = []
        while !current.isOperator(.rightBrace) {
            if !items.isEmpty { try expect(.comma) }
            if current.isOperator(.rightBrace) { break }
            let key = try expression()
            try expect(.colon)
            items.append((key, try expression()))
        }
        try expect(.rightBrace)
        return try expression(
            .dict(items), line: line,
            depth: max(depth(items.map(\.key)), depth(items.map(\.value))))
    }

    private mutating func postfix(_ operand: Expression) throws -> Expression {
        var result = operand
        while true {
            if current.isOperator(.dot) || current.isOperator(.leftBracket) {
                result = try subscripted(result)
            } else if current.isOperator(.leftParenthesis) {
                result = try call(result)
            } else {
                return result
            }
        }
    }

    private mutating func subscripted(_ operand: Expression) throws -> Expression {
        let line = current.line
        if skip(.dot) {
            let token = take()
            if let name = token.name {
                return try expression(.attribute(operand, name), line: line, depth: operand.depth)
            }
            guard case .integer(let index) = token.kind else {
                throw fault("expected name or number", line: token.line)
            }
            let item = Expression(kind: .literal(.int(index)), line: token.line, depth: 1)
            return try expression(.item(operand, item), line: line, depth: operand.depth)
        }
        try expect(.leftBracket)
        var start: Expression?
        if !current.isOperator(.colon) {
            start = try expression()
            guard current.isOperator(.colon) else {
                return try item(operand, first: start, line: line)
            }
        }
        take()
        let stop = try sliceBound()
        let step = skip(.colon) ? try sliceBound() : nil
        try expect(.rightBracket)
        return try expression(
            .slice(operand, start: start, stop: stop, step: step), line: line,
            depth: max(operand.depth, depth([start, stop, step].compactMap { $0 })))
    }

    private mutating func sliceBound() throws -> Expression? {
        current.isOperator(.colon) || current.isOperator(.rightBracket) ? nil : try expression()
    }

    private mutating func item(
        _ operand: Expression, first: Expression?, line: Int
    ) throws -> Expression {
        var items = [first].compactMap { $0 }
        while !current.isOperator(.rightBracket) {
            try expect(.comma)
            items.append(try expression())
        }
        try expect(.rightBracket)
        let index =
            items.count == 1
            ? items[0] : try expression(.tuple(items), line: line, depth: depth(items))
        return try expression(
            .item(operand, index), line: line, depth: max(operand.depth, index.depth))
    }

    // MARK: Calls, filters and tests

    private mutating func call(_ operand: Expression) throws -> Expression {
        let line = current.line
        let arguments = try arguments()
        return try expression(
            .call(operand, arguments), line: line, depth: max(operand.depth, arguments.depth))
    }

    private mutating func arguments() throws -> CallArguments {
        let line = current.line
        try expect(.leftParenthesis)
        var result = CallArguments()
        var isFirst = true
        func ensure(_ condition: Bool) throws {
            guard condition else {
                throw fault("invalid syntax for function call expression", line: line)
            }
        }
        while !current.isOperator(.rightParenthesis) {
            if !isFirst {
                try expect(.comma)
                if current.isOperator(.rightParenthesis) { break }
            }
            isFirst = false
            if skip(.mul) {
                try ensure(result.spread == nil && result.keywordSpread == nil)
                result.spread = try expression()
            } else if skip(.pow) {
                try ensure(result.keywordSpread == nil)
                result.keywordSpread = try expression()
            } else if let name = current.name, following.isOperator(.assign) {
                try ensure(result.keywordSpread == nil)
                take()
                take()
                result.keywords.append((name, try expression()))
            } else {
                try ensure(
                    result.spread == nil && result.keywordSpread == nil
                        && result.keywords.isEmpty)
                result.positional.append(try expression())
            }
        }
        try expect(.rightParenthesis)
        return result
    }

    private mutating func dottedName() throws -> String {
        var name = try name()
        while skip(.dot) { name += "." + (try self.name()) }
        return name
    }

    mutating func filters(on operand: Expression?, startsInline: Bool) throws -> Expression {
        var result = operand
        var isInline = startsInline
        while current.isOperator(.pipe) || isInline {
            if !isInline { take() }
            isInline = false
            let line = current.line
            let name = try dottedName()
            if !allowsUnknown, Filters.all[name] == nil {
                unknown.append(fault("No filter named '\(name)'.", line: line))
            }
            let arguments =
                current.isOperator(.leftParenthesis) ? try arguments() : CallArguments()
            result = try expression(
                .filter(result, name, arguments), line: line,
                depth: max(result?.depth ?? 0, arguments.depth))
        }
        guard let result else { throw fault("expected a filter") }
        return result
    }

    private mutating func test(of operand: Expression) throws -> Expression {
        let line = take().line
        let isNegated = skip(name: "not")
        let name = try dottedName()
        if !allowsUnknown, Tests.all[name] == nil {
            unknown.append(fault("No test named '\(name)'.", line: line))
        }
        var arguments = CallArguments()
        if current.isOperator(.leftParenthesis) {
            arguments = try self.arguments()
        } else if startsOperand(current) {
            guard !current.isName("is") else {
                throw fault("You cannot chain multiple tests with is")
            }
            arguments.positional = [try nested { try $0.postfix($0.primary()) }]
        }
        let result = try expression(
            .test(operand, name, arguments), line: line,
            depth: max(operand.depth, arguments.depth))
        guard isNegated else { return result }
        return try expression(.not(result), line: line, depth: result.depth)
    }

    /// Whether a test's argument without parentheses begins here.
    private func startsOperand(_ token: Token) -> Bool {
        switch token.kind {
        case .name: !["else", "or", "and"].contains(token.text.string)
        case .string, .integer, .float: true
        case .op(.leftBracket), .op(.leftBrace): true
        default: false
        }
    }
}
