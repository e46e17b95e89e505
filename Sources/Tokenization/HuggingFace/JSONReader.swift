import TensorCore

/// A JSON value together with where it stands, so that a fault can be named.
struct JSONReader {
    let value: JSON
    let path: String
    let file: String?

    func fault(_ kind: TokenizationError.Kind) -> TokenizationError {
        TokenizationError(kind, file: file, place: path.isEmpty ? nil : path)
    }

    private func wrong(_ expected: String) -> TokenizationError {
        fault(.wrongKind(found: value.kindName, expected: expected))
    }

    /// The member called `key`; `nil` when it is absent or `null`.
    func optional(_ key: String) -> JSONReader? {
        guard let member = value[key], !member.isNull else { return nil }
        return JSONReader(value: member, path: path.isEmpty ? key : "\(path).\(key)", file: file)
    }

    func member(_ key: String, _ expected: String) throws(TokenizationError) -> JSONReader {
        guard let member = optional(key) else {
            throw TokenizationError(
                .missing(expected), file: file, place: path.isEmpty ? key : "\(path).\(key)")
        }
        return member
    }

    func elements() throws(TokenizationError) -> [JSONReader] {
        guard let array = value.array else { throw wrong("an array") }
        return array.enumerated().map {
            JSONReader(value: $0.element, path: "\(path)[\($0.offset)]", file: file)
        }
    }

    func members() throws(TokenizationError) -> [JSON.Member] {
        guard let members = value.members else { throw wrong("an object") }
        return members
    }

    func text() throws(TokenizationError) -> String {
        guard let text = value.text else { throw wrong("a string") }
        return text
    }

    func bytes() throws(TokenizationError) -> ByteString {
        guard let bytes = value.bytes else { throw wrong("a string") }
        return bytes
    }

    func integer() throws(TokenizationError) -> Int {
        guard let integer = value.integer else { throw wrong("an integer") }
        return integer
    }

    func double() throws(TokenizationError) -> Double {
        guard let double = value.double else { throw wrong("a number") }
        return double
    }

    /// The Boolean member called `key`, or `fallback` when it is absent.
    func flag(_ key: String, default fallback: Bool) throws(TokenizationError) -> Bool {
        guard let member = optional(key) else { return fallback }
        guard let boolean = member.value.boolean else { throw member.wrong("a Boolean") }
        return boolean
    }

    /// The string member called `key`, or `nil` when it is absent.
    func optionalText(_ key: String) throws(TokenizationError) -> String? {
        guard let member = optional(key) else { return nil }
        return try member.text()
    }
}

extension JSON {
    /// The value as one line of JSON text, for messages.
    var line: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .string(let value): JSON.quoted(value)
        case .array(let values): "[" + values.map { $0.line }.joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.map { "\(JSON.quoted($0.key)): \($0.value.line)" }
                .joined(separator: ", ") + "}"
        }
    }

    private static func quoted(_ text: ByteString) -> String {
        var result = "\""
        for scalar in text.description.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
