import ArgumentParser
import Evaluation
import TensorCore

/// A chat template that takes the place of the model's, for `convert` and `quantize`.
struct ChatTemplateOptions: ParsableArguments {
    @Option(
        name: [.long, .customLong("chat-template-file")],
        help: ArgumentHelp(
            "Write this Jinja template as the model's chat template; - is standard input.",
            valueName: "file"))
    var chatTemplate: String?

    /// The key that holds a model's chat template.
    static let key = "tokenizer.chat_template"
    /// The longest template that is read, in bytes; those of published models have 30,000 at most.
    private static let byteCountLimit = 1 << 20

    mutating func validate() throws {
        guard let chatTemplate, ["{{", "{%"].contains(where: { chatTemplate.contains($0) }),
            FileIdentity(path: chatTemplate) == nil
        else { return }
        throw ValidationError("--chat-template names a file; write the template into one")
    }

    /// The template's text, with line ends of LF, as Jinja takes them.
    ///
    /// - Throws: `ChatTemplateError` when it is empty, or no UTF-8; what `TextFiles` throws.
    func load() throws -> ByteString? {
        try chatTemplate.map(ChatTemplateOptions.text)
    }

    /// The text of the template in a file.
    static func text(of path: String) throws -> ByteString {
        let contents = try TextFiles.contents(
            paths: [path], limit: ChatTemplateOptions.byteCountLimit)
        var bytes = contents.bytes
        func fault(_ found: String, _ expected: String) -> ChatTemplateError {
            ChatTemplateError(
                file: TextNames.long(path), problem: "\(found) found, expected \(expected)")
        }
        for warning in contents.warnings {
            switch warning {
            case .invalidUTF8(_, let place): throw fault("bytes from \(place) on", "UTF-8")
            case .zeroBytes(_, _, let place): throw fault("a zero byte at \(place)", "text")
            case .carriageReturns:
                bytes = ByteString(bytes: bytes).withLineFeeds.bytes
                Terminal.warning(
                    "\(TextNames.long(path)): its lines end in CR LF, and are written with LF"
                )
            default: Terminal.warning(warning.description)
            }
        }
        // As some repositories keep it: {"chat_template": "…"}.
        if let json = try? JSON.parse(bytes), json.members != nil {
            guard let text = json["chat_template"]?.bytes else {
                throw fault("a JSON object without a text chat_template", "a Jinja text")
            }
            bytes = text.bytes
        }
        guard bytes.contains(where: { !" \t\n".utf8.contains($0) }) else {
            throw fault("an empty template", "a Jinja text")
        }
        return ByteString(bytes: bytes)
    }

    /// What becomes of the template that a model has.
    static func notice(_ template: ByteString, replacing metadata: Metadata) -> String {
        let named = metadata.entries.map(\.key).filter { $0.hasPrefix(key + ".") }
        let others =
            named.isEmpty
            ? "" : "; \(named.joined(separator: ", ")) \(named.count == 1 ? "stays" : "stay")"
        guard case .string(let earlier)? = metadata[key] else {
            return "chat template: \(template.bytes.count) bytes, the model had none" + others
        }
        return earlier == template
            ? "chat template: the one that the model has already" + others
            : "chat template: \(template.bytes.count) bytes in place of \(earlier.bytes.count)"
                + others
    }
}

/// A file that is no chat template.
struct ChatTemplateError: IngotError {
    let file: String?
    let problem: String
    var place: String? { nil }
    var remedy: String? { nil }
    var exitCode: TensorCore.ExitCode { .badData }
}
