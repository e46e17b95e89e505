import ArgumentParser
import Evaluation
import Foundation
import GGUF
import Inference
import Quantization
import TensorCore

/// The command `ingot perplexity MODEL.gguf -f TEXT`.
struct PerplexityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "Measure the perplexity of a GGUF model on a text.",
        discussion: """
            The protocol is llama-perplexity's: windows of the context's length one after another,
            the second half of each scored, the first token replaced by BOS where the tokenizer
            adds one. The arithmetic is F32, whatever the weights are stored in, so that the figure
            is the weights' alone. With --activations q8 linear layers run as engines on processors
            run them: what they take in is rounded to 8 bits, block by block, and multiplied with
            the stored codes in integers, which is faster and adds a noise of its own; attention
            and weights stored as F16, BF16 or F32 stay in F32.

            Examples:
              ingot perplexity model-Q4_K_M.gguf -f wiki.test.raw
              ingot perplexity -m model-f16.gguf -f wiki.test.raw -c 2048 --chunks 16 --json
            """)

    @Argument(help: "The GGUF file.")
    var model: String?

    @Option(
        name: [.customShort("m"), .customLong("model")],
        help: ArgumentHelp("The GGUF file, where a script names it by option.", valueName: "file"))
    var modelOption: String?

    @OptionGroup var options: EvaluationOptions

    @Option(
        help: ArgumentHelp(
            "What linear layers take in: f32 as it is, q8 rounded to 8 bits. (default: f32)",
            valueName: "f32|q8"),
        transform: { name in
            guard let activations = Activations(rawValue: name) else {
                throw ValidationError("'\(name)' found, expected f32 or q8")
            }
            return activations
        })
    var activations = Activations.f32

    @Flag(help: "Print one JSON object.")
    var json = false

    private struct Output: Encodable {
        let model: String
        let text: String
        let perplexity: Double
        let standardError: Double
        let windows: Int
        let tokensScored: Int
        let tokensPerSecond: Double
        let seconds: Double
        let contextLength: Int
        let activations: String
        let threads: Int
        let textTokens: Int
        let running: [Double]
        let warnings: [String]
        let version: String
    }

    mutating func validate() throws {
        guard (model == nil) != (modelOption == nil) else {
            throw ValidationError("expected one model: MODEL.gguf or -m MODEL.gguf")
        }
    }

    /// Names the formats of the matrices whose input is not rounded.
    private func tellFloats(_ model: Model) {
        let matrices = model.matricesInFloats
        guard let first = matrices.first else { return }
        let formats = Dictionary(grouping: matrices, by: \.format.name)
            .sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }
        Terminal.warning(
            "with activations q8, \(matrices.count) matrices still run in F32"
                + " (\(formats.joined(separator: ", "))): \(first.name)"
                + (matrices.count > 1 ? " and others" : ""))
    }

    func run() throws {
        let path = model ?? modelOption ?? ""
        let model = try Model(path: path)
        let (text, _) = try options.windows(for: model)
        let pool = options.pool
        if activations == .q8 { tellFloats(model) }
        let line = ProgressLine("perplexity", isQuiet: options.quiet)
        defer { line.finish() }
        let result = try Evaluator(base: model, activations: activations, pool: pool).evaluate(text)
        { progress in
            line.update(
                progress.windowsDone, of: progress.windowCount,
                detail: "window \(progress.windowsDone)/\(progress.windowCount), perplexity "
                    + Numbers.fixed(progress.perplexities[0], 4))
        }
        line.finish()
        for warning in result.warnings { Terminal.warning(warning.description) }
        let perplexity = result.base
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let output = Output(
                model: path, text: options.text, perplexity: perplexity.perplexity.value,
                standardError: perplexity.perplexity.standardError,
                windows: perplexity.windowCount, tokensScored: perplexity.scoredTokenCount,
                tokensPerSecond: result.tokensPerSecond, seconds: result.seconds,
                contextLength: perplexity.contextLength,
                activations: activations.rawValue, threads: pool.threadCount,
                textTokens: text.tokenCount, running: perplexity.running,
                warnings: result.warnings.map(\.description), version: Ingot.version)
            Terminal.print(String(decoding: try encoder.encode(output), as: UTF8.self))
            return
        }
        if !options.quiet {
            let running = perplexity.running.enumerated()
                .map { "[\($0 + 1)]\(Numbers.fixed($1, 4))" }
            Terminal.print(running.joined(separator: ","))
        }
        Terminal.print(
            "perplexity \(Numbers.fixed(perplexity.perplexity.value, 4))"
                + " ± \(Numbers.fixed(perplexity.perplexity.standardError, 4))"
                + " (\(perplexity.windowCount) windows of \(perplexity.contextLength),"
                + " \(perplexity.scoredTokenCount) tokens scored,"
                + " \(Numbers.fixed(result.tokensPerSecond, 1)) tokens/s)")
    }
}
