/// A regular expression of the kind that tokenizers split text with, as a tree.
///
/// Supported: classes (`[…]`, `\s`, `\d`, `\p{…}`, `\p{Han}`, ranges, negation, `&&[^…]`), groups,
/// `(?i:…)`, alternation, `? * + {n,m}` and their possessive forms, look-ahead `(?=…)` and
/// `(?!…)`, `$`. Two patterns that differ in spelling only (`(?i:'s)` and `'[sS]`, `\p{N}{1}` and
/// `\p{N}`) are equal as trees.
indirect enum Pattern: Hashable, Sendable {
    /// One scalar of a set.
    case set(ScalarSet)
    case sequence([Pattern])
    case alternatives([Pattern])
    /// At least and at most so many copies, as many as possible; possessive: never fewer.
    case repeated(Pattern, min: Int, max: Int?, possessive: Bool)
    /// What follows matches (or does not); nothing is consumed.
    case lookahead(Pattern, negative: Bool)
    /// The end of the text.
    case end

    /// Parses a pattern; `nil` when it uses what is not supported here.
    init?(_ text: String) {
        var parser = PatternParser(text)
        guard let tree = parser.parse() else { return nil }
        self = tree.simplified
    }

    /// The tree without needless nesting: what makes equal patterns equal.
    private var simplified: Pattern {
        switch self {
        case .set, .end: return self
        case .sequence(let parts):
            let flat = parts.map { $0.simplified }.flatMap { part -> [Pattern] in
                if case .sequence(let inner) = part { inner } else { [part] }
            }
            return flat.count == 1 ? flat[0] : .sequence(flat)
        case .alternatives(let choices):
            var flat: [Pattern] = []
            for choice in choices.map({ $0.simplified }) {
                if case .alternatives(let inner) = choice {
                    flat += inner
                } else {
                    flat.append(choice)
                }
            }
            return Pattern.withSetsJoined(flat)
        case .repeated(let part, let min, let max, let possessive):
            let inner = part.simplified
            return min == 1 && max == 1
                ? inner : .repeated(inner, min: min, max: max, possessive: possessive)
        case .lookahead(let part, let negative):
            return .lookahead(part.simplified, negative: negative)
        }
    }

    /// `a|b|c` where each is one scalar is the class `[abc]`.
    private static func withSetsJoined(_ choices: [Pattern]) -> Pattern {
        var result: [Pattern] = []
        for choice in choices {
            if case .set(let set) = choice, case .set(let last)? = result.last,
                let union = last.union(set)
            {
                result[result.count - 1] = .set(union)
            } else {
                result.append(choice)
            }
        }
        return result.count == 1 ? result[0] : .alternatives(result)
    }
}

/// Recursive descent over the scalars of a pattern.
///
/// Every method returns `nil` for what is not supported. Nesting is limited because patterns come
/// from files.
private struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var ignoresCase = false
    private var depth = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    mutating func parse() -> Pattern? {
        guard let tree = alternatives(), position == scalars.count else { return nil }
        return tree
    }

    private mutating func alternatives() -> Pattern? {
        depth += 1
        defer { depth -= 1 }
        guard depth < 32 else { return nil }
        var choices: [Pattern] = []
        repeat {
            guard let choice = sequence() else { return nil }
            choices.append(choice)
        } while take("|")
        return choices.count == 1 ? choices[0] : .alternatives(choices)
    }

    private mutating func sequence() -> Pattern? {
        var parts: [Pattern] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            guard let atom = atom(), let part = quantified(atom) else { return nil }
            parts.append(part)
        }
        return .sequence(parts)
    }

    private mutating func quantified(_ atom: Pattern) -> Pattern? {
        var bounds: (min: Int, max: Int?)?
        switch next {
        case "?"?: bounds = (0, 1)
        case "*"?: bounds = (0, nil)
        case "+"?: bounds = (1, nil)
        case "{"?:
            guard let counted = count() else { return nil }
            bounds = counted
        default: return atom
        }
        guard let bounds else { return nil }
        position += 1
        // After `{n,m}` a `+` is a quantifier of its own in Oniguruma; nobody uses it.
        let possessive = take("+")
        if next == "?" { return nil }
        return .repeated(atom, min: bounds.min, max: bounds.max, possessive: possessive)
    }

    /// `{n}`, `{n,}` or `{n,m}`; stops at the closing brace.
    private mutating func count() -> (min: Int, max: Int?)? {
        var text = ""
        var ahead = position + 1
        while ahead < scalars.count, scalars[ahead] != "}" {
            text.unicodeScalars.append(scalars[ahead])
            ahead += 1
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard ahead < scalars.count, (1...2).contains(parts.count), let least = Int(parts[0]),
            least >= 0, least <= 1000
        else { return nil }
        position = ahead
        if parts.count == 1 { return (least, least) }
        if parts[1].isEmpty { return (least, nil) }
        guard let most = Int(parts[1]), most >= least, most <= 1000 else { return nil }
        return (least, most)
    }

    private mutating func atom() -> Pattern? {
        guard let scalar = next else { return nil }
        switch scalar {
        case "(": return group()
        case "[": return characterClass().map { .set($0) }
        case "$":
            position += 1
            return .end
        case ".":
            position += 1
            return .set(ScalarSet(0x0A...0x0A).inverted)
        case "\\": return escape().map { .set($0) }
        case "^", "*", "+", "?", "{": return nil
        default:
            position += 1
            return .set(literal(scalar))
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
        let set = ScalarSet(scalar.value...scalar.value)
        return ignoresCase ? set.ignoringCase : set
    }

    private mutating func group() -> Pattern? {
        let outer = ignoresCase
        defer { ignoresCase = outer }
        var wrap: (Pattern) -> Pattern = { $0 }
        if take("(?i:") {
            ignoresCase = true
        } else if take("(?=") {
            wrap = { .lookahead($0, negative: false) }
        } else if take("(?!") {
            wrap = { .lookahead($0, negative: true) }
        } else if !take("(?:") {
            guard take("("), next != "?" else { return nil }
        }
        guard let inner = alternatives(), take(")") else { return nil }
        return wrap(inner)
    }

    /// What stands after a backslash, as a set.
    private mutating func escape() -> ScalarSet? {
        position += 1
        guard let scalar = next else { return nil }
        position += 1
        switch scalar {
        case "s": return .whitespace
        case "S": return ScalarSet.whitespace.inverted
        case "d": return ScalarSet(categories: GeneralCategory.mask(.nd))
        case "D": return ScalarSet(categories: GeneralCategory.mask(.nd)).inverted
        case "r": return ScalarSet(0x0D...0x0D)
        case "n": return ScalarSet(0x0A...0x0A)
        case "t": return ScalarSet(0x09...0x09)
        case "p", "P": return property().map { scalar == "P" ? $0.inverted : $0 }
        case "u": return hexadecimal(digitCount: 4)
        case "x": return hexadecimal(digitCount: 2)
        default:
            let isWord =
                scalar.isASCII && (Character(scalar).isLetter || Character(scalar).isNumber)
            return isWord ? nil : literal(scalar)
        }
    }

    private mutating func property() -> ScalarSet? {
        var name = ""
        if take("{") {
            while let scalar = next, scalar != "}" {
                name.unicodeScalars.append(scalar)
                position += 1
            }
            guard take("}") else { return nil }
        } else if let scalar = next {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        if name == "Han" {
            var set = ScalarSet()
            for index in stride(from: 0, to: hanTable.count, by: 2) {
                set.insert(hanTable[index]...hanTable[index + 1])
            }
            return set
        }
        return GeneralCategory.mask(named: name).map { ScalarSet(categories: $0) }
    }

    private mutating func hexadecimal(digitCount: Int) -> ScalarSet? {
        guard position + digitCount <= scalars.count else { return nil }
        let digits = String(
            String.UnicodeScalarView(scalars[position..<(position + digitCount)]))
        guard let value = UInt32(digits, radix: 16) else { return nil }
        position += digitCount
        return ScalarSet(value...value)
    }

    private mutating func characterClass() -> ScalarSet? {
        depth += 1
        defer { depth -= 1 }
        guard depth < 32, take("[") else { return nil }
        let negated = take("^")
        var set = ScalarSet()
        var subtracted: [ScalarSet] = []
        var isFirst = true
        while let scalar = next, scalar != "]" || isFirst {
            isFirst = false
            if take("&&[^") {
                position -= 2
                guard let inner = characterClass(), inner.isNegatedClass else { return nil }
                subtracted.append(inner.inverted)
                continue
            }
            guard let item = classItem(scalar), let union = set.union(item) else { return nil }
            set = union
        }
        guard take("]") else { return nil }
        if ignoresCase { set = set.ignoringCase }
        for other in subtracted { set = set.subtracting(other) }
        return negated ? set.inverted : set
    }

    /// One member, range or escape of a class.
    private mutating func classItem(_ scalar: Unicode.Scalar) -> ScalarSet? {
        if scalar == "[" { return characterClass() }
        guard let first = classMember(scalar) else { return nil }
        guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]",
            let lower = first.only
        else { return first }
        position += 1
        guard let scalar = next, let last = classMember(scalar), let upper = last.only,
            lower <= upper
        else { return nil }
        return ScalarSet(lower...upper)
    }

    private mutating func classMember(_ scalar: Unicode.Scalar) -> ScalarSet? {
        if scalar == "\\" { return escape() }
        position += 1
        return ScalarSet(scalar.value...scalar.value)
    }
}

extension ScalarSet {
    fileprivate var isNegatedClass: Bool { isNegated }

    /// The member of a set that has exactly one.
    fileprivate var only: UInt32? {
        guard !isNegated, categories == 0, excluded.isEmpty else { return nil }
        let ascii = low.nonzeroBitCount + high.nonzeroBitCount
        if ascii == 1, ranges.isEmpty {
            return UInt32(low != 0 ? low.trailingZeroBitCount : 64 + high.trailingZeroBitCount)
        }
        guard ascii == 0, ranges.count == 1, ranges[0].count == 1 else { return nil }
        return ranges[0].lowerBound
    }
}
