import TensorCore

extension ModelCard {
    /// The front matter that tells what the `general.*` keys of a GGUF file say.
    ///
    /// Fields that a conversion would derive from the directory's name are there as empty texts
    /// when the file has no such key.
    static func frontMatter(of metadata: Metadata) -> String {
        var lines = ["---"]
        func text(_ key: String) -> String? { metadata["general.\(key)"]?.text }
        for (field, key, isDerived) in writtenFields {
            guard let value = text(key) ?? (isDerived ? "" : nil) else { continue }
            lines.append("\(field): \(quoted(value))")
        }
        for (field, kind) in [("base_model", "base_model"), ("datasets", "dataset")] {
            guard let count = metadata["general.\(kind).count"]?.integer, count >= 0 else {
                continue
            }
            let sources = (0..<min(count, 1000)).map { index in
                let fields = sourceFields.compactMap { field in
                    text("\(kind).\(index).\(field)").map { "\(field): \(quoted($0))" }
                }
                return "{\(fields.joined(separator: ", "))}"
            }
            lines.append("\(field): [\(sources.joined(separator: ", "))]")
        }
        for (field, key) in [("tags", "general.tags"), ("language", "general.languages")] {
            guard case .strings(let texts)? = metadata[key] else { continue }
            let items = texts.map { quoted($0.description) }
            lines.append("\(field): [\(items.joined(separator: ", "))]")
        }
        return (lines + ["---", ""]).joined(separator: "\n")
    }

    private static let writtenFields: [(field: String, key: String, isDerived: Bool)] = [
        ("name", "name", true), ("author", "author", false), ("version", "version", true),
        ("organization", "organization", true), ("description", "description", false),
        ("finetune", "finetune", true), ("basename", "basename", true),
        ("size_label", "size_label", true), ("url", "source.url", false),
        ("doi", "source.doi", false), ("uuid", "source.uuid", false),
        ("repo_url", "source.repo_url", false), ("license", "license", false),
        ("license_name", "license.name", false), ("license_link", "license.link", false),
    ]
    private static let sourceFields = [
        "name", "author", "version", "organization", "description", "url", "doi", "uuid",
        "repo_url",
    ]

    /// A double-quoted YAML scalar.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count == 1 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
