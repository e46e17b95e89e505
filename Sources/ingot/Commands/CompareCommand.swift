import ArgumentParser
import Evaluation
import GGUF
import Inference
import Parts
import Reporting
import TensorCore
import Tokenization

/// The command `ingot compare BASE QUANTIZED…`.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "KL divergence and agreement of quantized models with their base.",
        discussion: """
            The table that llama-perplexity --kl-divergence prints, for several models in one pass:
            they see the same windows as the base side by side, and no file of logits is needed. \
            Where the base model is on another machine, its logits can go to a file there and be \
            compared with here; llama-perplexity's own files of logits are read too. Each model is a \
            GGUF file or a Hugging Face directory, plain or quantized.

            Examples:
              ingot compare f16.gguf q8_0.gguf q4_k_m.gguf -f heldout.txt
              ingot compare f16.gguf -f heldout.txt --save-logits f16.logits.zst
              ingot compare my-model/ my-model-w4a16/ q4_k_m.gguf -f heldout.txt
              ingot compare f16.gguf q4_k_m.gguf -f heldout.txt --json -o q4.json \\
                --part 3/8
              ingot compare --logits f16.logits.zst q4_k_m.gguf --json -o q4_k_m.json
            """)

    @Argument(
        help: "The base model, then those quantized from it: GGUF files or directories.")
    var models: [String]

    @OptionGroup var options: EvaluationOptions
    @OptionGroup var windowing: WindowingOptions
    @OptionGroup var layers: ActivationsOptions
    @OptionGroup var result: ResultOptions

    @Option(
        help: ArgumentHelp(
            "Write the base's logits to a file (16 bits each, Zstandard).", valueName: "file"))
    var saveLogits: String?

    @Option(
        name: [.long, .customLong("kl-divergence-base")],
        help: ArgumentHelp(
            "Logits of the base model, and the text, from a file: all models named are quantized.",
            valueName: "file"))
    var logits: String?

    @OptionGroup var parts: PartOptions

    mutating func validate() throws {
        guard parts.part == nil || saveLogits == nil && result.output != nil else {
            throw ValidationError(
                "--part writes -o FILE.part-…: it needs -o, and --save-logits does not go with it")
        }
        if logits != nil {
            guard options.texts.isEmpty, windowing.windowing == .halves, saveLogits == nil else {
                throw ValidationError(
                    "--logits brings its own text and windows; expected neither -f, --stride,"
                        + " --ppl-stride nor --save-logits")
            }
        } else {
            guard models.count >= 2 || saveLogits != nil else {
                throw ValidationError("expected BASE.gguf and at least one QUANTIZED.gguf")
            }
            try options.requireText()
        }
    }

    func run() throws {
        let loaded = try models.map { try options.model($0) }
        let pool = options.pool
        let warnings = layers.warnings(loaded)
        Terminal.warnings(warnings)
        let evaluator: Evaluator
        let text: EvaluationText
        var textSource: PartSource?
        if let logits {
            let tokenizer = try options.tokenizing.load(for: loaded[0]).tokenizer
            let reader = try LogitsReader(path: logits, bos: tokenizer.leadingID)
            evaluator = try Evaluator(
                base: reader, quantized: loaded, activations: layers.activations, pool: pool)
            text = reader.text.limited(to: options.chunks)
        } else {
            evaluator = try Evaluator(
                base: loaded[0], quantized: Array(loaded.dropFirst()),
                activations: layers.activations, pool: pool)
            let own = try options.text(for: loaded[0], windowing: windowing.windowing)
            text = own.windows
            textSource = own.source(named: options.textName)
        }
        let gathering = try parts.part.map { part in
            try GatheringRun(
                command: "compare", part: part, output: result.output ?? "",
                files: loaded.flatMap(\.source.files)
                    + (logits.map { [try InputFile(path: $0)] } ?? []),
                text: textSource, windows: text, range: 0..<text.windowCount,
                options: [("activations", layers.activations.rawValue)], isQuiet: options.quiet)
        }
        if let gathering, gathering.isComplete(overwriting: parts.overwrite) { return }
        let levels = logits == nil ? Array(models.dropFirst()) : models
        let recorder = gathering.map {
            EvaluationRecorder(windows: $0.windows, levelCount: levels.count)
        }
        let writer = try saveLogits.map {
            try LogitsWriter(
                path: $0, model: loaded[0], text: text, tool: "ingot \(Ingot.version)")
        }
        let line = ProgressLine("compare", isQuiet: options.quiet)
        defer { line.finish() }
        let found = try evaluator.evaluate(text, writer: writer, keeping: recorder) { progress in
            let divergences = progress.meanDivergences.map { NumberFormat.fixed($0, 4) }
            line.update(
                progress.windowsDone, of: progress.windowCount,
                detail: "window \(progress.windowsDone)/\(progress.windowCount), mean KLD "
                    + divergences.joined(separator: " "))
        }
        line.finish()
        Terminal.warnings(found.warnings)
        if let saveLogits, !options.quiet { Terminal.note("written: \(saveLogits)") }
        if let gathering, let recorder {
            return try gathering.finish(
                head: EvaluationHead(
                    models: [found.base.model] + found.levels.map(\.model),
                    text: logits == nil ? options.textName : nil, textTokens: text.tokenCount,
                    contextLength: text.contextLength, stride: text.windowing.stride,
                    activations: layers.activations.rawValue, threads: pool.threadCount,
                    warnings: warnings + found.warnings.map(\.description),
                    tokensRun: text.tokenCount(ofWindows: recorder.windows), isJSON: result.json,
                    isQuiet: options.quiet), body: recorder.values.bytes)
        }
        let listing = ComparisonListing(
            found, text: logits == nil ? options.textName : nil, windowCount: text.windowCount,
            stride: text.windowing.stride, activations: layers.activations.rawValue,
            warnings: warnings)
        try result.give(listing, lines: listing.lines)
    }
}
