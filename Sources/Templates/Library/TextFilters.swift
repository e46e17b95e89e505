/// Filters of strings that are more than a call of a method.
enum TextFilters {
    /// Words begin after white space, brackets and hyphens.
    static func titled(_ text: Text) -> Text {
        var startsWord = true
        var result: [UInt32] = []
        for unit in text.units {
            let scalar = unit & Text.scalarMask
            if Characters.isSpace(scalar) || [45, 40, 123, 91, 60].contains(scalar) {
                result.append(unit)
                startsWord = true
            } else {
                result += Characters.mapped(unit, to: startsWord ? .upper : .lower)
                startsWord = false
            }
        }
        return Text(units: result, isMarkup: text.isMarkup)
    }

    static func replace(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("replace", ["old", "new", "count"], required: 2)
        var limit = -1
        if let count = given[2], !isNone(count) { limit = try StringMethods.integer(count, -1) }
        let plain = Text(units: try interpreter.text(value).units)
        return .text(
            try StringMethods.replaced(
                interpreter, plain, interpreter.text(given[0] ?? .none),
                by: interpreter.text(given[1] ?? .none), limit: limit < 0 ? .max : limit))
    }

    private static func isNone(_ value: Value) -> Bool {
        if case .none = value { true } else { false }
    }

    static func indent(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("indent", ["width", "first", "blank"])
        let indention: Text
        if case .text(let text)? = given[0] {
            indention = text
        } else {
            let width = max(0, try StringMethods.integer(given[0], 4))
            try interpreter.take(width)
            indention = Text(String(repeating: " ", count: width))
        }
        guard case .text(let text) = value else {
            if case .undefined(let undefined) = value { throw undefined.error }
            throw TemplateError.type("indent expects a string, not \(value.typeName)")
        }
        let lines = (text + Text("\n")).lines()
        try interpreter.take(min(1 << 40, lines.count &* indention.count))
        let indentsBlank = given[2]?.isTrue ?? false
        var result = given[1]?.isTrue ?? false ? indention : Text()
        for (index, line) in lines.enumerated() {
            if index > 0 {
                result += "\n"
                if indentsBlank || !line.isEmpty { result += indention }
            }
            result += line
        }
        result.isMarkup = text.isMarkup
        return .text(result)
    }

    static func truncate(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound("truncate", ["length", "killwords", "end", "leeway"])
        let length = try StringMethods.integer(given[0], 255)
        let end = try given[2].map { try StringMethods.part($0) } ?? Text("...")
        var leeway = 5
        if let value = given[3], !isNone(value) { leeway = try StringMethods.integer(value, 5) }
        guard length >= end.count else {
            throw TemplateError.type("expected length >= \(end.count), got \(length)")
        }
        guard leeway >= 0 else { throw TemplateError.type("expected leeway >= 0, got \(leeway)") }
        if interpreter.size(value) - min(length, interpreter.size(value)) <= leeway { return value }
        let text = try StringMethods.part(value)
        var kept = text.units[..<(length - end.count)]
        if !(given[1]?.isTrue ?? false),
            let space = kept.lastIndex(where: { $0 & Text.scalarMask == 32 })
        {
            kept = kept[..<space]
        }
        return .text(Text(units: kept) + end)
    }

    static func wordCount(_ text: Text) -> Int {
        var count = 0
        var inWord = false
        for unit in text.units {
            let isWord = Characters.isWord(unit)
            if isWord, !inWord { count += 1 }
            inWord = isWord
        }
        return count
    }

    static func wordWrap(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let given = try arguments.bound(
            "wordwrap", ["width", "break_long_words", "wrapstring", "break_on_hyphens"])
        let width = try StringMethods.integer(given[0], 79)
        guard width > 0 else { throw TemplateError.type("invalid width \(width) (must be > 0)") }
        let breaksWords = given[1]?.isTrue ?? true
        var separator = Text("\n")
        if let value = given[2], !isNone(value) { separator = try StringMethods.part(value) }
        var lines: [Text] = []
        for line in try StringMethods.part(value).lines() {
            let wrapped = wrapped(line, width: width, breaksWords: breaksWords)
            lines.append(separator.joining(wrapped))
        }
        try interpreter.take(min(1 << 40, lines.count &* separator.count))
        return .text(separator.joining(lines))
    }

    /// The lines of a paragraph; words are what stands between white space, cut after hyphens.
    private static func wrapped(_ text: Text, width: Int, breaksWords: Bool) -> [Text] {
        var chunks: [ArraySlice<UInt32>] = []
        var start = 0
        for index in text.units.indices {
            let isLast = index + 1 == text.count
            let isSpace = Characters.isSpace(text.units[index])
            let changes = !isLast && isSpace != Characters.isSpace(text.units[index + 1])
            let cuts =
                !isLast && text[index] == 45 && index > start
                && Characters.isLetter(text.units[index - 1])
                && Characters.isLetter(text.units[index + 1])
            if isLast || changes || cuts {
                chunks.append(text.units[start...index])
                start = index + 1
            }
        }
        var lines: [Text] = []
        var line: [UInt32] = []
        func isBlank(_ chunk: ArraySlice<UInt32>) -> Bool {
            chunk.allSatisfy(Characters.isSpace)
        }
        var queue = chunks[...]
        while let chunk = queue.first {
            if line.isEmpty, !lines.isEmpty, isBlank(chunk) {
                queue.removeFirst()
                continue
            }
            if line.count + chunk.count <= width {
                line += chunk
                queue.removeFirst()
                continue
            }
            if chunk.count > width {
                if breaksWords {
                    let room = max(1, width - line.count)
                    line += chunk.prefix(room)
                    queue[queue.startIndex] = chunk.dropFirst(room)
                } else if line.isEmpty {
                    line += chunk
                    queue.removeFirst()
                }
            }
            close()
        }
        func close() {
            while let last = line.last, Characters.isSpace(last) { line.removeLast() }
            if !line.isEmpty { lines.append(Text(units: line)) }
            line = []
        }
        close()
        return lines
    }

    /// Without tags and comments, with one space for each run of white space.
    static func withoutTags(_ text: Text) -> Text {
        var kept: [UInt32] = []
        var index = 0
        while index < text.count {
            if text[index] == 60 {
                let isComment = text.starts(with: Text("<!--"), at: index)
                let end = text.firstIndex(of: Text(isComment ? "-->" : ">"), from: index)
                if let end {
                    index = end + (isComment ? 3 : 1)
                    continue
                }
            }
            kept.append(text.units[index])
            index += 1
        }
        let words = Text(units: kept).units.split { Characters.isSpace($0) }
        return Text(" ").joining(words.map { Text(units: $0) })
    }

    static func urlEncode(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        let pairs: [Value]
        switch value {
        case .text(let text): return .text(quoted(text, inQuery: false))
        case .dict(let dict): pairs = dict.pairs
        case .list, .tuple, .view, .iterator, .range: pairs = try interpreter.elements(of: value)
        default: return .text(quoted(try interpreter.text(value), inQuery: false))
        }
        let parts = try pairs.map { pair in
            let both = try interpreter.elements(of: pair)
            guard both.count == 2 else { throw TemplateError.type("expected pairs to encode") }
            return quoted(try interpreter.text(both[0]), inQuery: true) + Text("=")
                + quoted(try interpreter.text(both[1]), inQuery: true)
        }
        return .text(Text("&").joining(parts))
    }

    private static func quoted(_ text: Text, inQuery: Bool) -> Text {
        var result: [UInt32] = []
        for unit in text.units {
            let mark = unit & Text.valueMark
            let scalar = Text.scalar(unit)
            if scalar.isASCII,
                scalar.properties.isAlphabetic
                    || "0123456789_.-~".unicodeScalars
                        .contains(scalar)
                    || (!inQuery && scalar == "/")
            {
                result.append(unit)
            } else if inQuery, scalar == " " {
                result.append(43 | mark)
            } else {
                for byte in String(scalar).utf8 {
                    let digits = String(byte, radix: 16, uppercase: true)
                    let escape = "%" + (digits.count < 2 ? "0" : "") + digits
                    result += Text(escape).units.map { $0 | mark }
                }
            }
        }
        return Text(units: result)
    }

    static func xmlAttributes(
        _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
        guard case .dict(let dict) = value else {
            throw TemplateError.type("'\(value.typeName)' object has no attribute 'items'")
        }
        var parts: [Text] = []
        for (key, value) in zip(dict.keys, dict.values) {
            if isNone(value) { continue }
            if case .undefined = value { continue }
            let name = try StringMethods.part(key)
            let invalid: [UInt32] = [9, 10, 11, 12, 13, 32, 47, 62, 61]
            guard !name.scalars.contains(where: invalid.contains) else {
                throw TemplateError.type("Invalid character in attribute name: '\(name.string)'")
            }
            parts.append(
                Text(units: Markup.escaped(name).units) + Text("=\"")
                    + Markup.escaped(try interpreter.text(value)) + Text("\""))
        }
        let spaced = try arguments.bound("xmlattr", ["autospace"])[0]?.isTrue ?? true
        let joined = Text(" ").joining(parts)
        return .text(spaced && !joined.isEmpty ? Text(" ") + joined : joined)
    }
}
