/// Cuts a template into tokens: jinja2's lexer with `trim_blocks` and `lstrip_blocks`.
struct Lexer {
    private let source: [UInt32]
    private var position = 0
    private var line = 1
    /// Whether the last match ended in a line feed, or nothing came before.
    private var startsLine = true
    private var tokens: [Token] = []

    /// The tokens of a template, closed by one of the kind `end`.
    static func tokens(_ source: String) throws -> [Token] {
        var lexer = Lexer(source)
        try lexer.root()
        lexer.add(.end)
        return lexer.tokens
    }

    private init(_ text: String) {
        // Lines end in LF; one at the very end does not count.
        var scalars: [UInt32] = []
        scalars.reserveCapacity(text.utf8.count)
        var afterReturn = false
        for scalar in text.unicodeScalars {
            if scalar == "\n", afterReturn {
                afterReturn = false
                continue
            }
            afterReturn = scalar == "\r"
            scalars.append(afterReturn ? 10 : scalar.value)
        }
        if scalars.last == 10 { scalars.removeLast() }
        source = scalars
    }

    private mutating func add(_ kind: Token.Kind, _ text: Text = Text()) {
        tokens.append(Token(kind: kind, text: text, line: line))
    }

    private func fault(_ text: String) -> TemplateError { TemplateError(.syntax(text), line: line) }

    private func stands(_ text: StaticString, at index: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard index + count <= source.count else { return false }
        for offset in 0..<count
        where unsafe source[index + offset] != UInt32(text.utf8Start[offset]) {
            return false
        }
        return true
    }

    private func afterSpace(_ index: Int) -> Int {
        var index = index
        while index < source.count, Characters.isSpace(source[index]) { index += 1 }
        return index
    }

    /// Goes on to `end` and counts lines.
    private mutating func advance(to end: Int) {
        for index in position..<end where source[index] == 10 { line += 1 }
        if end > position { startsLine = source[end - 1] == 10 }
        position = end
    }

    // MARK: Text between tags

    private mutating func root() throws {
        while position < source.count {
            var start = position
            while start < source.count, !isTag(at: start) { start += 1 }
            guard start < source.count else {
                add(.data, Text(units: source[position...]))
                return advance(to: source.count)
            }
            if let raw = rawBegin(at: start) {
                data(to: start, sign: raw.sign, strips: true)
                advance(to: raw.end)
                try self.raw()
                continue
            }
            let kind = source[start + 1]
            let next = start + 2 < source.count ? source[start + 2] : 0
            let sign = next == 45 || next == 43 ? next : nil
            data(to: start, sign: sign, strips: kind != 123)
            let end = start + 2 + (sign == nil ? 0 : 1)
            switch kind {
            case 35:
                advance(to: end)
                try comment()
            case 37:
                add(.blockBegin)
                advance(to: end)
                try tag(isBlock: true)
            default:
                add(.variableBegin)
                advance(to: end)
                try tag(isBlock: false)
            }
        }
    }

    /// Whether `{{`, `{%` or `{#` stands here.
    private func isTag(at index: Int) -> Bool {
        source[index] == 123 && index + 1 < source.count
            && [123, 37, 35].contains(source[index + 1])
    }

    /// The text before a tag at `start`: less the white space that the tag takes away.
    private mutating func data(to start: Int, sign: UInt32?, strips: Bool) {
        var end = start
        if sign == 45 {
            while end > position, Characters.isSpace(source[end - 1]) { end -= 1 }
        } else if sign != 43, strips {
            var lineStart = start
            while lineStart > position, source[lineStart - 1] != 10 { lineStart -= 1 }
            if lineStart > position || startsLine,
                source[lineStart..<start].allSatisfy(Characters.isSpace)
            {
                end = lineStart
            }
        }
        if end > position { add(.data, Text(units: source[position..<end])) }
        advance(to: start)
    }

    /// `{% raw %}` at `start`: its sign and where it ends.
    private func rawBegin(at start: Int) -> (sign: UInt32?, end: Int)? {
        guard stands("{%", at: start) else { return nil }
        var index = start + 2
        var sign: UInt32?
        if index < source.count, source[index] == 45 || source[index] == 43 {
            sign = source[index]
            index += 1
        }
        index = afterSpace(index)
        guard stands("raw", at: index) else { return nil }
        index = afterSpace(index + 3)
        if stands("-%}", at: index) { return (sign, afterSpace(index + 3)) }
        return stands("%}", at: index) ? (sign, index + 2) : nil
    }

    private mutating func raw() throws {
        for start in position..<max(position, source.count) where stands("{%", at: start) {
            var index = start + 2
            var sign: UInt32?
            if index < source.count, source[index] == 45 || source[index] == 43 {
                sign = source[index]
                index += 1
            }
            index = afterSpace(index)
            guard stands("endraw", at: index) else { continue }
            guard let end = blockEnd(at: afterSpace(index + 6)) else { continue }
            data(to: start, sign: sign, strips: true)
            return advance(to: end)
        }
        throw fault("Missing end of raw directive")
    }

    /// Where what closes a block at `index` ends.
    private func blockEnd(at index: Int) -> Int? {
        if stands("+%}", at: index) { return index + 3 }
        if stands("-%}", at: index) { return afterSpace(index + 3) }
        guard stands("%}", at: index) else { return nil }
        return stands("\n", at: index + 2) ? index + 3 : index + 2
    }

    private mutating func comment() throws {
        var index = position
        while index < source.count {
            if stands("+#}", at: index) { return advance(to: index + 3) }
            if stands("-#}", at: index) { return advance(to: afterSpace(index + 3)) }
            if stands("#}", at: index) {
                return advance(to: stands("\n", at: index + 2) ? index + 3 : index + 2)
            }
            index += 1
        }
        throw fault("Missing end of comment tag")
    }

    // MARK: Inside a tag

    private mutating func tag(isBlock: Bool) throws {
        var open: [Token.Operator] = []
        while position < source.count {
            if open.isEmpty, let end = isBlock ? blockEnd(at: position) : variableEnd(at: position)
            {
                add(isBlock ? .blockEnd : .variableEnd)
                return advance(to: end)
            }
            let scalar = source[position]
            if Characters.isSpace(scalar) {
                advance(to: afterSpace(position))
            } else if let (kind, end) = try number() {
                add(kind)
                advance(to: end)
            } else if Characters.isWord(scalar) {
                try name()
            } else if scalar == 34 || scalar == 39 {
                try string(quote: scalar)
            } else {
                try symbol(&open)
            }
        }
    }

    private func variableEnd(at index: Int) -> Int? {
        if stands("-}}", at: index) { return afterSpace(index + 3) }
        return stands("}}", at: index) ? index + 2 : nil
    }

    private mutating func name() throws {
        var end = position
        while end < source.count,
            Characters.isWord(source[end]) || Characters.continuesName(source[end])
        {
            end += 1
        }
        guard Characters.startsName(source[position]),
            source[position..<end].allSatisfy(Characters.continuesName)
        else { throw fault("Invalid character in identifier") }
        add(.name, Text(units: source[position..<end]))
        advance(to: end)
    }

    private mutating func symbol(_ open: inout [Token.Operator]) throws {
        for length in [2, 1] where position + length <= source.count {
            let text = Text.string(source[position..<(position + length)])
            guard let op = Token.Operator(rawValue: text) else { continue }
            switch op {
            case .leftBrace: open.append(.rightBrace)
            case .leftParenthesis: open.append(.rightParenthesis)
            case .leftBracket: open.append(.rightBracket)
            case .rightBrace, .rightParenthesis, .rightBracket:
                guard let expected = open.popLast() else { throw fault("unexpected '\(text)'") }
                guard expected == op else {
                    throw fault("unexpected '\(text)', expected '\(expected.rawValue)'")
                }
            default: break
            }
            add(.op(op))
            return advance(to: position + length)
        }
        throw fault("unexpected char '\(Text.string(source[position...position]))'")
    }
}

/// Numbers and strings.
extension Lexer {
    private func digits(
        from start: Int, leadingUnderscore: Bool = false, _ isDigit: (UInt32) -> Bool
    ) -> Int? {
        var index = start
        var end: Int?
        var mayUnderscore = leadingUnderscore
        while index < source.count {
            if isDigit(source[index]) {
                index += 1
                end = index
                mayUnderscore = true
            } else if source[index] == 95, mayUnderscore {
                mayUnderscore = false
                index += 1
            } else {
                break
            }
        }
        return end
    }

    private func number() throws -> (Token.Kind, end: Int)? {
        guard (48...57).contains(source[position]) else { return nil }
        func isDecimal(_ unit: UInt32) -> Bool { (48...57).contains(unit) }
        if position == 0 || source[position - 1] != 46,
            let whole = digits(from: position, isDecimal)
        {
            var end = whole
            if stands(".", at: end), let fraction = digits(from: end + 1, isDecimal) {
                end = fraction
            }
            if stands("e", at: end) || stands("E", at: end) {
                let signed = stands("+", at: end + 1) || stands("-", at: end + 1)
                if let exponent = digits(from: end + (signed ? 2 : 1), isDecimal) { end = exponent }
            }
            if end > whole {
                let text = Text.string(source[position..<end]).replacing("_", with: "")
                return (.float(Double(text) ?? .infinity), end)
            }
        }
        let radix: Int
        let end: Int?
        let letter = position + 1 < source.count ? source[position + 1] | 32 : 0
        if source[position] == 48, letter == 98 || letter == 111 || letter == 120 {
            radix = letter == 98 ? 2 : letter == 111 ? 8 : 16
            end = digits(from: position + 2, leadingUnderscore: true) { unit in
                Character(Text.scalar(unit)).hexDigitValue.map { $0 < radix } ?? false
            }
        } else {
            radix = 10
            let isZero = source[position] == 48
            end = digits(from: position) { isZero ? $0 == 48 : isDecimal($0) }
        }
        guard let end else { return (.integer(0), position + 1) }
        var text = Text.string(source[position..<end]).replacing("_", with: "")
        if radix != 10 { text.removeFirst(2) }
        guard let value = Int(text, radix: radix) else {
            throw fault("the integer \(text) is too large, expected one of 64 bits")
        }
        return (.integer(value), end)
    }

    private mutating func string(quote: UInt32) throws {
        var index = position + 1
        while index < source.count, source[index] != quote {
            index += source[index] == 92 ? 2 : 1
        }
        guard index < source.count else {
            throw fault("unexpected char '\(Text.string([quote]))'")
        }
        add(.string, try unescaped(source[(position + 1)..<index]))
        advance(to: index + 1)
    }

    /// What a string literal stands for: Python's `unicode-escape`.
    private func unescaped(_ body: ArraySlice<UInt32>) throws -> Text {
        guard body.contains(92) else { return Text(units: body) }
        var result: [UInt32] = []
        var index = body.startIndex
        while index < body.endIndex {
            guard body[index] == 92, index + 1 < body.endIndex else {
                result.append(body[index])
                index += 1
                continue
            }
            let letter = body[index + 1]
            index += 2
            switch letter {
            case 10: break
            case 92, 39, 34: result.append(letter)
            case 97: result.append(7)
            case 98: result.append(8)
            case 102: result.append(12)
            case 110: result.append(10)
            case 114: result.append(13)
            case 116: result.append(9)
            case 118: result.append(11)
            case 48...55:
                var value = letter - 48
                var count = 1
                while count < 3, index < body.endIndex, (48...55).contains(body[index]) {
                    value = value * 8 + body[index] - 48
                    index += 1
                    count += 1
                }
                result.append(value)
            case 120, 117, 85:
                let count = letter == 120 ? 2 : letter == 117 ? 4 : 8
                let digits = Text.string(body[index..<min(index + count, body.endIndex)])
                guard digits.count == count, digits.allSatisfy(\.isHexDigit),
                    let value = UInt32(digits, radix: 16), value <= 0x10FFFF
                else { throw fault("a truncated or illegal escape in a string") }
                result.append(value)
                index += count
            case 78: throw fault("\\N{…} is not supported in a string")
            default: result += [92, letter]
            }
        }
        return Text(units: result)
    }
}
