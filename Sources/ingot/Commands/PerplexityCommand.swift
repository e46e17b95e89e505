import ArgumentParser
import Evaluation
import Foundation
import GGUF
import Inference
import Reporting
import TensorCore

/// The command `ingot perplexity MODEL.gguf -f TEXT`.
struct PerplexityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "Measure the perplexity of a model on a text.",
        discussion: """
            The protocol is llama-perplexity's: windows of the context's length one after another, \
            the second half of each scored, the first token replaced by BOS where the tokenizer \
            adds one. The arithmetic is F32, whatever the weights are stored in, so that the figure \
            is the weights' alone. With --activations q8 linear layers run as engines on processors \
            run them: what they take in is rounded to 8 bits, block by block, and multiplied with \
            the stored codes in integers, which is faster and adds a noise of its own; attention \
            and weights stored as F16, BF16 or F32 stay in F32. A Hugging Face directory, plain or \
            quantized (compressed-tensors, GPTQ, AWQ, FP8, ModelOpt, bitsandbytes …), is measured \
            where it is, its weights dequantized as they are read.

            Examples:
              ingot perplexity model-Q4_K_M.gguf -f wiki.test.raw
              ingot perplexity -m model-f16.gguf -f wiki.test.raw -c 2048 --chunks 16 \\
                --json
              ingot perplexity model-f16.gguf -f wiki.test.raw.zst -c 1024 --stride 512
              ingot perplexity model-f16.gguf -f long.txt --resume long.state
              ingot perplexity model-w4a16/ -f wiki.test.raw
              ingot perplexity model-f16.gguf -f long.txt --json -o long.json --part 3/8
            """)

    @Argument(
        help: "The GGUF file, of a split model the first part; or a Hugging Face directory.")
    var model: String?

    @Option(
        name: [.customShort("m"), .customLong("model")],
        help: ArgumentHelp("The GGUF file, where a script names it by option.", valueName: "file"))
    var modelOption: String?

    @OptionGroup var options: EvaluationOptions
    @OptionGroup var windowing: WindowingOptions
    @OptionGroup var result: ResultOptions

    @OptionGroup var layers: ActivationsOptions

    @Option(
        help: ArgumentHelp(
            "Keep the state in a file as it goes, and go on from it when it is there; the figures"
                + " are those of an uninterrupted run. Removed at the end.", valueName: "file"))
    var resume: String?

    @Option(
        help: ArgumentHelp(
            "Write the logits to a file, to compare with them later (see compare --logits).",
            valueName: "file"))
    var saveLogits: String?

    @OptionGroup var parts: PartOptions

    mutating func validate() throws {
        guard (model == nil) != (modelOption == nil) else {
            throw ValidationError("expected one model: MODEL or -m MODEL")
        }
        try options.requireText()
        guard resume == nil || saveLogits == nil else {
            throw ValidationError("--resume cannot go on with a file of logits; expected one")
        }
        guard parts.part == nil || resume == nil && saveLogits == nil && result.output != nil else {
            throw ValidationError(
                "--part writes -o FILE.part-…: it needs -o, and --resume and --save-logits do not go"
                    + " with it")
        }
    }

    func run() throws {
        let path = model ?? modelOption ?? ""
        let model = try options.model(path)
        let loaded = try options.text(for: model, windowing: windowing.windowing)
        let text = loaded.windows
        let pool = options.pool
        let warnings = layers.warnings([model])
        Terminal.warnings(warnings)
        let gathering = try parts.part.map { part in
            try GatheringRun(
                command: "perplexity", part: part, output: result.output ?? "",
                files: model.source.files, text: loaded.source(named: options.textName),
                windows: text, range: 0..<text.windowCount,
                options: [("activations", layers.activations.rawValue)], isQuiet: options.quiet)
        }
        if let gathering, gathering.isComplete(overwriting: parts.overwrite) { return }
        let recorder = gathering.map { EvaluationRecorder(windows: $0.windows, levelCount: 0) }
        let state = try resume.map { _ in
            try EvaluationState(
                files: model.source.files, textSHA256: loaded.sha256, text: text,
                threadCount: pool.threadCount, activations: layers.activations)
        }
        let checkpoint = try resume.flatMap { try state?.earlier(at: $0) }
        if let checkpoint, !options.quiet {
            Terminal.note("going on after window \(checkpoint.windowsDone)")
        }
        let writer = try saveLogits.map {
            try LogitsWriter(path: $0, model: model, text: text, tool: "ingot \(Ingot.version)")
        }
        let line = ProgressLine("perplexity", isQuiet: options.quiet)
        defer { line.finish() }
        var lastSaved = -Double.infinity
        let found = try Evaluator(
            base: model, activations: layers.activations, pool: pool
        ).evaluate(
            text, from: checkpoint, writer: writer, keeping: recorder
        ) { progress in
            line.update(
                progress.windowsDone, of: progress.windowCount,
                detail: "window \(progress.windowsDone)/\(progress.windowCount), perplexity "
                    + NumberFormat.fixed(progress.perplexities[0], 4))
            // Every two seconds: less than that is soon made up for.
            if let resume, progress.seconds - lastSaved > 2 {
                try state?.save(progress.checkpoint, to: resume)
                lastSaved = progress.seconds
            }
        }
        line.finish()
        Terminal.warnings(found.warnings)
        let head = EvaluationHead(
            models: [path], text: options.texts.map(TextNames.long).joined(separator: " + "),
            textTokens: text.tokenCount, contextLength: text.contextLength,
            stride: text.windowing.stride, activations: layers.activations.rawValue,
            threads: pool.threadCount, warnings: warnings + found.warnings.map(\.description),
            tokensRun: recorder.map { text.tokenCount(ofWindows: $0.windows) } ?? 0,
            isJSON: result.json, isQuiet: options.quiet)
        if let gathering, let recorder {
            return try gathering.finish(head: head, body: recorder.values.bytes)
        }
        try result.give(
            PerplexityListing(found, head),
            lines: PerplexityListing.lines(of: found, isQuiet: options.quiet))
        if let saveLogits, !options.quiet { Terminal.note("written: \(saveLogits)") }
        if let resume { try? FileManager.default.removeItem(atPath: resume) }
    }
}
