/// Reads tokens into statements: jinja2's parser with the tags `break`, `continue` and
/// `generation`.
struct Parser {
    private let tokens: [Token]
    private var position = 0
    private let limits: TemplateLimits
    /// How deep the parser is in statements and expressions.
    private var nesting = 0
    /// Inside `if` an unknown filter is an error only when it is used.
    var allowsUnknown = false
    /// Unknown filters and tests elsewhere; those of conditional expressions are taken out again.
    var unknown: [TemplateError] = []
    private var loopDepth = 0
    private var blocks: [String: [Statement]] = [:]
    /// The names used in each macro that is being read.
    private var used: [Set<String>] = []

    static func parse(_ source: String, limits: TemplateLimits) throws -> SyntaxTree {
        var parser = Parser(tokens: try Lexer.tokens(source), limits: limits)
        let body = try parser.statements(until: [])
        if let error = parser.unknown.first { throw error }
        return SyntaxTree(body: body, blocks: parser.blocks)
    }

    private init(tokens: [Token], limits: TemplateLimits) {
        self.tokens = tokens
        self.limits = limits
    }

    // MARK: Tokens

    var current: Token { tokens[position] }
    var following: Token { tokens[min(position + 1, tokens.count - 1)] }

    @discardableResult
    mutating func take() -> Token {
        let token = tokens[position]
        if position + 1 < tokens.count { position += 1 }
        return token
    }

    mutating func skip(_ op: Token.Operator) -> Bool {
        guard current.isOperator(op) else { return false }
        take()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard current.isName(name) else { return false }
        take()
        return true
    }

    func fault(_ text: String, line: Int? = nil) -> TemplateError {
        TemplateError(.syntax(text), line: line ?? current.line)
    }

    private func unexpected(_ expected: String) -> TemplateError {
        current.kind == .end
            ? fault("unexpected end of template, expected '\(expected)'.")
            : fault("expected token '\(expected)', got '\(current.description)'")
    }

    mutating func expect(_ op: Token.Operator) throws {
        guard skip(op) else { throw unexpected(op.rawValue) }
    }

    private mutating func expect(_ kind: Token.Kind, _ description: String) throws {
        guard current.kind == kind else { throw unexpected(description) }
        take()
    }

    mutating func expectName(_ name: String) throws {
        guard skip(name: name) else { throw unexpected(name) }
    }

    mutating func name() throws -> String {
        guard let name = current.name else { throw unexpected("name") }
        take()
        return name
    }

    /// Runs `body` one level deeper.
    mutating func nested<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= limits.depth else {
            throw TemplateError(
                .limit("more than \(limits.depth) expressions and statements in each other"),
                line: current.line)
        }
        return try body(&self)
    }

    func expression(_ kind: Expression.Kind, line: Int, depth: Int) throws -> Expression {
        guard depth < limits.depth * 2 else {
            throw TemplateError(
                .limit("an expression of more than \(limits.depth * 2) levels"), line: line)
        }
        return Expression(kind: kind, line: line, depth: depth + 1)
    }

    mutating func note(_ name: String) {
        if !used.isEmpty { used[used.count - 1].insert(name) }
    }

    // MARK: Statements

    /// Statements up to a tag of these names, which stays the current token.
    private mutating func statements(until ends: [String]) throws -> [Statement] {
        var result: [Statement] = []
        while true {
            let token = current
            switch token.kind {
            case .end:
                guard ends.isEmpty else {
                    throw fault(
                        "Unexpected end of template. Jinja was looking for the following tags: "
                            + ends.map { "'\($0)'" }.joined(separator: " or ") + ".")
                }
                return result
            case .data:
                take()
                result.append(Statement(kind: .data(token.text), line: token.line))
            case .variableBegin:
                take()
                let value = try tuple()
                try expect(.variableEnd, "end of print statement")
                result.append(Statement(kind: .output(value), line: token.line))
            case .blockBegin:
                take()
                if let name = current.name, ends.contains(name) { return result }
                result += try nested { try $0.statement() }
                try expect(.blockEnd, "end of statement block")
            default: throw fault("unexpected '\(token.description)'")
            }
        }
    }

    /// The statements of a tag's body; the closing tag's name is taken.
    private mutating func body(until ends: [String]) throws -> (
        statements: [Statement], end: String
    ) {
        _ = skip(.colon)
        try expect(.blockEnd, "end of statement block")
        let result = try statements(until: ends)
        return (result, try name())
    }

    /// The same where names of filters are checked anew, and a `break` may have no loop.
    private mutating func scopedBody(until end: String, isFunction: Bool) throws -> [Statement] {
        let (unknown, loops) = (allowsUnknown, loopDepth)
        defer { (allowsUnknown, loopDepth) = (unknown, loops) }
        allowsUnknown = false
        if isFunction { loopDepth = 0 }
        return try body(until: [end]).statements
    }

    private mutating func statement() throws -> [Statement] {
        guard let tag = current.name else { throw fault("tag name expected") }
        let line = take().line
        let kind: Statement.Kind
        switch tag {
        case "set": kind = try assignment()
        case "for": kind = try loop()
        case "if": kind = try conditional()
        case "macro": kind = try macro()
        case "call": kind = try callBlock(line: line)
        case "with": kind = try with()
        case "filter":
            let filter = try filters(on: nil, startsInline: true)
            kind = .filterBlock(filter, try scopedBody(until: "endfilter", isFunction: false))
        case "generation":
            kind = .generation(try scopedBody(until: "endgeneration", isFunction: true))
        case "block": kind = try block()
        case "print": return try printed(line: line)
        case "break", "continue":
            guard loopDepth > 0 else { throw fault("'\(tag)' outside loop", line: line) }
            kind = tag == "break" ? .leave : .next
        case "include", "import", "from", "extends":
            while current.kind != .blockEnd, current.kind != .end { take() }
            kind = .foreign(tag)
        case "autoescape":
            guard current.isName("false") || current.isName("False") else {
                throw fault("automatic escaping is not supported, expected autoescape false")
            }
            take()
            let body = try scopedBody(until: "endautoescape", isFunction: false)
            kind = .with([], body)
        default: throw fault("Encountered unknown tag '\(tag)'.", line: line)
        }
        return [Statement(kind: kind, line: line)]
    }

    private mutating func printed(line: Int) throws -> [Statement] {
        var result: [Statement] = []
        while current.kind != .blockEnd {
            if !result.isEmpty { try expect(.comma) }
            result.append(Statement(kind: .output(try expression()), line: line))
        }
        return result
    }

    private mutating func assignment() throws -> Statement.Kind {
        let target = try target(allowsAttribute: true)
        if skip(.assign) { return .assign(target, try tuple()) }
        let filter =
            current.isOperator(.pipe) ? try filters(on: nil, startsInline: false) : nil
        return .assignBlock(
            target, filter: filter, try scopedBody(until: "endset", isFunction: false))
    }

    private mutating func loop() throws -> Statement.Kind {
        let target = try target(allowsAttribute: false, end: "in")
        try expectName("in")
        let sequence = try tuple(allowsConditional: false, end: "recursive")
        let test = skip(name: "if") ? try expression() : nil
        let isRecursive = skip(name: "recursive")
        let unknown = allowsUnknown
        defer { allowsUnknown = unknown }
        allowsUnknown = false
        loopDepth += 1
        let inner = try body(until: ["endfor", "else"])
        loopDepth -= 1
        guard !target.names.contains("loop") else {
            throw fault("Can't assign to special loop variable in for-loop target")
        }
        let otherwise = inner.end == "else" ? try body(until: ["endfor"]).statements : []
        return .loop(
            LoopDefinition(
                target: target, sequence: sequence, test: test, isRecursive: isRecursive,
                body: inner.statements, otherwise: otherwise))
    }

    private mutating func conditional() throws -> Statement.Kind {
        let unknown = allowsUnknown
        defer { allowsUnknown = unknown }
        allowsUnknown = true
        var branches: [(test: Expression, body: [Statement])] = []
        while true {
            let test = try tuple(allowsConditional: false)
            let (statements, end) = try body(until: ["elif", "else", "endif"])
            branches.append((test, statements))
            if end == "elif" { continue }
            let otherwise = end == "else" ? try body(until: ["endif"]).statements : []
            return .conditional(branches, otherwise: otherwise)
        }
    }

    private mutating func with() throws -> Statement.Kind {
        var values: [(target: Target, value: Expression)] = []
        while current.kind != .blockEnd, current.kind != .end {
            if !values.isEmpty { try expect(.comma) }
            let target = try target(allowsAttribute: false)
            try expect(.assign)
            values.append((target, try expression()))
        }
        return .with(values, try scopedBody(until: "endwith", isFunction: false))
    }

    private mutating func block() throws -> Statement.Kind {
        let name = try name()
        _ = skip(name: "scoped")
        _ = skip(name: "required")
        guard blocks[name] == nil else { throw fault("block '\(name)' defined twice") }
        blocks[name] = []
        blocks[name] = try scopedBody(until: "endblock", isFunction: true)
        _ = skip(name: name)
        return .block(name)
    }

    // MARK: Macros

    private mutating func signature() throws -> [(name: String, fallback: Expression?)] {
        var result: [(name: String, fallback: Expression?)] = []
        try expect(.leftParenthesis)
        while !current.isOperator(.rightParenthesis) {
            if !result.isEmpty { try expect(.comma) }
            let name = try name()
            if skip(.assign) {
                result.append((name, try expression()))
            } else {
                guard result.last?.fallback == nil else {
                    throw fault("non-default argument follows default argument")
                }
                result.append((name, nil))
            }
        }
        try expect(.rightParenthesis)
        return result
    }

    private mutating func definition(
        name: String?, _ parameters: [(name: String, fallback: Expression?)], end: String
    ) throws -> MacroDefinition {
        used.append([])
        let body = try scopedBody(until: end, isFunction: true)
        let names = used.removeLast()
        if !used.isEmpty { used[used.count - 1].formUnion(names) }
        return MacroDefinition(name: name, parameters: parameters, body: body, used: names)
    }

    private mutating func macro() throws -> Statement.Kind {
        let name = try name()
        return .macro(try definition(name: name, try signature(), end: "endmacro"))
    }

    private mutating func callBlock(line: Int) throws -> Statement.Kind {
        let parameters = current.isOperator(.leftParenthesis) ? try signature() : []
        let call = try expression()
        guard case .call = call.kind else { throw fault("expected call", line: line) }
        return .callBlock(try definition(name: nil, parameters, end: "endcall"), call: call)
    }

    // MARK: Targets

    private mutating func target(allowsAttribute: Bool, end: String? = nil) throws -> Target {
        var targets: [Target] = []
        var isTuple = false
        while true {
            targets.append(try nested { try $0.singleTarget(allowsAttribute, end) })
            guard skip(.comma) else { break }
            isTuple = true
            if endsTuple(end) || current.isOperator(.assign) { break }
        }
        return isTuple ? .tuple(targets) : targets[0]
    }

    private mutating func singleTarget(_ allowsAttribute: Bool, _ end: String?) throws -> Target {
        if skip(.leftParenthesis) {
            let inner = try target(allowsAttribute: allowsAttribute)
            try expect(.rightParenthesis)
            return inner
        }
        let name = try name()
        guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
            throw fault("can't assign to 'const'")
        }
        if allowsAttribute, skip(.dot) {
            note(name)
            return .attribute(of: name, try self.name())
        }
        return .name(name)
    }

    /// Whether nothing more can follow a comma.
    func endsTuple(_ end: String?) -> Bool {
        if current.kind == .variableEnd || current.kind == .blockEnd
            || current.isOperator(.rightParenthesis)
        {
            return true
        }
        return end.map(current.isName) ?? false
    }
}
