public import Inference
public import TensorCore
public import Templates
public import Tokenization

/// A conversation with a model: its messages, and the keys and values of the text so far.
public struct ChatSession {
    private let template: ChatTemplate
    private let options: ChatTemplate.Options
    private let opening: [ChatMessage]
    private let tokenizer: Tokenizer
    private let generator: TextGenerator
    private let generation: Generation
    private let limit: Int?
    private let settings: Sampler.Settings
    /// The messages so far.
    public private(set) var messages: [ChatMessage]
    private var userTexts: [String] = []
    private var attachment = ""

    /// Starts a conversation.
    ///
    /// - Parameters:
    ///   - opening: What goes before the first message of the user.
    ///   - generation: Its capacity is the longest that the conversation can become.
    ///   - limit: The most tokens of an answer; `nil` for as many as there is room for.
    public init(
        template: ChatTemplate, options: ChatTemplate.Options, opening: [ChatMessage],
        tokenizer: Tokenizer, generator: TextGenerator, generation: Generation, limit: Int?,
        settings: Sampler.Settings
    ) {
        self.template = template
        self.options = options
        self.opening = opening
        self.tokenizer = tokenizer
        self.generator = generator
        self.generation = generation
        self.limit = limit
        self.settings = settings
        messages = opening
    }

    /// Whether the model has said anything.
    public var hasAnswered: Bool { !userTexts.isEmpty }

    /// Forgets all but the opening.
    public mutating func clear() {
        messages = opening
        userTexts = []
        attachment = ""
    }

    /// Puts a text in front of the next message.
    public mutating func attach(_ text: String) { attachment += text + "\n" }

    /// Takes the last message of the user and its answer back.
    public mutating func takeLastMessage() -> String? {
        guard let last = userTexts.popLast() else { return nil }
        messages.removeLast(2)
        return last
    }

    /// Answers a message.
    ///
    /// - Parameters:
    ///   - isStopped: Asked after every token; what was said until then is the answer.
    ///   - emit: Takes the answer as it comes.
    /// - Throws: `ChatError` when the template refuses the message or there is no room for it, and
    ///   the conversation stays what it was; `InferenceError`.
    public mutating func answer(
        _ text: String, isStopped: () -> Bool, emit: (String) -> Void
    ) throws -> TextGenerator.Outcome {
        let text = attachment + text
        let question = ChatMessage(role: "user", content: text)
        let prompt: RenderedText
        do {
            prompt = try template.render(
                messages: messages + [question], addGenerationPrompt: true, options: options)
        } catch {
            throw ChatError(file: error.file, place: error.place, problem: error.problem)
        }
        let tokens = try tokenizer.tokens(of: prompt)
        let room = generation.capacity - tokens.count
        guard room > 0 else {
            throw ChatError(
                file: nil, place: nil,
                problem: "the conversation has \(tokens.count) tokens, and there is room for"
                    + " \(generation.capacity) with the answer",
                remedy: "Forget it with /clear, or give more with -c.")
        }
        let outcome = try generator.generate(
            prompt: tokens, limit: min(limit ?? room, room), settings: settings, in: generation,
            showsControl: false, isCancelled: isStopped, emit: emit)
        attachment = ""
        userTexts.append(text)
        messages += [question, ChatMessage(role: "assistant", content: outcome.text)]
        return outcome
    }
}

/// A message that cannot be answered.
public struct ChatError: IngotError {
    /// The template's file, where it is to blame.
    public let file: String?
    /// The place in it.
    public let place: String?
    /// What was found and what was expected.
    public let problem: String
    /// What the user can do about it.
    public var remedy: String?
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }
}
