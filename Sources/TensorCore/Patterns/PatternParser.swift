/// A pattern's parts.
indirect enum PatternNode {
    case bytes(ByteSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// A capturing group with its number, from 1.
    case group(Int, PatternNode)
    case backReference(Int)
    /// At least `minimum` times, at most `maximum` times where that is set; each time has states of
    /// its own.
    case repeated(PatternNode, minimum: Int, maximum: Int?, isLazy: Bool)
    /// `+`: the same states again and again.
    case oneOrMore(PatternNode, isLazy: Bool)
    case lineStart
    case lineEnd
    case wordBoundary(isNegated: Bool)
    case lookahead(PatternNode, isNegated: Bool)
}

/// Reads a pattern by recursive descent: alternatives, terms, atoms, quantifiers.
struct PatternParser {
    let pattern: String
    let bytes: [UInt8]
    var offset = 0
    /// The capturing groups that have been opened.
    private(set) var groupCount = 0
    private var openGroups: [Int] = []
    private var depth = 0

    static let deepestNesting = 200
    /// Of quantifiers of quantifiers: `a*+?`.
    static let mostQuantifiers = 8

    init(_ pattern: String) {
        self.pattern = pattern
        bytes = Array(pattern.utf8)
    }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try alternatives()
        guard offset == bytes.count else {
            throw fault(
                at: offset, shown(bytes[offset]),
                bytes[offset] == UInt8(ascii: ")")
                    ? "a ( before it" : "something before it to repeat")
        }
        return node
    }

    var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    func fault(at offset: Int, _ found: String, _ expected: String) -> PatternError {
        PatternError(.syntax(offset: offset, found: found, expected: expected), pattern: pattern)
    }

    func shown(_ byte: UInt8?) -> String {
        guard let byte else { return "the end" }
        return (0x20..<0x7F).contains(byte)
            ? "\"\(Unicode.Scalar(byte))\"" : "byte \(byte)"
    }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        var choices = [try sequence()]
        while take("|") { choices.append(try sequence()) }
        return choices.count == 1 ? choices[0] : .alternatives(choices)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var terms: [PatternNode] = []
        while let term = try term() { terms.append(term) }
        return terms.count == 1 ? terms[0] : .sequence(terms)
    }

    /// An assertion, or an atom with its quantifiers; `nil` where neither stands.
    private mutating func term() throws(PatternError) -> PatternNode? {
        if let assertion = try assertion() { return assertion }
        guard var node = try atom() else { return nil }
        var count = 0
        while let repeated = try quantifier(of: node) {
            node = repeated
            count += 1
            guard count <= Self.mostQuantifiers else {
                throw PatternError(.tooDeep(limit: Self.mostQuantifiers), pattern: pattern)
            }
        }
        return node
    }

    private mutating func assertion() throws(PatternError) -> PatternNode? {
        if take("^") { return .lineStart }
        if take("$") { return .lineEnd }
        guard offset + 1 < bytes.count else { return nil }
        switch (bytes[offset], bytes[offset + 1]) {
        case (UInt8(ascii: "\\"), UInt8(ascii: "b")), (UInt8(ascii: "\\"), UInt8(ascii: "B")):
            offset += 2
            return .wordBoundary(isNegated: bytes[offset - 1] == UInt8(ascii: "B"))
        case (UInt8(ascii: "("), UInt8(ascii: "?")):
            guard offset + 2 < bytes.count,
                bytes[offset + 2] == UInt8(ascii: "=") || bytes[offset + 2] == UInt8(ascii: "!")
            else { return nil }
            let opening = offset
            offset += 3
            let isNegated = bytes[offset - 1] == UInt8(ascii: "!")
            return .lookahead(try inside(opening), isNegated: isNegated)
        default: return nil
        }
    }

    private mutating func atom() throws(PatternError) -> PatternNode? {
        let start = offset
        guard let byte = next else { return nil }
        switch byte {
        case UInt8(ascii: "|"), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "?"):
            return nil
        case UInt8(ascii: "{"):
            throw fault(at: start, shown(byte), "something before it to repeat")
        case UInt8(ascii: "."):
            offset += 1
            return .bytes(ByteSet([0x0A, 0x0D]).inverted)
        case UInt8(ascii: "["):
            offset += 1
            return .bytes(try bracket(from: start))
        case UInt8(ascii: "("):
            offset += 1
            return try group(from: start)
        case UInt8(ascii: "\\"):
            offset += 1
            switch try escape(from: start, inBracket: false) {
            case .byte(let byte): return .bytes(ByteSet([byte]))
            case .set(let set): return .bytes(set)
            case .reference(let number): return try backReference(number, at: start)
            }
        default:
            offset += 1
            return .bytes(ByteSet([byte]))
        }
    }

    private mutating func group(from start: Int) throws(PatternError) -> PatternNode {
        guard take("?") else {
            groupCount += 1
            let number = groupCount
            openGroups.append(number)
            let node = try inside(start)
            openGroups.removeLast()
            return .group(number, node)
        }
        guard take(":") else {
            throw fault(
                at: offset, offset < bytes.count ? "(?\(Unicode.Scalar(bytes[offset]))" : "(?",
                "(?:, (?= or (?!")
        }
        return try inside(start)
    }

    /// What stands between an opening that has been read and its closing parenthesis.
    private mutating func inside(_ opening: Int) throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepestNesting else {
            throw PatternError(.tooDeep(limit: Self.deepestNesting), pattern: pattern)
        }
        let node = try alternatives()
        guard take(")") else {
            throw fault(
                at: offset, shown(next),
                next == nil
                    ? "the ) of the ( at character \(opening + 1)"
                    : "something before it to repeat")
        }
        return node
    }

    private func backReference(_ number: Int?, at start: Int) throws(PatternError) -> PatternNode {
        guard let number, number <= groupCount, !openGroups.contains(number) else {
            throw fault(
                at: start, "a reference to group \(number.map { "\($0)" } ?? "beyond all")",
                groupCount == 0
                    ? "none: there is no group before it" : "a group that is closed before it")
        }
        return .backReference(number)
    }

    // MARK: Quantifiers

    private mutating func quantifier(of node: PatternNode) throws(PatternError) -> PatternNode? {
        if take("*") {
            return .repeated(node, minimum: 0, maximum: nil, isLazy: take("?"))
        }
        if take("+") { return .oneOrMore(node, isLazy: take("?")) }
        if take("?") {
            return .repeated(node, minimum: 0, maximum: 1, isLazy: take("?"))
        }
        let start = offset
        guard take("{") else { return nil }
        guard let minimum = try count() else {
            throw fault(at: offset, shown(next), "a number after {")
        }
        var maximum: Int? = minimum
        if take(",") { maximum = try count() }
        guard take("}") else { throw fault(at: offset, shown(next), "the } of a repetition") }
        if let maximum, maximum < minimum {
            throw fault(
                at: start, "{\(minimum),\(maximum)}", "a second number that is not smaller")
        }
        return .repeated(node, minimum: minimum, maximum: maximum, isLazy: take("?"))
    }

    /// A decimal number; `nil` where no digit stands.
    private mutating func count() throws(PatternError) -> Int? {
        let start = offset
        guard let number = number() else {
            guard offset == start else {
                throw PatternError(
                    .tooLarge(limit: PatternProgram.largestStateCount), pattern: pattern)
            }
            return nil
        }
        return number
    }

    /// A decimal number; `nil` where no digit stands or where it is too large.
    mutating func number() -> Int? {
        let start = offset
        while let byte = next, (0x30...0x39).contains(byte) { offset += 1 }
        guard offset - start <= 9 else { return nil }
        return Int(String(decoding: bytes[start..<offset], as: UTF8.self))
    }
}
