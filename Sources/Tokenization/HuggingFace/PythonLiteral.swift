/// Strings and bytes as Python writes them (`repr`).
enum PythonLiteral {
    /// The bytes of the token on a line of RWKV's list: `5 '\x04' 1`, `300 b'\xe6\x97' 2`.
    ///
    /// - Returns: `nil` for what is no such line, or one whose number of bytes is another.
    static func token(ofLine line: ArraySlice<UInt8>) -> [UInt8]? {
        let space = UInt8(ascii: " ")
        var line = line
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard let first = line.firstIndex(of: space), let last = line.lastIndex(of: space),
            first < last, let count = Int(String(decoding: line[(last + 1)...], as: UTF8.self)),
            let bytes = value(of: line[(first + 1)..<last]), bytes.count == count
        else { return nil }
        return bytes
    }

    /// What a literal stands for, a string in UTF-8; `nil` for what is none.
    static func value(of literal: ArraySlice<UInt8>) -> [UInt8]? {
        var rest = literal
        let isBytes = rest.first == UInt8(ascii: "b")
        if isBytes { rest.removeFirst() }
        guard let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
            rest.count >= 2, rest.last == quote
        else { return nil }
        rest = rest.dropFirst().dropLast()
        var result: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                guard byte != quote, !isBytes || byte < 0x80 else { return nil }
                result.append(byte)
                continue
            }
            guard let kind = rest.popFirst() else { return nil }
            if let plain = plainEscapes[kind] {
                result.append(plain)
                continue
            }
            let lengths: [UInt8: Int] = [
                UInt8(ascii: "x"): 2, UInt8(ascii: "u"): 4, UInt8(ascii: "U"): 8,
            ]
            guard let length = lengths[kind], rest.count >= length, length == 2 || !isBytes,
                let code = UInt32(String(decoding: rest.prefix(length), as: UTF8.self), radix: 16)
            else { return nil }
            rest = rest.dropFirst(length)
            if isBytes {
                result.append(UInt8(truncatingIfNeeded: code))
            } else {
                guard let scalar = Unicode.Scalar(code) else { return nil }
                result += Array(String(Character(scalar)).utf8)
            }
        }
        return result
    }

    private static let plainEscapes: [UInt8: UInt8] = [
        UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "'"): 0x27, UInt8(ascii: "\""): 0x22,
        UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
        UInt8(ascii: "a"): 0x07, UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C,
        UInt8(ascii: "v"): 0x0B, UInt8(ascii: "0"): 0x00,
    ]

    /// Bytes as Python writes them between the quotes.
    static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        let single = UInt8(ascii: "'")
        // A literal with single quotes and no double ones stands in double ones.
        let escapesSingle = !bytes.contains(single) || bytes.contains(UInt8(ascii: "\""))
        let digits = Array("0123456789abcdef".utf8)
        var result: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 0x5C: result += Array("\\\\".utf8)
            case 0x09: result += Array("\\t".utf8)
            case 0x0A: result += Array("\\n".utf8)
            case 0x0D: result += Array("\\r".utf8)
            case single where escapesSingle: result += [0x5C, single]
            case 0x20...0x7E: result.append(byte)
            default:
                result += Array("\\x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return result
    }

    /// The bytes that readers of a GGUF file take such a text for.
    static func unescaped(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                result.append(byte)
                continue
            }
            switch kind {
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "x"):
                let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
                if let code { result.append(code) }
                rest = rest.dropFirst(2)
            default: result.append(kind)
            }
        }
        return result
    }
}
