/// Reads the regular part of JSON Schema's regular expressions, for the contents of a JSON string.
struct RegularExpression {
    private let text: [UInt32]
    private var position = 0
    private var depth = 0

    /// The pattern of strings in which the expression is found, as JSON writes them.
    ///
    /// - Throws: `GrammarError` of the kind `keyword` for what is no regular expression or more than
    ///   one (look-around, back references).
    static func pattern(_ text: String) throws(GrammarError) -> Pattern {
        guard text.utf8.count <= 4096 else {
            throw GrammarError(.keyword("pattern", "more than 4096 bytes are not supported"))
        }
        var parser = RegularExpression(text: text.unicodeScalars.map(\.value))
        let result = try parser.choice(isOutermost: true)
        guard parser.position == parser.text.count else { throw parser.fault("an unbalanced )") }
        return result
    }

    private init(text: [UInt32]) { self.text = text }

    private func fault(_ reason: String) -> GrammarError {
        GrammarError(.keyword("pattern", "\(reason) at character \(position + 1) is not supported"))
    }

    private func at(_ scalar: Unicode.Scalar, _ offset: Int = 0) -> Bool {
        position + offset < text.count && text[position + offset] == scalar.value
    }

    /// One scalar of a set, as JSON writes it in a string.
    private func character(_ set: [ClosedRange<UInt32>]) throws(GrammarError) -> Pattern {
        let plain = ScalarSet.intersection(set, [0x20...0x21, 0x23...0x5B, 0x5D...0x10FFFF])
        var choices: [Pattern] = plain.isEmpty ? [] : [.scalars(plain)]
        let escapes: [(UInt32, String)] = [
            (34, "\\\""), (92, "\\\\"), (10, "\\n"), (13, "\\r"), (9, "\\t"), (8, "\\b"),
            (12, "\\f"),
        ]
        for (scalar, escape) in escapes where set.contains(where: { $0.contains(scalar) }) {
            choices.append(.text(escape))
        }
        guard !choices.isEmpty else { throw fault("a set without printable characters") }
        return .choice(choices)
    }

    private static let anything = Pattern.any(JSONPatterns.character)
    private static let digits: [ClosedRange<UInt32>] = [48...57]
    private static let words: [ClosedRange<UInt32>] = [48...57, 65...90, 95...95, 97...122]
    private static let spaces: [ClosedRange<UInt32>] = [
        9...13, 32...32, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
        0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ]

    private mutating func choice(isOutermost: Bool) throws(GrammarError) -> Pattern {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 50 else { throw fault("a group in more than 50 others") }
        var choices: [Pattern] = []
        repeat {
            if !choices.isEmpty { position += 1 }
            choices.append(try sequence(isOutermost: isOutermost))
        } while at("|")
        return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private mutating func sequence(isOutermost: Bool) throws(GrammarError) -> Pattern {
        var parts: [Pattern] = []
        var isClosed = false
        if isOutermost {
            if at("^") {
                position += 1
            } else {
                parts.append(Self.anything)
            }
        }
        while position < text.count, !at("|"), !at(")") {
            if at("$"), isOutermost {
                position += 1
                isClosed = true
                guard position == text.count || at("|") else { throw fault("a $ inside") }
                break
            }
            parts.append(try repeated(try atom()))
        }
        if isOutermost, !isClosed { parts.append(Self.anything) }
        return .sequence(parts)
    }

    private mutating func repeated(_ part: Pattern) throws(GrammarError) -> Pattern {
        guard position < text.count else { return part }
        var minimum = 0
        var maximum: Int?
        switch Unicode.Scalar(text[position]) {
        case "*": position += 1
        case "+":
            position += 1
            minimum = 1
        case "?":
            position += 1
            maximum = 1
        case "{":
            position += 1
            guard let low = number() else { throw fault("a { without a number") }
            (minimum, maximum) = (low, low)
            if at(",") {
                position += 1
                maximum = number()
            }
            guard at("}"), maximum ?? .max >= minimum else { throw fault("this { }") }
            position += 1
        default: return part
        }
        // A lazy repetition allows the same texts.
        if at("?") { position += 1 }
        guard !at("*"), !at("+"), !at("{") else { throw fault("a repetition of a repetition") }
        return .repetition(part, minimum: minimum, maximum: maximum)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while position < text.count, (48...57).contains(text[position]) {
            value = min(1 << 20, (value ?? 0) * 10 + Int(text[position] - 48))
            position += 1
        }
        return value
    }

    private mutating func atom() throws(GrammarError) -> Pattern {
        switch Unicode.Scalar(text[position]) {
        case "(":
            position += 1
            if at("?") {
                guard at(":", 1) else { throw fault("this kind of group") }
                position += 2
            }
            let inner = try choice(isOutermost: false)
            guard at(")") else { throw fault("an unbalanced (") }
            position += 1
            return inner
        case "[": return try character(try set())
        case ".":
            position += 1
            let lines: [ClosedRange<UInt32>] = [10...10, 13...13, 0x2028...0x2029]
            return try character(ScalarSet.complement(lines))
        case "\\": return try character(try escape())
        case "^", "$", "*", "+", "?": throw fault("this \(Text.name(text[position]))")
        default:
            position += 1
            return try character([text[position - 1]...text[position - 1]])
        }
    }

    /// The set of an escape, of one scalar for most.
    private mutating func escape() throws(GrammarError) -> [ClosedRange<UInt32>] {
        position += 1
        guard position < text.count, let letter = Unicode.Scalar(text[position]) else {
            throw fault("a \\ at the end")
        }
        position += 1
        func single(_ value: UInt32) -> [ClosedRange<UInt32>] { [value...value] }
        switch letter {
        case "d": return Self.digits
        case "D": return ScalarSet.complement(Self.digits)
        case "w": return Self.words
        case "W": return ScalarSet.complement(Self.words)
        case "s": return Self.spaces
        case "S": return ScalarSet.complement(Self.spaces)
        case "n": return single(10)
        case "r": return single(13)
        case "t": return single(9)
        case "f": return single(12)
        case "v": return single(11)
        case "x", "u":
            var value: UInt32 = 0
            for _ in 0..<(letter == "x" ? 2 : 4) {
                guard position < text.count,
                    let digit = Unicode.Scalar(text[position]).flatMap({
                        Character($0).hexDigitValue
                    })
                else { throw fault("a short escape") }
                value = value << 4 | UInt32(digit)
                position += 1
            }
            return single(value)
        default:
            guard letter.isASCII, !letter.properties.isAlphabetic,
                letter.properties.numericType == nil
            else { throw fault("\\\(letter)") }
            return single(letter.value)
        }
    }

    private mutating func set() throws(GrammarError) -> [ClosedRange<UInt32>] {
        position += 1
        let isNegated = at("^")
        if isNegated { position += 1 }
        var ranges: [ClosedRange<UInt32>] = []
        while position < text.count, !at("]") {
            let low = try setMember()
            if at("-"), position + 1 < text.count, !at("]", 1) {
                position += 1
                let high = try setMember()
                guard low.count == 1, high.count == 1, low[0].count == 1, high[0].count == 1,
                    low[0].lowerBound <= high[0].lowerBound
                else { throw fault("this range") }
                ranges.append(low[0].lowerBound...high[0].lowerBound)
            } else {
                ranges += low
            }
        }
        guard at("]") else { throw fault("an unbalanced [") }
        position += 1
        let normalized = ScalarSet.normalized(ranges)
        return isNegated ? ScalarSet.complement(normalized) : normalized
    }

    private mutating func setMember() throws(GrammarError) -> [ClosedRange<UInt32>] {
        if at("\\") { return try escape() }
        position += 1
        return [text[position - 1]...text[position - 1]]
    }

    private enum Text {
        static func name(_ value: UInt32) -> String {
            Unicode.Scalar(value).map { String(Character($0)) } ?? "character"
        }
    }
}
