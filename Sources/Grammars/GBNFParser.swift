extension Grammar {
    /// The longest grammar that is read, in bytes.
    private static let byteCountLimit = 1 << 18

    /// Reads a grammar in GBNF, llama.cpp's notation: `root ::= "a" [0-9]{1,3} ( b | c )*`.
    ///
    /// A text follows the rule `root`.
    ///
    /// - Throws: `GrammarError` with the line.
    public init(gbnf: String) throws(GrammarError) {
        guard gbnf.utf8.count <= Self.byteCountLimit else {
            throw GrammarError(
                .tooLarge(
                    "a grammar of \(gbnf.utf8.count) bytes, expected at most \(Self.byteCountLimit)"
                ))
        }
        var parser = GBNFParser(gbnf)
        try self.init(rules: parser.rules(), root: "root")
    }
}

/// Reads rules in GBNF.
private struct GBNFParser {
    private let text: [UInt32]
    private var position = 0
    private var depth = 0

    init(_ text: String) { self.text = text.unicodeScalars.map(\.value) }

    private var current: Unicode.Scalar? {
        position < text.count ? Unicode.Scalar(text[position]) : nil
    }

    private func fault(_ expected: String) -> GrammarError {
        let line = 1 + text[..<min(position, text.count)].count { $0 == 10 }
        let found = current.map { "'\($0)'" } ?? "the end"
        return GrammarError(
            .syntax("found \(found), expected \(expected)"), place: "line \(line)")
    }

    mutating func rules() throws(GrammarError) -> [(name: String, pattern: Pattern)] {
        var result: [(name: String, pattern: Pattern)] = []
        var names: Set<String> = []
        skip(lines: true)
        while current != nil {
            let name = try name()
            skip(lines: false)
            for scalar in "::=".unicodeScalars {
                guard current == scalar else { throw fault("::=") }
                position += 1
            }
            skip(lines: true)
            guard names.insert(name).inserted else { throw fault("one rule \(name)") }
            result.append((name, try choice(isNested: false)))
            guard current == nil || current == "\n" || current == "\r" else {
                throw fault("the end of a rule")
            }
            skip(lines: true)
        }
        return result
    }

    /// Skips white space and comments; line ends too when `lines`.
    private mutating func skip(lines: Bool) {
        while let scalar = current {
            if scalar == "#" {
                while let scalar = current, scalar != "\n", scalar != "\r" { position += 1 }
            } else if scalar == " " || scalar == "\t"
                || (lines && (scalar == "\n" || scalar == "\r"))
            {
                position += 1
            } else {
                return
            }
        }
    }

    private func isName(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            || scalar == "-" || scalar == "_"
    }

    private mutating func name() throws(GrammarError) -> String {
        var name = ""
        while let scalar = current, isName(scalar) {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard !name.isEmpty else { throw fault("the name of a rule") }
        return name
    }

    private mutating func choice(isNested: Bool) throws(GrammarError) -> Pattern {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 100 else { throw fault("at most 100 levels of parentheses") }
        var choices = [try sequence(isNested: isNested)]
        while current == "|" {
            position += 1
            skip(lines: true)
            choices.append(try sequence(isNested: isNested))
        }
        return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private mutating func sequence(isNested: Bool) throws(GrammarError) -> Pattern {
        var parts: [Pattern] = []
        while let scalar = current {
            switch scalar {
            case "\"": parts.append(try literal())
            case "[": parts.append(.scalars(try set()))
            case "(":
                position += 1
                skip(lines: true)
                parts.append(try choice(isNested: true))
                guard current == ")" else { throw fault(")") }
                position += 1
            case ".":
                position += 1
                parts.append(.scalars(ScalarSet.all))
            case "*", "+", "?", "{":
                guard let last = parts.popLast() else { throw fault("something to repeat") }
                parts.append(try repetition(of: last))
            default:
                guard isName(scalar) else { return .sequence(parts) }
                parts.append(.rule(try name()))
            }
            skip(lines: isNested)
        }
        return .sequence(parts)
    }

    private mutating func repetition(of part: Pattern) throws(GrammarError) -> Pattern {
        let sign = current
        position += 1
        switch sign {
        case "*": return .any(part)
        case "+": return .repetition(part, minimum: 1, maximum: nil)
        case "?": return .optional(part)
        default: break
        }
        skip(lines: false)
        let minimum = number()
        skip(lines: false)
        var maximum = minimum
        if current == "," {
            position += 1
            skip(lines: false)
            maximum = number()
            skip(lines: false)
        } else if minimum == nil {
            throw fault("a number")
        }
        guard current == "}" else { throw fault("}") }
        position += 1
        let least = minimum ?? 0
        guard least <= maximum ?? .max, max(least, maximum ?? 0) <= 1 << 16 else {
            throw fault("numbers of repetitions in order, at most 65536")
        }
        return .repetition(part, minimum: least, maximum: maximum)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = current?.properties.numericValue, let scalar = current, scalar.isASCII {
            value = min(1 << 20, (value ?? 0) * 10 + Int(digit))
            position += 1
        }
        return value
    }

    private mutating func literal() throws(GrammarError) -> Pattern {
        position += 1
        var string = String.UnicodeScalarView()
        while let scalar = current, scalar != "\"" {
            guard let unescaped = Unicode.Scalar(try self.scalar()) else {
                throw fault("a Unicode scalar")
            }
            string.append(unescaped)
        }
        guard current == "\"" else { throw fault("\"") }
        position += 1
        return .text(String(string))
    }

    private mutating func set() throws(GrammarError) -> [ClosedRange<UInt32>] {
        position += 1
        let isNegated = current == "^"
        if isNegated { position += 1 }
        var ranges: [ClosedRange<UInt32>] = []
        while let scalar = current, scalar != "]" {
            let low = try self.scalar()
            var high = low
            if current == "-", position + 1 < text.count, text[position + 1] != 93 {
                position += 1
                high = try self.scalar()
            }
            guard low <= high else { throw fault("a range from low to high") }
            ranges.append(low...high)
        }
        guard current == "]" else { throw fault("]") }
        position += 1
        let normalized = ScalarSet.normalized(ranges)
        return isNegated ? ScalarSet.complement(normalized) : normalized
    }

    /// A scalar of a literal or set, with its escape read.
    private mutating func scalar() throws(GrammarError) -> UInt32 {
        guard position < text.count else { throw fault("a character") }
        let value = text[position]
        position += 1
        guard value == 92 else { return value }
        guard let letter = current else { throw fault("an escape") }
        position += 1
        switch letter {
        case "n": return 10
        case "r": return 13
        case "t": return 9
        case "\\", "\"", "[", "]": return letter.value
        case "x", "u", "U":
            let count = letter == "x" ? 2 : letter == "u" ? 4 : 8
            var value: UInt32 = 0
            for _ in 0..<count {
                guard let digit = current.flatMap({ Character($0).hexDigitValue }) else {
                    throw fault("\(count) hexadecimal digits")
                }
                value = value << 4 | UInt32(digit)
                position += 1
            }
            guard value <= 0x10FFFF else { throw fault("a Unicode scalar") }
            return value
        default:
            position -= 1
            throw fault("an escape: n, r, t, x, u, U, a quote, a bracket or a backslash")
        }
    }
}
