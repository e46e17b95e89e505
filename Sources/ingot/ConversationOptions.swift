import ArgumentParser
import GGUF
import Inference
import TensorCore
import Templates

/// How a conversation becomes text, for `chat` and `generate --chat`.
struct ConversationOptions: ParsableArguments {
    @Option(
        name: [
            .customLong("system"), .customLong("system-prompt"),
            .customLong("sys", withSingleDash: true),
        ],
        help: ArgumentHelp("What the model is told first.", valueName: "text"))
    var system: String?

    @Option(
        help: ArgumentHelp(
            "A Jinja template in place of the model's; - is standard input.", valueName: "file"))
    var chatTemplateFile: String?

    @Option(
        help: ArgumentHelp(
            "Variables of the template, a JSON object: '{\"enable_thinking\": false}'.",
            valueName: "json"))
    var chatTemplateKwargs: String?

    mutating func validate() throws {
        _ = try variables()
    }

    /// Whether any of these is given.
    var isUsed: Bool { system != nil || chatTemplateFile != nil || chatTemplateKwargs != nil }

    private func variables() throws -> [String: JSON] {
        guard let chatTemplateKwargs else { return [:] }
        guard let members = try? JSON.parse(Array(chatTemplateKwargs.utf8)).members else {
            throw ValidationError(
                "--chat-template-kwargs is \(chatTemplateKwargs), expected a JSON object")
        }
        return Dictionary(
            members.map { ($0.key.description, $0.value) }, uniquingKeysWith: { $1 })
    }

    /// What goes with the messages.
    func options() throws -> ChatTemplate.Options {
        var options = ChatTemplate.Options()
        options.variables = try variables()
        return options
    }

    /// The template of a model, or the one asked for.
    func template(for model: Model) throws -> ChatTemplate {
        let source = try chatTemplateFile.map { try ChatTemplateOptions.text(of: $0).description }
        return try ChatTemplate(
            metadata: model.source.metadata, source: source,
            path: chatTemplateFile.map(TextNames.long) ?? model.path)
    }

    /// The messages before the first of the user.
    var opening: [ChatMessage] {
        system.map { [ChatMessage(role: "system", content: $0)] } ?? []
    }

    /// One question as a conversation.
    func prompt(_ text: String, for model: Model) throws -> RenderedText {
        try template(for: model).render(
            messages: opening + [ChatMessage(role: "user", content: text)],
            addGenerationPrompt: true, options: options())
    }
}
