import ArgumentParser
import Evaluation
import Foundation
import Inference
import Reporting
import TensorCore
import Templates
import Tokenization

/// The command `ingot chat MODEL`.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk with a model in the terminal.",
        discussion: """
            Every line is a message; a line that ends in \\ goes on with the next. The \
            model's chat template makes a text of the conversation, and control tokens \
            written in a message are text. Ctrl-C stops an answer; at the prompt it ends the \
            program, like /exit.

              /exit       end
              /clear      forget the conversation
              /regen      answer the last message again
              /read FILE  put a file in front of the next message
              /help       show these

            Examples:
              ingot chat model-Q4_K_M.gguf --system "You are terse."
              echo "Why is the sky blue?" | ingot chat model-Q4_K_M.gguf --temp 0
            """)

    @Argument(help: "The GGUF file; of a split model, the first part.")
    var model: String

    @Option(name: [.short, .long], help: "The first message.")
    var prompt: String?

    @Flag(
        name: [.customLong("single-turn"), .customLong("st", withSingleDash: true)],
        help: "End after the first answer.")
    var singleTurn = false

    @Option(
        name: [.customShort("n"), .customLong("n-predict"), .customLong("predict")],
        help: ArgumentHelp(
            "The most tokens of an answer; -1, the default, for as many as there is room for.",
            valueName: "count"))
    var count = -1

    @Option(
        name: [.customShort("c"), .customLong("ctx-size"), .customLong("context")],
        help: ArgumentHelp(
            "Tokens of the longest conversation; 0 for what the model was trained with. (default:"
                + " 4096, or less where the model has less)", valueName: "tokens"))
    var context: Int?

    @OptionGroup var conversation: ConversationOptions
    @OptionGroup var grammars: GrammarOptions
    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var layers: ActivationsOptions
    @OptionGroup var cache: CacheOptions
    @OptionGroup var tokenizing: TokenizerOptions
    @OptionGroup var options: RunOptions

    mutating func validate() throws {
        guard count >= 1 || count == -1 else {
            throw ValidationError("-n is \(count), expected at least 1, or -1")
        }
        if let context, context < 0 {
            throw ValidationError("-c is \(context), expected at least 0")
        }
    }

    func run() throws {
        let model = try Model(path: model)
        let (tokenizer, gaps) = try tokenizing.load(for: model)
        for warning in layers.warnings([model]) + gaps.map(\.description) {
            Terminal.warning(warning)
        }
        let capacity =
            context.map { $0 == 0 ? model.contextLength : $0 }
            ?? min(4096, model.contextLength)
        if capacity > model.contextLength {
            Terminal.warning(
                EvaluationWarning.contextBeyondTraining(
                    contextLength: capacity, trained: model.contextLength, model: model.path
                ).description)
        }
        var session = ChatSession(
            template: try conversation.template(for: model), options: try conversation.options(),
            opening: conversation.opening, tokenizer: tokenizer,
            generator: TextGenerator(
                model: model, tokenizer: tokenizer, activations: layers.activations,
                cacheTypeK: cache.cacheTypeK, cacheTypeV: cache.cacheTypeV,
                grammar: try grammars.load(), pool: options.pool),
            generation: try Generation(
                model: model, capacity: capacity, activations: layers.activations,
                cacheTypeK: cache.cacheTypeK, cacheTypeV: cache.cacheTypeV, pool: options.pool),
            limit: count == -1 ? nil : count,
            settings: sampling.settings(usualTemperature: 0.8))
        // A template that refuses any conversation is told before the first message.
        if !options.quiet {
            Terminal.note(
                "\(Paths.name(model.path)): room for"
                    + " \(NumberFormat.counted(capacity, "token")); /help shows what else can be said"
            )
        }
        if let prompt {
            try answer(prompt, in: &session)
            if singleTurn { return }
        }
        while let message = ChatInput.next() {
            if try !obey(message, &session) { return }
            if singleTurn, session.hasAnswered { return }
        }
    }

    /// Does what a line says; `false` to end.
    private func obey(_ message: String, _ session: inout ChatSession) throws -> Bool {
        let words = message.split(separator: " ", maxSplits: 1).map(String.init)
        switch words.first {
        case nil: break
        case "/exit", "/quit": return false
        case "/clear":
            session.clear()
            Terminal.note("the conversation is forgotten")
        case "/help":
            Terminal.note(
                "/exit ends, /clear forgets the conversation, /regen answers again, /read FILE puts"
                    + " a file in front of the next message; Ctrl-C stops an answer")
        case "/regen":
            guard let last = session.takeLastMessage() else {
                Terminal.note("there is no message to answer yet")
                break
            }
            try answer(last, in: &session)
        case "/read":
            do {
                let path = words.count > 1 ? words[1] : ""
                let contents = try TextFiles.contents(paths: [path])
                session.attach(String(decoding: contents.bytes, as: UTF8.self))
                Terminal.note("\(contents.bytes.count) bytes of \(path) go with the next message")
            } catch let error as any IngotError {
                Terminal.error(error.description)
            }
        default: try answer(message, in: &session)
        }
        return true
    }

    private func answer(_ message: String, in session: inout ChatSession) throws {
        do {
            let outcome = try Interrupts.stoppable { isStopped in
                try session.answer(message, isStopped: isStopped) { Terminal.stream($0) }
            }
            Terminal.stream("\n")
            guard !options.quiet else { return }
            let speed = Double(outcome.steps.count) / max(outcome.seconds, 1e-9)
            Terminal.note(
                "[\(NumberFormat.counted(outcome.promptTokens.count, "token")) of prompt,"
                    + " \(outcome.reusedCount) known; \(outcome.steps.count) at"
                    + " \(NumberFormat.fixed(speed, 1)) tokens/s"
                    + (outcome.endedByModel ? "" : ", not ended by the model") + "]")
        } catch let error as ChatError where !singleTurn && prompt == nil {
            // The conversation can go on, with another message or from the start.
            Terminal.error(error.description)
        }
    }
}

/// The lines that a user writes.
enum ChatInput {
    /// The next message, without white space around it; `nil` at the end.
    static func next() -> String? {
        while true {
            prompt("> ")
            guard var text = readLine() else { return nil }
            while text.hasSuffix("\\") {
                text.removeLast()
                prompt("… ")
                guard let more = readLine() else { break }
                text += "\n" + more
            }
            let message = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if !message.isEmpty { return message }
        }
    }

    private static func prompt(_ text: String) {
        guard isatty(STDIN_FILENO) == 1 else { return }
        Terminal.flush()
        Terminal.write(text)
    }
}
