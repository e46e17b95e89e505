import TensorCore

/// The YAML block at the start of a model card.
///
/// Understands what cards are written in: block and flow collections, plain, quoted and block
/// scalars, comments. Anchors, aliases and tags are refused; why no library reads them is said in
/// docs/decisions/0007-front-matter-of-our-own.md.
package enum FrontMatter {
    /// A YAML value.
    ///
    /// Numbers, Booleans and dates stay as they are written.
    package indirect enum Value: Equatable {
        case null
        case string(String)
        /// A plain scalar that YAML 1.1 takes for a number or a Boolean.
        case other(String)
        case list([Value])
        case mapping([(key: String, value: Value)])

        package static func == (left: Value, right: Value) -> Bool {
            switch (left, right) {
            case (.null, .null): true
            case (.string(let a), .string(let b)), (.other(let a), .other(let b)): a == b
            case (.list(let a), .list(let b)): a == b
            case (.mapping(let a), .mapping(let b)):
                a.count == b.count
                    && zip(a, b).allSatisfy { $0.key == $1.key && $0.value == $1.value }
            default: false
            }
        }

        /// Whether this is a mapping with `key`.
        func has(_ key: String) -> Bool {
            if case .mapping(let members) = self {
                members.contains { $0.key == key }
            } else {
                false
            }
        }

        /// The value of `key`; the last when it stands twice.
        subscript(key: String) -> Value? {
            guard case .mapping(let members) = self else { return nil }
            return members.last { $0.key == key }?.value
        }

        /// The text of a scalar.
        var text: String? {
            switch self {
            case .string(let text), .other(let text): text
            default: nil
            }
        }

        /// The text of a scalar, or those of a list with commas between.
        var joinedText: String? {
            if case .list(let items) = self {
                return items.compactMap(\.text).joined(separator: ",")
            }
            return text
        }

        /// The texts of a list, or one text.
        ///
        /// A plain Boolean or number by itself is none.
        var texts: [String] {
            switch self {
            case .string(let text): [text]
            case .list(let items): items.compactMap(\.text)
            default: []
            }
        }
    }

    /// Parses the front matter of a card; `nil` when it has none.
    ///
    /// - Throws: `ConversionError` naming the line that is not understood.
    package static func parse(_ bytes: [UInt8], path: String) throws(ConversionError) -> Value? {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConversionError(
                .malformedFrontMatter(found: "text that is not UTF-8"), path: path)
        }
        let all = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard all.first == "---" else { return nil }
        let lines = all.dropFirst().prefix { $0 != "---" }
        var parser = FrontMatterParser(
            lines: lines.map { String($0.replacing("\t", with: "  ")) }, path: path)
        let value = try parser.document()
        // The reference converter goes on without a card whose front matter is no mapping.
        guard case .mapping = value else { return nil }
        return value
    }
}
