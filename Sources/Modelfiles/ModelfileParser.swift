extension Modelfile {
    /// The longest text that is read, in bytes.
    public static let byteLimit = 8 << 20

    /// Reads a text.
    ///
    /// An instruction is a word in any case and what follows in its line, without white space around
    /// it. A value that begins with `"` ends at a line that ends with `"`, one that begins with `"""`
    /// at a line that ends with that. Lines that begin with `#` are comments.
    ///
    /// - Throws: `ModelfileError` with the line.
    /// - Complexity: O(length of the text).
    public init(parsing bytes: [UInt8], file: String? = nil) throws(ModelfileError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let lines = bytes.split(
                separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
            throw ModelfileError(file: file, line: (index ?? 0) + 1, problem: "not UTF-8")
        }
        var parser = ModelfileParser(text)
        do {
            try parser.run()
        } catch {
            var located = error
            located.file = file
            throw located
        }
        self.init(entries: parser.entries)
    }
}

private struct ModelfileParser {
    private let lines: [Substring]
    private var next = 0
    var entries: [Modelfile.Entry] = []

    init(_ text: String) {
        // A byte order mark, which editors write, is no part of the text.
        let text =
            text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        // "\r\n" is one character, and a line's end.
        lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    }

    mutating func run() throws(ModelfileError) {
        while next < lines.count {
            let line = next + 1
            let text = lines[next].trimmed
            next += 1
            guard !text.isEmpty, text.first != "#" else { continue }
            let (word, rest) = text.splitWord
            let instruction = try instruction(word.uppercased(), word, rest, line)
            entries.append(.init(instruction: instruction, line: line))
        }
        guard entries.contains(where: { if case .from = $0.instruction { true } else { false } })
        else {
            throw ModelfileError(
                line: 0, problem: "there is no FROM", remedy: "Begin with FROM and a model's path.")
        }
    }

    private mutating func instruction(
        _ word: String, _ found: Substring, _ rest: Substring, _ line: Int
    ) throws(ModelfileError) -> Modelfile.Instruction {
        guard Modelfile.Instruction.words.contains(word) else {
            let words = Modelfile.Instruction.words.joined(separator: ", ")
            throw ModelfileError(
                line: line, problem: "\"\(found.prefix(40))\" found, expected one of \(words)")
        }
        if word == "PARAMETER" {
            let (name, rest) = rest.splitWord
            guard !name.isEmpty else {
                throw ModelfileError(line: line, problem: "PARAMETER has no name")
            }
            return .parameter(
                name: name.lowercased(), value: try value(rest, "PARAMETER \(name)", line))
        }
        if word == "MESSAGE" {
            let (role, rest) = rest.splitWord
            guard Modelfile.Instruction.roles.contains(String(role)) else {
                throw ModelfileError(
                    line: line,
                    problem: "\"\(role.prefix(40))\" found, expected system, user or assistant")
            }
            return .message(role: String(role), content: try value(rest, "MESSAGE \(role)", line))
        }
        let value = try value(rest, word, line)
        return switch word {
        case "FROM": .from(value)
        case "TEMPLATE": .template(value)
        case "SYSTEM": .system(value)
        case "ADAPTER": .adapter(value)
        case "LICENSE": .license(value)
        case "REQUIRES": .requires(value)
        case "RENDERER": .renderer(value)
        case "PARSER": .parser(value)
        default: .draft(value)
        }
    }

    /// The value that begins with the rest of a line.
    private mutating func value(
        _ rest: Substring, _ name: String, _ line: Int
    ) throws(ModelfileError) -> String {
        guard !rest.isEmpty else {
            throw ModelfileError(line: line, problem: "\(name) has no value")
        }
        guard rest.first == "\"" else { return String(rest) }
        let mark = rest.hasPrefix("\"\"\"") ? "\"\"\"" : "\""
        // What follows the first line, as it stands.
        var parts = [rest.dropFirst(mark.count)]
        while true {
            let end = parts[parts.count - 1].trimmedEnd
            // White space after the last mark is none of the value's.
            if end.hasSuffix(mark) {
                parts[parts.count - 1] = end.dropLast(mark.count)
                return parts.joined(separator: "\n")
            }
            guard next < lines.count else {
                throw ModelfileError(
                    line: line, problem: "\(name) begins with \(mark) and does not end",
                    remedy: "End its last line with \(mark).")
            }
            parts.append(lines[next])
            next += 1
        }
    }
}

extension Substring {
    /// Without white space around it.
    fileprivate var trimmed: Substring { drop(while: \.isWhitespace).trimmedEnd }

    /// Without white space at its end.
    fileprivate var trimmedEnd: Substring {
        var result = self
        while result.last?.isWhitespace == true { result.removeLast() }
        return result
    }

    /// The first word and what follows it.
    fileprivate var splitWord: (Substring, Substring) {
        let word = prefix { !$0.isWhitespace }
        return (word, self[word.endIndex...].drop(while: \.isWhitespace))
    }
}
