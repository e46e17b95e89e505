public import TensorCore

/// A text to calibrate on: of the built-in mix, or the user's own.
public struct CalibrationDocument: Sendable, Hashable {
    /// What a document is an example of.
    public enum Kind: String, Sendable, CaseIterable {
        /// English prose: articles, reports, manuals, essays, fiction.
        case prose
        /// Source code and the formats around it.
        case code
        /// Conversations, written in the model's own template.
        case chat
        /// Prose in other languages and scripts.
        case multilingual
        /// Tokens drawn at random.
        case random
        /// A text that the user gave.
        case own
    }

    /// What a document of the mix is for.
    public enum Use: String, Sendable {
        /// Statistics are gathered from it.
        case calibration
        /// Held out, to choose by.
        case validation
    }

    /// What a document holds.
    public enum Content: Sendable, Hashable {
        /// A text as it stands, UTF-8.
        case text([UInt8])
        /// A conversation.
        case conversation(Conversation)
    }

    /// A conversation as chat templates take it.
    public struct Conversation: Sendable, Hashable {
        /// Objects with `role`, `content`, and where a tool is called `tool_calls`.
        public var messages: [JSON]
        /// The tools that the model may call, each an object with `type` and `function`.
        public var tools: [JSON]

        /// Creates a conversation.
        public init(messages: [JSON], tools: [JSON] = []) {
            self.messages = messages
            self.tools = tools
        }
    }

    /// What the document is called: a name in the mix, a file's name.
    public var name: String
    /// What it is an example of.
    public var kind: Kind
    /// The language: a tag such as `en` or `zh_Hant`, of code the programming language; empty where
    /// it is not known.
    public var language: String
    /// What it is for.
    public var use: Use
    /// What it holds.
    public var content: Content

    /// Creates a document.
    public init(
        name: String, kind: Kind, language: String = "", use: Use = .calibration, content: Content
    ) {
        self.name = name
        self.kind = kind
        self.language = language
        self.use = use
        self.content = content
    }

    /// A text of the user's own.
    public init(name: String, text: [UInt8]) {
        self.init(name: name, kind: .own, content: .text(text))
    }
}
