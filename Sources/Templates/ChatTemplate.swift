public import TensorCore

/// The template by which a model's conversations become text.
///
/// ```swift
/// let template = try ChatTemplate(metadata: file.metadata, path: path)
/// let prompt = try template.render(
///     messages: [ChatMessage(role: "user", content: "Hello")], addGenerationPrompt: true)
/// let tokens = try tokenizer.encode(prompt.utf8, parsingSpecialIn: prompt.templateRanges)
/// ```
public struct ChatTemplate: Sendable {
    private let template: Template
    /// The template for conversations with tools, where the model has one of its own.
    private let toolTemplate: Template?
    /// `bos_token` and the like.
    private let specialTokens: [String: TemplateValue]

    /// The metadata key of the template.
    public static let key = "tokenizer.chat_template"

    /// What a conversation may bring beside its messages.
    public struct Options: Sendable {
        /// The descriptions of tools, a list; `nil` for none.
        public var tools: JSON?
        /// Documents to answer from, a list; `nil` for none.
        public var documents: JSON?
        /// Other variables of the template: `enable_thinking`, `reasoning_effort`.
        public var variables: [String: JSON] = [:]

        /// Nothing beside the messages.
        public init() {}
    }

    /// Reads the template of a model.
    ///
    /// - Parameters:
    ///   - metadata: The metadata of a GGUF file.
    ///   - source: A template in place of the file's.
    ///   - path: The model's file, or that of `source`, for errors.
    /// - Throws: `TemplateError` where there is no template or it cannot be read.
    public init(
        metadata: Metadata, source: String? = nil, path: String? = nil,
        limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateError) {
        guard let text = source ?? metadata[Self.key]?.text else {
            throw TemplateError(
                .value(
                    "no \(Self.key) found, expected a chat template (--chat-template-file)"),
                file: path)
        }
        template = try Template(text, name: path, limits: limits)
        if source == nil, let text = metadata[Self.key + ".tool_use"]?.text {
            toolTemplate = try Template(text, name: path, limits: limits)
        } else {
            toolTemplate = nil
        }
        specialTokens = Self.specialTokens(metadata)
    }

    /// Whether a file has a chat template.
    public static func exists(in metadata: Metadata) -> Bool { metadata[key]?.text != nil }

    /// The texts of tokens with a part, by the names that templates know.
    private static func specialTokens(_ metadata: Metadata) -> [String: TemplateValue] {
        guard case .strings(let tokens)? = metadata["tokenizer.ggml.tokens"] else { return [:] }
        let names = [
            "bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding",
            "sep_token": "seperator", "cls_token": "cls", "mask_token": "mask",
        ]
        return names.compactMapValues { role in
            guard let id = metadata["tokenizer.ggml.\(role)_token_id"]?.integer,
                tokens.indices.contains(id)
            else { return nil }
            return .trusted(tokens[id].description)
        }
    }

    /// The text of a conversation.
    ///
    /// - Parameters:
    ///   - messages: The messages in order.
    ///   - addGenerationPrompt: Whether the beginning of the assistant's next turn is added.
    ///   - now: The time that the template may tell.
    /// - Throws: `TemplateError`, of kind `.raised` when the template refuses the conversation.
    public func render(
        messages: [ChatMessage], addGenerationPrompt: Bool, options: Options = Options(),
        now: CalendarTime = .now
    ) throws(TemplateError) -> RenderedText {
        var variables = specialTokens
        variables["messages"] = .list(messages.map { TemplateValue(value: $0.value) })
        variables["add_generation_prompt"] = .boolean(addGenerationPrompt)
        // As transformers gives them: there, and none.
        variables["tools"] = TemplateValue(options.tools ?? .null)
        variables["documents"] = TemplateValue(options.documents ?? .null)
        for (name, value) in options.variables { variables[name] = TemplateValue(value) }
        let chosen = options.tools == nil ? template : toolTemplate ?? template
        return try chosen.render(variables, now: now)
    }
}
