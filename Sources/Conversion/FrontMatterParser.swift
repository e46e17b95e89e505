/// Parses the block structure of front matter, line by line.
struct FrontMatterParser {
    private let lines: [String]
    private let path: String
    private var position = 0
    private var depth = 0
    private static let depthLimit = 32

    init(lines: [String], path: String) {
        self.lines = lines
        self.path = path
    }

    private func fault(_ what: String) -> ConversionError {
        // The first line of the file is the opening `---`.
        ConversionError(
            .malformedFrontMatter(found: what), path: path, place: "line \(position + 2)")
    }

    mutating func document() throws(ConversionError) -> FrontMatter.Value {
        skipBlank()
        guard position < lines.count else { return .null }
        let value = try block(indent: indent(position))
        skipBlank()
        guard position >= lines.count else { throw fault("a line that belongs to nothing") }
        return value
    }

    // MARK: Lines

    private func indent(_ line: Int) -> Int { lines[line].prefix { $0 == " " }.count }

    /// The content of the current line, without indentation.
    private var content: Substring { lines[position].drop { $0 == " " } }

    private mutating func skipBlank() {
        while position < lines.count, content.isEmpty || content.hasPrefix("#") { position += 1 }
    }

    private static func isItem(_ content: Substring) -> Bool {
        content == "-" || content.hasPrefix("- ")
    }

    // MARK: Collections

    /// The collection or scalar that starts on the current line, at `indent`.
    private mutating func block(indent: Int) throws(ConversionError) -> FrontMatter.Value {
        depth += 1
        defer { depth -= 1 }
        guard depth <= FrontMatterParser.depthLimit else { throw fault("values nested too deeply") }
        if FrontMatterParser.isItem(content) { return try list(indent: indent) }
        if try key(of: content) != nil { return try mapping(indent: indent) }
        let first = content
        position += 1
        return try scalar(first, parentIndent: indent - 1)
    }

    private mutating func list(indent: Int) throws(ConversionError) -> FrontMatter.Value {
        var items: [FrontMatter.Value] = []
        while true {
            skipBlank()
            guard position < lines.count, self.indent(position) == indent,
                FrontMatterParser.isItem(content)
            else { break }
            let rest = content.dropFirst().drop { $0 == " " }
            if rest.isEmpty || rest.hasPrefix("#") {
                position += 1
                items.append(try nested(below: indent))
            } else {
                // What follows the dash is a block of its own, indented by dash and spaces.
                let inner = indent + content.count - rest.count
                items.append(try inline(rest, indent: inner, parentIndent: indent))
            }
        }
        return .list(items)
    }

    /// An item that starts on the line of its dash.
    private mutating func inline(
        _ rest: Substring, indent: Int, parentIndent: Int
    ) throws(ConversionError) -> FrontMatter.Value {
        var isCollection = FrontMatterParser.isItem(rest)
        if !isCollection { isCollection = try key(of: rest) != nil }
        guard isCollection else {
            position += 1
            return try scalar(rest, parentIndent: parentIndent)
        }
        // The dash read as a space, the line is the first of the inner block.
        var inner = FrontMatterParser(
            lines: lines[..<position] + [String(repeating: " ", count: indent) + rest]
                + lines[(position + 1)...], path: path)
        inner.position = position
        inner.depth = depth
        let value = try inner.block(indent: indent)
        position = inner.position
        return value
    }

    private mutating func mapping(indent: Int) throws(ConversionError) -> FrontMatter.Value {
        var members: [(key: String, value: FrontMatter.Value)] = []
        while true {
            skipBlank()
            guard position < lines.count, self.indent(position) == indent else { break }
            guard let (key, rest) = try key(of: content) else {
                throw fault("\"\(content)\", expected a key")
            }
            let value = rest.drop { $0 == " " }
            position += 1
            if value.isEmpty || value.hasPrefix("#") {
                members.append((key, try memberBlock(indent: indent)))
            } else {
                members.append((key, try scalar(value, parentIndent: indent)))
            }
        }
        if position < lines.count, self.indent(position) > indent {
            throw fault("\"\(content)\", indented more than what it follows")
        }
        return .mapping(members)
    }

    /// The value on the lines after a key; a list may stand at the key's own indentation.
    private mutating func memberBlock(indent: Int) throws(ConversionError) -> FrontMatter.Value {
        skipBlank()
        if position < lines.count, self.indent(position) == indent,
            FrontMatterParser.isItem(content)
        {
            return try block(indent: indent)
        }
        return try nested(below: indent)
    }

    private mutating func nested(below indent: Int) throws(ConversionError) -> FrontMatter.Value {
        skipBlank()
        guard position < lines.count, self.indent(position) > indent else { return .null }
        return try block(indent: self.indent(position))
    }

    /// The key at the start of a line and what follows its colon; `nil` for another line.
    private func key(
        of content: Substring
    ) throws(ConversionError) -> (key: String, rest: Substring)? {
        if let quote = content.first, quote == "\"" || quote == "'" {
            var cursor = ScalarCursor(content)
            guard let text = cursor.quoted() else { return nil }
            guard cursor.rest.hasPrefix(":"), cursor.rest.dropFirst().first ?? " " == " " else {
                return nil
            }
            return (text, cursor.rest.dropFirst())
        }
        if let first = content.first, "[{|>#".contains(first) { return nil }
        var index = content.startIndex
        while let colon = content[index...].firstIndex(of: ":") {
            let after = content.index(after: colon)
            if after == content.endIndex || content[after] == " " {
                let key = String(content[..<colon])
                if key.contains(" #") { return nil }
                return (key, content[after...])
            }
            index = after
        }
        return nil
    }

    // MARK: Scalars

    /// The scalar or flow collection that starts with `first`.
    ///
    /// It goes on in lines that are indented by more than `parentIndent`. `position` is on the line
    /// after `first`.
    private mutating func scalar(
        _ first: Substring, parentIndent: Int
    ) throws(ConversionError) -> FrontMatter.Value {
        switch first.first {
        case "|", ">": return try blockScalar(first, parentIndent: parentIndent)
        case "&", "*", "!", "@", "`", "%":
            position -= 1
            throw fault("\"\(first.prefix(20))\", expected a plain or quoted value")
        default: break
        }
        var text = first
        if let opening = first.first, "\"'[{".contains(opening) {
            // Quotes and brackets may close on a later line.
            while true {
                var cursor = ScalarCursor(text)
                if let value = cursor.value() {
                    let rest = cursor.rest.drop { $0 == " " }
                    guard rest.isEmpty || rest.hasPrefix("#") else {
                        position -= 1
                        throw fault("\"\(rest.prefix(20))\" after a value")
                    }
                    return value
                }
                guard position < lines.count else {
                    position -= 1
                    throw fault("a quote or bracket that is not closed")
                }
                text += " " + content
                position += 1
            }
        }
        var plain = FrontMatterParser.withoutComment(text)
        while position < lines.count, !content.isEmpty, indent(position) > parentIndent,
            !content.hasPrefix("#")
        {
            if try key(of: content) != nil { throw fault("a key inside a value") }
            plain += " " + FrontMatterParser.withoutComment(content)
            position += 1
        }
        return FrontMatter.Value(plain: plain)
    }

    private static func withoutComment(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        let end =
            bytes.indices.first { index in
                bytes[index] == UInt8(ascii: "#") && index > 0
                    && bytes[index - 1] == UInt8(ascii: " ")
            } ?? bytes.count
        var kept = bytes[..<end]
        while kept.last == UInt8(ascii: " ") { kept.removeLast() }
        return String(decoding: kept, as: UTF8.self)
    }

    /// A text after `|` (lines kept) or `>` (lines joined).
    private mutating func blockScalar(
        _ header: Substring, parentIndent: Int
    ) throws(ConversionError) -> FrontMatter.Value {
        let isFolded = header.hasPrefix(">")
        var text: [String] = []
        var blockIndent: Int?
        while position < lines.count {
            if content.isEmpty {
                text.append("")
            } else {
                let indent = blockIndent ?? self.indent(position)
                guard indent > parentIndent, self.indent(position) >= indent else { break }
                blockIndent = indent
                text.append(String(lines[position].dropFirst(indent)))
            }
            position += 1
        }
        while text.last?.isEmpty ?? false { text.removeLast() }
        var result = ""
        for (index, line) in text.enumerated() {
            if index > 0 {
                let isJoined = isFolded && !line.isEmpty && !text[index - 1].isEmpty
                // A blank line between two is one line break.
                let isSwallowed = isFolded && !line.isEmpty && text[index - 1].isEmpty
                result += isJoined ? " " : isSwallowed ? "" : "\n"
            }
            result += line
        }
        let keepsEnd = !header.dropFirst().hasPrefix("-")
        return .string(result.isEmpty || !keepsEnd ? result : result + "\n")
    }
}
