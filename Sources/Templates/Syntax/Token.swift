/// A token of a template.
struct Token {
    enum Kind: Equatable {
        case data
        case variableBegin, variableEnd, blockBegin, blockEnd
        case name, string
        case integer(Int)
        case float(Double)
        case op(Operator)
        case end
    }

    enum Operator: String {
        case add = "+"
        case sub = "-"
        case div = "/"
        case floorDiv = "//"
        case mul = "*"
        case mod = "%"
        case pow = "**"
        case tilde = "~"
        case leftBracket = "["
        case rightBracket = "]"
        case leftParenthesis = "("
        case rightParenthesis = ")"
        case leftBrace = "{"
        case rightBrace = "}"
        case equal = "=="
        case unequal = "!="
        case greater = ">"
        case greaterOrEqual = ">="
        case less = "<"
        case lessOrEqual = "<="
        case assign = "="
        case dot = "."
        case colon = ":"
        case pipe = "|"
        case comma = ","
        case semicolon = ";"
    }

    let kind: Kind
    /// The text of data, names and strings.
    let text: Text
    let line: Int

    /// The name, when it is one.
    var name: String? { kind == .name ? text.string : nil }

    func isName(_ name: String) -> Bool { kind == .name && text == name }
    func isOperator(_ op: Operator) -> Bool { kind == .op(op) }

    /// What it is called in messages.
    var description: String {
        switch kind {
        case .data: "template data / text"
        case .variableBegin: "begin of print statement"
        case .variableEnd: "end of print statement"
        case .blockBegin: "begin of statement block"
        case .blockEnd: "end of statement block"
        case .name: text.string
        case .string: "string"
        case .integer: "integer"
        case .float: "float"
        case .op(let op): op.rawValue
        case .end: "end of template"
        }
    }
}
