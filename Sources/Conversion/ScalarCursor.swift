/// Reads quoted scalars and flow collections (`[a, "b"]`, `{k: v}`) from a text.
struct ScalarCursor {
    /// What is not read yet.
    private(set) var rest: Substring
    private var depth = 0
    private static let depthLimit = 32

    init(_ text: Substring) { rest = text }

    private mutating func skipSpaces() { rest = rest.drop { $0 == " " } }

    /// A quoted scalar or flow collection; `nil` when it is not closed.
    mutating func value() -> FrontMatter.Value? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= ScalarCursor.depthLimit else { return nil }
        skipSpaces()
        switch rest.first {
        case "\"", "'": return quoted().map { .string($0) }
        case "[": return list()
        case "{": return mapping()
        case nil: return nil
        default: return FrontMatter.Value(plain: plain())
        }
    }

    /// A text in quotes; `nil` when it is not closed.
    mutating func quoted() -> String? {
        guard let quote = rest.popFirst() else { return nil }
        var text = ""
        while let character = rest.popFirst() {
            if character == quote {
                guard quote == "'", rest.first == "'" else { return text }
                rest.removeFirst()
                text.append("'")
            } else if character == "\\", quote == "\"" {
                guard let escaped = escape() else { return nil }
                text.append(escaped)
            } else {
                text.append(character)
            }
        }
        return nil
    }

    private mutating func escape() -> Character? {
        guard let character = rest.popFirst() else { return nil }
        switch character {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "0": return "\0"
        case "x", "u", "U":
            let count = character == "x" ? 2 : character == "u" ? 4 : 8
            let digits = rest.prefix(count)
            rest = rest.dropFirst(count)
            guard digits.count == count, let number = UInt32(digits, radix: 16) else { return nil }
            return UnicodeScalar(number).map { Character($0) }
        default: return character
        }
    }

    /// A plain scalar inside a flow collection.
    private mutating func plain() -> String {
        var text = ""
        while let character = rest.first, !",]}".contains(character) {
            if character == ":", rest.dropFirst().first ?? " " == " " { break }
            text.append(character)
            rest.removeFirst()
        }
        while text.last == " " { text.removeLast() }
        return text
    }

    private mutating func list() -> FrontMatter.Value? {
        rest.removeFirst()
        var items: [FrontMatter.Value] = []
        while true {
            skipSpaces()
            guard let next = rest.first else { return nil }
            if next == "]" {
                rest.removeFirst()
                return .list(items)
            }
            guard let item = value() else { return nil }
            items.append(item)
            skipSpaces()
            if rest.first == "," {
                rest.removeFirst()
            } else if rest.first != "]" {
                return nil
            }
        }
    }

    private mutating func mapping() -> FrontMatter.Value? {
        rest.removeFirst()
        var members: [(key: String, value: FrontMatter.Value)] = []
        while true {
            skipSpaces()
            guard let next = rest.first else { return nil }
            if next == "}" {
                rest.removeFirst()
                return .mapping(members)
            }
            guard let key = next == "\"" || next == "'" ? quoted() : plain() else { return nil }
            skipSpaces()
            guard rest.first == ":" else { return nil }
            rest.removeFirst()
            skipSpaces()
            if let next = rest.first, next == "," || next == "}" {
                members.append((key, .null))
            } else {
                guard let item = value() else { return nil }
                members.append((key, item))
            }
            skipSpaces()
            if rest.first == "," {
                rest.removeFirst()
            } else if rest.first != "}" {
                return nil
            }
        }
    }
}

extension FrontMatter.Value {
    /// What YAML 1.1 makes of a scalar without quotes.
    init(plain text: String) {
        let words: Set = ["true", "false", "yes", "no", "on", "off"]
        if ["", "~", "null", "Null", "NULL"].contains(text) {
            self = .null
        } else if words.contains(text.lowercased())
            && [
                text.lowercased(), text.uppercased(),
                text.prefix(1).uppercased()
                    + text.dropFirst().lowercased(),
            ].contains(text)
        {
            self = .other(text)
        } else if text.wholeMatch(of: /[-+]?(?:[0-9][0-9_]*|[0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?)/)
            != nil,
            text.contains(where: \.isNumber)
        {
            self = .other(text)
        } else {
            self = .string(text)
        }
    }
}
