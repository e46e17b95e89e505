import ArgumentParser
import Evaluation
import Foundation
import Inference
import TensorCore

/// The command `ingot perplexity MODEL.gguf -f TEXT`.
struct PerplexityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "Measure the perplexity of a GGUF model on a text.",
        discussion: """
            The protocol is llama-perplexity's: windows of the context's length one after another,
            the second half of each scored, the first token replaced by BOS where the tokenizer
            adds one. The arithmetic is F32, whatever the weights are stored in.

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

    func run() throws {
        let path = model ?? modelOption ?? ""
        let model = try Model(path: path)
        let (text, _) = try options.windows(for: model)
        let pool = options.pool
        let line = ProgressLine("perplexity", isQuiet: options.quiet)
        defer { line.finish() }
        let result = try Evaluator(base: model, pool: pool).evaluate(text) { progress in
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
                contextLength: perplexity.contextLength, threads: pool.threadCount,
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
