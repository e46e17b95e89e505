public import TensorCore

/// A chat template; the default one has no name or the name `default`.
public struct HFChatTemplate: Sendable, Equatable {
    /// The name.
    public var name: ByteString?
    /// The Jinja text.
    public var text: ByteString

    /// Gives a name to a text.
    public init(name: ByteString?, text: ByteString) {
        self.name = name
        self.text = text
    }

    /// Whether it is the one that is used when none is asked for.
    var isMain: Bool { name == nil || name == "default" }
}

/// The chat templates of a directory, from the file that transformers takes them from.
struct HFChatTemplates {
    /// In file order.
    private(set) var templates: [HFChatTemplate] = []
    private(set) var notices: [String] = []

    /// Collects the templates.
    ///
    /// Files of their own (`chat_template.jinja`, `additional_chat_templates/`) come first, then
    /// `tokenizer_config.json`, then `chat_template.json`, which belongs to processors.
    ///
    /// - Throws: `FileError`; `TokenizationError` for a file that is not UTF-8.
    init(_ folder: HFTokenizerFolder, tokenizerConfig: JSON?) throws {
        var sources: [(file: String, templates: [HFChatTemplate])] = []
        let own = try ownFiles(folder)
        if !own.templates.isEmpty { sources.append(own) }
        for (file, json) in [
            ("tokenizer_config.json", tokenizerConfig),
            ("chat_template.json", try folder.json("chat_template.json")),
            ("processor_config.json", try folder.json("processor_config.json")),
        ] {
            if let found = try templates(json?["chat_template"], file: folder.file(file)) {
                sources.append((file, found))
            }
        }
        guard let first = sources.first else { return }
        templates = first.templates
        // The files with a name each are additions to the main template, wherever that is.
        if !templates.contains(where: \.isMain), sources.count > 1 {
            templates += sources[1].templates.filter(\.isMain)
        }
        for other in sources.dropFirst() where !HFChatTemplates.agree(templates, other.templates) {
            notices.append(
                "\(first.file) and \(other.file) have different chat templates "
                    + "(\(HFChatTemplates.summary(first.templates)); "
                    + "\(HFChatTemplates.summary(other.templates))); "
                    + "that of \(first.file) is taken, as transformers does")
        }
    }

    private static func agree(_ taken: [HFChatTemplate], _ other: [HFChatTemplate]) -> Bool {
        other.allSatisfy { template in
            taken.contains {
                ($0.name == template.name || $0.isMain && template.isMain)
                    && $0.text == template.text
            }
        }
    }

    /// The beginning of the main template, or how many there are.
    private static func summary(_ templates: [HFChatTemplate]) -> String {
        guard let main = templates.last(where: \.isMain) else {
            return "\(templates.count) templates"
        }
        let text = main.text.description.split(separator: "\n").joined(separator: " ")
        return "\"\(text.prefix(40))\(text.count > 40 ? "…" : "")\""
    }

    /// `chat_template.jinja` and the files of a folder of their own, with a name each.
    private mutating func ownFiles(
        _ folder: HFTokenizerFolder
    ) throws -> (file: String, templates: [HFChatTemplate]) {
        var others: [HFChatTemplate] = []
        if let path = try folder.existing(["additional_chat_templates"]) {
            let names = try Directory.names(in: path).filter { $0.hasSuffix(".jinja") }.sorted()
            for name in names {
                others.append(
                    HFChatTemplate(
                        name: ByteString(String(name.dropLast(".jinja".count))),
                        text: try text("\(path)/\(name)")))
            }
        }
        if let path = try folder.existing(["chat_template.jinja"]) {
            let main = HFChatTemplate(
                name: others.isEmpty ? nil : "default", text: try text(path))
            return ("chat_template.jinja", [main] + others)
        }
        return ("additional_chat_templates", others)
    }

    /// A template's file, as Python reads text: every end of a line becomes a line feed.
    private mutating func text(_ path: String) throws -> ByteString {
        var bytes = try InputFile.contents(path: path, limit: 1 << 24)
        guard ByteString(bytes: bytes).validated != nil else {
            let isWide = [[0xFF, 0xFE], [0xFE, 0xFF]].contains { bytes.starts(with: $0) }
            throw TokenizationError(.notUTF8(probably: isWide ? "UTF-16" : "LATIN1"), file: path)
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            bytes.removeFirst(3)
            notices.append(
                "\(path.lastComponent): the byte order mark in front of the template is left out")
        }
        return ByteString(bytes: bytes).withLineFeeds
    }

    /// The templates of a JSON file: one text, a list with names or an object of names.
    private mutating func templates(_ json: JSON?, file: String) throws -> [HFChatTemplate]? {
        switch json {
        case nil, .null?: return nil
        case .string(let text)?: return [HFChatTemplate(name: nil, text: text)]
        case .array(let values)?:
            return values.compactMap { value in
                value["template"]?.bytes.map {
                    HFChatTemplate(name: value["name"]?.bytes, text: $0)
                }
            }
        case .object(let members)?:
            return members.compactMap { member in
                member.value.bytes.map { HFChatTemplate(name: member.key, text: $0) }
            }
        case let other?:
            notices.append(
                "\(file.lastComponent): chat_template is \(other.kindName), no text, list or object; "
                    + "it is left out")
            return nil
        }
    }
}
