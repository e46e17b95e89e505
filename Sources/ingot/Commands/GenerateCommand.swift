import ArgumentParser
import Evaluation
import Inference
import Reporting
import TensorCore
import Tokenization

/// The command `ingot generate MODEL -p PROMPT`.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Have a model go on with a text, beside its original.",
        discussion: """
            The most probable token each time, or tokens drawn at a temperature. The prompt is taken \
            as it is, and control tokens written in it are those tokens, so a turn of a chat can be \
            written out. With --chat the prompt is a user's message: the model's chat template is \
            applied, and control tokens written in the message are text.

            Examples:
              ingot generate model-Q4_K_M.gguf -p "The capital of France is" -n 32
              ingot generate model-Q2_K.gguf -p "Once upon a time" --against model-f16.gguf
              ingot generate model-Q4_K_M.gguf -p "Once upon a time" --temp 0.8 --seed 7
              ingot generate model-Q4_K_M.gguf --chat -p "Why is the sky blue?"
              ingot generate model-Q4_K_M.gguf --chat -p "A person." \\
                --json-schema-file person.json
            """)

    @Argument(help: "The GGUF file; of a split model, the first part.")
    var model: String

    @Option(name: [.short, .long], help: "The text to go on with.")
    var prompt: String?

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp(
            "A file with the text to go on with, also a pipe; - is standard input. May be given"
                + " again: the files follow one another.", valueName: "file"))
    var files: [String] = []

    @Option(
        name: [.customShort("n"), .customLong("n-predict"), .customLong("predict")],
        help: ArgumentHelp("The most tokens to add.", valueName: "count"))
    var count = 128

    @Flag(help: "Take the text as a user's message, in the model's chat template.")
    var chat = false

    @Option(
        help: ArgumentHelp(
            "Have this model go on too, and tell where the texts first differ.", valueName: "base"))
    var against: String?

    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var conversation: ConversationOptions
    @OptionGroup var grammars: GrammarOptions
    @OptionGroup var layers: ActivationsOptions
    @OptionGroup var cache: CacheOptions
    @OptionGroup var tokenizing: TokenizerOptions
    @OptionGroup var options: RunOptions
    @OptionGroup var result: ResultOptions

    mutating func validate() throws {
        guard (prompt == nil) != files.isEmpty else {
            throw ValidationError("expected a text to go on with: -p TEXT or -f FILE")
        }
        try TextNames.check(files)
        guard count >= 1 else { throw ValidationError("-n is \(count), expected at least 1") }
        guard chat || !conversation.isUsed else {
            throw ValidationError("--system and --chat-template-… are for --chat")
        }
    }

    private struct Output: Encodable {
        struct Text: Encodable {
            let model: String
            let text: String
            let tokens: [Int32]
            let probabilities: [Double]
            let endedByModel: Bool
            let promptSeconds: Double
            let tokensPerSecond: Double
        }
        struct Choice: Encodable {
            /// `nil` where the text had ended.
            let token: Int32?
            let text: String
            let probability: Double?
            /// What the other model gives this token.
            let probabilityInOther: Double?
        }
        struct Difference: Encodable {
            /// Counted from the first token after the prompt.
            let token: Int
            let model: Choice
            let base: Choice
        }
        let schemaVersion = 1
        let prompt: String
        let promptTokens: [Int32]
        let result: Text
        let base: Text?
        let firstDifference: Difference?
        let activations: String
        let warnings: [String]
        let version: String
    }

    func run() throws {
        let models = try ([model] + (against.map { [$0] } ?? [])).map { try Model(path: $0) }
        if models.count > 1 { try VocabularyCheck.compare(models[0], with: models[1]) }
        let (tokenizer, gaps) = try tokenizing.load(for: models[0])
        let contents = try TextFiles.contents(paths: files)
        let text = prompt ?? String(decoding: contents.bytes, as: UTF8.self)
        let grammar = try grammars.load()
        let generators = models.map {
            TextGenerator(
                model: $0, tokenizer: tokenizer, activations: layers.activations,
                cacheTypeK: cache.cacheTypeK, cacheTypeV: cache.cacheTypeV, grammar: grammar,
                pool: options.pool)
        }
        var warnings = layers.warnings(models) + (gaps + contents.warnings).map(\.description)
        Terminal.warnings(warnings)
        let outcomes = try zip(models, generators).map { model, generator in
            let tokens =
                try chat
                ? tokenizer.tokens(of: conversation.prompt(text, for: models[0]))
                : generator.promptTokens(text)
            if tokens.count + count > model.contextLength {
                warnings.append(
                    EvaluationWarning.contextBeyondTraining(
                        contextLength: tokens.count + count, trained: model.contextLength,
                        model: model.path
                    ).description)
            }
            if streams, models.count > 1 { Terminal.print("\(Paths.name(model.path)):") }
            let outcome = try generate(text, tokens, generator)
            if streams { Terminal.stream(models.count > 1 ? "\n\n" : "\n") }
            return outcome
        }
        Terminal.warnings(warnings)
        let difference = try GenerateCommand.difference(outcomes, generators, tokenizer)
        let texts = outcomes.map(GenerateCommand.text)
        let output = Output(
            prompt: text, promptTokens: outcomes[0].promptTokens, result: texts[0],
            base: texts.count > 1 ? texts[1] : nil,
            firstDifference: difference, activations: layers.activations.rawValue,
            warnings: warnings, version: Ingot.version)
        if !streams {
            try result.give(output, lines: outcomes.map { "\(Paths.name($0.model)): \($0.text)" })
        }
        options.note(texts.map { GenerateCommand.speed($0, of: output) })
        guard streams, outcomes.count > 1 else { return }
        Terminal.print(lines: GenerateCommand.lines(outcomes, difference))
    }

    /// Whether the text appears as it is made.
    private var streams: Bool { !result.json && result.output == nil }

    /// Has one model go on with a text.
    private func generate(
        _ text: String, _ tokens: [Int32], _ generator: TextGenerator
    ) throws -> TextGenerator.Outcome {
        if streams, !chat { Terminal.stream(text) }
        do {
            return try generator.generate(
                prompt: tokens, limit: count, settings: sampling.settings(usualTemperature: 0)
            ) {
                if streams { Terminal.stream($0) }
            }
        } catch {
            // What is wrong stands on a line of its own.
            if streams { Terminal.stream("\n") }
            throw error
        }
    }

    private static func speed(_ text: Output.Text, of output: Output) -> String {
        "\(Paths.name(text.model)): "
            + NumberFormat.counted(output.promptTokens.count, "token")
            + " of prompt in \(NumberFormat.duration(text.promptSeconds)),"
            + " \(text.tokens.count) tokens at"
            + " \(NumberFormat.fixed(text.tokensPerSecond, 1)) tokens/s"
    }

    private static func text(_ outcome: TextGenerator.Outcome) -> Output.Text {
        Output.Text(
            model: outcome.model, text: outcome.text, tokens: outcome.steps.map(\.token),
            probabilities: outcome.steps.map(\.probability), endedByModel: outcome.endedByModel,
            promptSeconds: outcome.promptSeconds,
            tokensPerSecond: Double(outcome.steps.count) / max(outcome.seconds, 1e-9))
    }

    /// Where two texts first differ and what each model thinks of the other's choice; `nil` where
    /// they do not.
    private static func difference(
        _ outcomes: [TextGenerator.Outcome], _ generators: [TextGenerator], _ tokenizer: Tokenizer
    ) throws -> Output.Difference? {
        guard outcomes.count > 1 else { return nil }
        let texts = outcomes.map { $0.steps.map(\.token) }
        let common = zip(texts[0], texts[1]).prefix { $0 == $1 }.count
        if common == max(texts[0].count, texts[1].count) { return nil }
        let before = outcomes[0].promptTokens + texts[0][..<common]
        func choice(_ own: Int) throws -> Output.Choice {
            guard outcomes[own].steps.indices.contains(common) else {
                return .init(token: nil, text: "", probability: nil, probabilityInOther: nil)
            }
            let step = outcomes[own].steps[common]
            return .init(
                token: step.token,
                text: String(
                    decoding: tokenizer.decode([step.token], showsControl: true), as: UTF8.self),
                probability: step.probability,
                probabilityInOther: try generators[1 - own].probability(
                    of: step.token, after: before))
        }
        return .init(token: common, model: try choice(0), base: try choice(1))
    }

    private static func lines(
        _ outcomes: [TextGenerator.Outcome], _ difference: Output.Difference?
    ) -> [String] {
        let count = outcomes[0].steps.count
        guard let difference else { return ["the texts are the same, \(count) tokens"] }
        var table = TextTable(rightAligned: [false, false, true, true])
        table.add("", "token", "p", "p in the other")
        for (outcome, choice) in zip(outcomes, [difference.model, difference.base]) {
            table.add(
                Paths.name(outcome.model), choice.token == nil ? "(ended)" : quoted(choice.text),
                choice.probability.map { NumberFormat.fixed($0, 3) } ?? "",
                choice.probabilityInOther.map { NumberFormat.fixed($0, 3) } ?? "")
        }
        return ["the texts first differ at token \(difference.token + 1) of \(count):"]
            + table.lines
    }

    /// A piece of text on one line.
    private static func quoted(_ text: String) -> String {
        text.debugDescription
    }
}
