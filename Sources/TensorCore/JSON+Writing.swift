extension JSON {
    /// The value as JSON text in UTF-8, ending in a line break.
    ///
    /// Objects and lists of them stand one member a line, indented by two spaces; other lists stand
    /// on one line up to a length. Reals are written so that they read back the same. Bytes of a
    /// string that are not UTF-8 are replaced by U+FFFD. O(length of the text).
    public func written() -> [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes, indent: 0)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// The value as JSON text in UTF-8 on one line, without white space between its parts.
    ///
    /// Reals and strings as in `written()`. O(length of the text).
    public func writtenCompactly() -> [UInt8] {
        var bytes: [UInt8] = []
        writeCompactly(into: &bytes)
        return bytes
    }

    private func writeCompactly(into bytes: inout [UInt8]) {
        switch self {
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.writeCompactly(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSON.write(member.key, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.writeCompactly(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        default: write(into: &bytes, indent: 0)
        }
    }

    private func write(into bytes: inout [UInt8], indent: Int) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += "\(value)".utf8
        case .real(let value): bytes += (value.isFinite ? "\(value)" : "null").utf8
        case .string(let text): JSON.write(text, into: &bytes)
        case .array(let values):
            let isPlain = values.allSatisfy { $0.members == nil && $0.array == nil }
            JSON.write(
                values, "[", "]", indent: isPlain && values.count <= 16 ? nil : indent, &bytes
            ) { $0.write(into: &$1, indent: indent + 1) }
        case .object(let members):
            JSON.write(members, "{", "}", indent: members.isEmpty ? nil : indent, &bytes) {
                JSON.write($0.key, into: &$1)
                $1 += ": ".utf8
                $0.value.write(into: &$1, indent: indent + 1)
            }
        }
    }

    /// Writes a list; on one line when there is no `indent`.
    private static func write<Element>(
        _ elements: [Element], _ start: String, _ end: String, indent: Int?,
        _ bytes: inout [UInt8], _ body: (Element, inout [UInt8]) -> Void
    ) {
        bytes += start.utf8
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            if let indent {
                bytes.append(UInt8(ascii: "\n"))
                bytes += repeatElement(UInt8(ascii: " "), count: 2 * (indent + 1))
            } else if index > 0 {
                bytes.append(UInt8(ascii: " "))
            }
            body(element, &bytes)
        }
        if let indent {
            bytes.append(UInt8(ascii: "\n"))
            bytes += repeatElement(UInt8(ascii: " "), count: 2 * indent)
        }
        bytes += end.utf8
    }

    private static func write(_ text: ByteString, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        let valid = text.validated == nil ? Array(text.description.utf8) : text.bytes
        for byte in valid {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += "\\n".utf8
            case UInt8(ascii: "\r"): bytes += "\\r".utf8
            case UInt8(ascii: "\t"): bytes += "\\t".utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
