extension PatternParser {
    /// What an escape stands for.
    enum Escape {
        case byte(UInt8)
        case set(ByteSet)
        /// `nil` for a number that no group can have.
        case reference(Int?)
    }

    /// Reads what follows a backslash.
    mutating func escape(from start: Int, inBracket: Bool) throws(PatternError) -> Escape {
        guard let byte = next else {
            throw fault(at: start, "a backslash at the end", "a character after it")
        }
        offset += 1
        switch byte {
        case UInt8(ascii: "0"): return .byte(0)
        case UInt8(ascii: "b") where inBracket: return .byte(0x08)
        case UInt8(ascii: "B") where inBracket:
            throw fault(at: start, "\\B", "a character or a class in a bracket expression")
        case UInt8(ascii: "t"): return .byte(0x09)
        case UInt8(ascii: "n"): return .byte(0x0A)
        case UInt8(ascii: "v"): return .byte(0x0B)
        case UInt8(ascii: "f"): return .byte(0x0C)
        case UInt8(ascii: "r"): return .byte(0x0D)
        case UInt8(ascii: "d"): return .set(CharacterClass.digit)
        case UInt8(ascii: "D"): return .set(CharacterClass.digit.inverted)
        case UInt8(ascii: "s"): return .set(CharacterClass.space)
        case UInt8(ascii: "S"): return .set(CharacterClass.space.inverted)
        case UInt8(ascii: "w"): return .set(CharacterClass.word)
        case UInt8(ascii: "W"): return .set(CharacterClass.word.inverted)
        case UInt8(ascii: "c"):
            guard let letter = next else {
                throw fault(at: start, "\\c at the end", "a character after it")
            }
            offset += 1
            return .byte(letter)
        case UInt8(ascii: "x"): return .byte(try hexadecimal(digits: 2, from: start))
        case UInt8(ascii: "u"): return .byte(try hexadecimal(digits: 4, from: start))
        case 0x31...0x39:
            guard !inBracket else {
                throw fault(
                    at: start, "\\\(Unicode.Scalar(byte))",
                    "a character or a class in a bracket expression")
            }
            offset -= 1
            return .reference(number())
        default: return .byte(byte)
        }
    }

    /// The last byte of a number of so many digits.
    private mutating func hexadecimal(
        digits: Int, from start: Int
    ) throws(PatternError) -> UInt8 {
        let end = offset + digits
        guard end <= bytes.count,
            bytes[offset..<end].allSatisfy({ CharacterClass.hexadecimal.contains($0) }),
            let value = UInt32(String(decoding: bytes[offset..<end], as: UTF8.self), radix: 16)
        else {
            throw fault(
                at: start, String(decoding: bytes[start..<min(end, bytes.count)], as: UTF8.self),
                "\(digits) hexadecimal digits")
        }
        offset = end
        return UInt8(truncatingIfNeeded: value)
    }

    /// What came last in a bracket expression: it may be the start of a range.
    private enum Last {
        case nothing
        case byte(UInt8)
        case set
    }

    /// Reads a bracket expression whose `[` has been read.
    mutating func bracket(from start: Int) throws(PatternError) -> ByteSet {
        let isNegated = take("^")
        var set = ByteSet()
        var last = Last.nothing
        func keep(_ last: Last) { if case .byte(let byte) = last { set.insert(byte) } }
        while true {
            let place = offset
            guard next != nil else {
                throw fault(
                    at: offset, "the end", "the ] of the [ at character \(start + 1)")
            }
            if take("]") { break }
            if take("-") {
                switch (last, next) {
                case (_, nil): continue
                case (_, UInt8(ascii: "]")), (.nothing, _):
                    keep(last)
                    last = .byte(UInt8(ascii: "-"))
                case (.set, _):
                    // At the very start a dash is a character like any other.
                    throw fault(at: place, "a class before \"-\"", "a character")
                case (.byte(let lower), _):
                    let upper = try rangeEnd(after: place)
                    set.formUnion(try range(lower, upper, at: place))
                    last = .nothing
                }
                continue
            }
            keep(last)
            switch try bracketItem(from: place) {
            case .byte(let byte): last = .byte(byte)
            case .set(let more):
                set.formUnion(more)
                last = .set
            case .reference: last = .nothing
            }
        }
        keep(last)
        return isNegated ? set.inverted : set
    }

    private mutating func rangeEnd(after place: Int) throws(PatternError) -> UInt8 {
        if take("-") { return UInt8(ascii: "-") }
        let start = offset
        let end = try bracketItem(from: start, isRangeEnd: true)
        guard case .byte(let byte) = end else {
            throw fault(at: start, "a class after \"-\"", "a character")
        }
        return byte
    }

    /// Bytes compare as C's `char` does, which has a sign.
    private func range(
        _ lower: UInt8, _ upper: UInt8, at place: Int
    ) throws(PatternError) -> ByteSet {
        let (first, end) = (Int8(bitPattern: lower), Int8(bitPattern: upper))
        guard first <= end else {
            throw fault(
                at: place, "a range from \(shown(lower)) to \(shown(upper))",
                "an end that does not come before the start")
        }
        return ByteSet { (first...end).contains(Int8(bitPattern: $0)) }
    }

    /// A character, a class or `[:alpha:]`, `[.hyphen.]`, `[=a=]`.
    private mutating func bracketItem(
        from start: Int, isRangeEnd: Bool = false
    ) throws(PatternError) -> Escape {
        guard let byte = next else {
            throw fault(at: start, "the end", "a ]")
        }
        offset += 1
        if byte == UInt8(ascii: "\\") { return try escape(from: start, inBracket: true) }
        guard byte == UInt8(ascii: "[") else { return .byte(byte) }
        switch next {
        case UInt8(ascii: ":"):
            let name = try named(from: start)
            guard let set = CharacterClass.named(name) else {
                throw fault(at: start, "the class \"\(name)\"", "alpha, digit, upper or the like")
            }
            return .set(set)
        case UInt8(ascii: "."):
            let byte = try collatingElement(named(from: start), from: start)
            // Another element than a character cannot end a range.
            guard !isRangeEnd else { return .set(ByteSet([byte])) }
            return .byte(byte)
        case UInt8(ascii: "="):
            let byte = try collatingElement(named(from: start), from: start)
            let letter = byte | 0x20
            guard CharacterClass.lower.contains(letter), byte >= 0x41 else {
                return .set(ByteSet([byte]))
            }
            return .set(ByteSet([letter, letter & ~0x20]))
        default: return .byte(byte)
        }
    }

    /// The name in `[:name:]`, `[.name.]` or `[=name=]`, after its `[`.
    private mutating func named(from start: Int) throws(PatternError) -> String {
        let mark = bytes[offset]
        offset += 1
        let first = offset
        while let byte = next, byte != mark { offset += 1 }
        let name = String(decoding: bytes[first..<offset], as: UTF8.self)
        guard offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "]") else {
            let sign = Unicode.Scalar(mark)
            throw fault(at: start, "[\(sign)", "a name and \(sign)]")
        }
        offset += 2
        return name
    }

    private func collatingElement(_ name: String, from start: Int) throws(PatternError) -> UInt8 {
        guard let index = CharacterClass.collatingElements.firstIndex(of: name) else {
            throw fault(
                at: start, "the collating element \"\(name)\"",
                "a letter or a name such as hyphen or period")
        }
        return UInt8(index)
    }
}

/// The classes of the "C" locale.
enum CharacterClass {
    static let digit = ByteSet(0x30...0x39)
    static let lower = ByteSet(0x61...0x7A)
    static let upper = ByteSet(0x41...0x5A)
    static let space = ByteSet([0x20] + Array(0x09...0x0D))
    static let alphabetic = ByteSet(Array(0x41...0x5A) + Array(0x61...0x7A))
    static let alphanumeric = ByteSet { digit.contains($0) || alphabetic.contains($0) }
    static let word = ByteSet { alphanumeric.contains($0) || $0 == UInt8(ascii: "_") }
    static let hexadecimal = ByteSet(
        Array(0x30...0x39) + Array(0x41...0x46) + Array(0x61...0x66))

    /// The class called `name`, in any case; `nil` when there is none.
    static func named(_ name: String) -> ByteSet? {
        switch name.lowercased() {
        case "d", "digit": digit
        case "w": word
        case "s", "space": space
        case "alnum": alphanumeric
        case "alpha": alphabetic
        case "blank": ByteSet([0x09, 0x20])
        case "cntrl": ByteSet(Array(0x00...0x1F) + [0x7F])
        case "graph": ByteSet(0x21...0x7E)
        case "lower": lower
        case "print": ByteSet(0x20...0x7E)
        case "punct": ByteSet { (0x21...0x7E).contains($0) && !alphanumeric.contains($0) }
        case "upper": upper
        case "xdigit": hexadecimal
        default: nil
        }
    }

    /// The names that POSIX gives to the characters of ASCII, in their order.
    static let collatingElements: [String] =
        [
            "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "alert", "backspace", "tab",
            "newline", "vertical-tab", "form-feed", "carriage-return", "SO", "SI", "DLE", "DC1",
            "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "IS4", "IS3",
            "IS2", "IS1", "space", "exclamation-mark", "quotation-mark", "number-sign",
            "dollar-sign", "percent-sign", "ampersand", "apostrophe", "left-parenthesis",
            "right-parenthesis", "asterisk", "plus-sign", "comma", "hyphen", "period", "slash",
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
            "colon", "semicolon", "less-than-sign", "equals-sign", "greater-than-sign",
            "question-mark", "commercial-at",
        ] + (0x41...0x5A).map { String(Unicode.Scalar(UInt8($0))) }
        + [
            "left-square-bracket", "backslash", "right-square-bracket", "circumflex",
            "underscore", "grave-accent",
        ] + (0x61...0x7A).map { String(Unicode.Scalar(UInt8($0))) }
        + ["left-curly-bracket", "vertical-line", "right-curly-bracket", "tilde", "DEL"]
}
