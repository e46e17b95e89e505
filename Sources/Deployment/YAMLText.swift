package import TensorCore

/// Settings as YAML, which is written and never read here.
///
/// Mappings and lists in blocks, two spaces for a level; texts plain where no reader takes them for
/// something else, in double quotes otherwise.
package enum YAMLText {
    /// A document with its mark.
    package static func document(_ value: JSON) -> String {
        var lines = ["---"]
        write(value, indent: 0, into: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    /// Several documents in one text.
    static func documents(_ values: [JSON]) -> String { values.map(document).joined() }

    private static func write(_ value: JSON, indent: Int, into lines: inout [String]) {
        let margin = String(repeating: "  ", count: indent)
        switch value {
        case .object(let members):
            for member in members {
                let key = "\(margin)\(scalar(member.key.description)):"
                if let text = inline(member.value) {
                    lines.append("\(key) \(text)")
                } else {
                    lines.append(key)
                    write(member.value, indent: indent + 1, into: &lines)
                }
            }
        case .array(let values):
            for value in values {
                if let text = inline(value) {
                    lines.append("\(margin)- \(text)")
                    continue
                }
                var inner: [String] = []
                write(value, indent: indent + 1, into: &inner)
                // The first line stands behind the dash.
                inner[0] = "\(margin)- " + inner[0].dropFirst(margin.count + 2)
                lines += inner
            }
        default: lines.append(margin + (inline(value) ?? ""))
        }
    }

    /// What stands in one line; `nil` for collections with something in them.
    private static func inline(_ value: JSON) -> String? {
        switch value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .string(let text): scalar(text.description)
        case .array(let values): values.isEmpty ? "[]" : nil
        case .object(let members): members.isEmpty ? "{}" : nil
        }
    }

    private static let reserved: Set<String> = [
        "true", "false", "yes", "no", "on", "off", "null", "y", "n",
    ]

    /// A text, plain or in quotes.
    static func scalar(_ text: String) -> String {
        let letters = { (byte: UInt8) in (65...90).contains(byte) || (97...122).contains(byte) }
        let isPlain =
            text.utf8.first.map { letters($0) || $0 == UInt8(ascii: "/") } == true
            && text.utf8.allSatisfy {
                letters($0) || (48...57).contains($0) || "_-./".utf8.contains($0)
            } && !reserved.contains(text.lowercased())
        return isPlain ? text : quoted(text)
    }

    /// A text in double quotes.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: result += "\\\(scalar)"
            case 0x0A: result += "\\n"
            case 0x0D: result += "\\r"
            case 0x09: result += "\\t"
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension JSON {
    /// A text.
    package static func words(_ text: String) -> JSON { .string(ByteString(text)) }

    /// Texts.
    package static func words(_ texts: [String]) -> JSON { .array(texts.map { .words($0) }) }

    /// An object of members, of which those without a value are left out.
    package static func members(_ members: [(String, JSON?)]) -> JSON {
        .object(
            members.compactMap { key, value in
                value.map { Member(key: ByteString(key), value: $0) }
            })
    }
}
