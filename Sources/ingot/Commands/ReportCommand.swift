import ArgumentParser
import Evaluation
import Foundation
import GGUF
import Inference
import Quantization
import Reporting
import TensorCore

/// The command `ingot report BASE.gguf QUANTIZED.gguf… -f TEXT -o DIR`.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Measure what quantization cost: size, perplexity, KL divergence, agreement.",
        discussion: """
            Base and quantized models see the same windows of the text side by side, so no file of
            logits is written. The folder gets report.md (for a CI summary or a model card),
            report.json (for a machine) and report.html (one page, opens without network).

            Gates: exit code 1, and a line that says which level failed.

            Examples:
              ingot report f16.gguf q4_k_m.gguf q2_k.gguf -f heldout.txt -o report/
              ingot report f16.gguf q4_k_m.gguf -f heldout.txt -o report/ \\
                --max-kld Q4_K_M=0.15 --max-ppl-ratio 1.1
            """)

    @Argument(help: "The base model, then the models quantized from it.")
    var models: [String]

    @OptionGroup var options: EvaluationOptions

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Folder for the report; made when need be.", valueName: "folder"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "Largest mean KL divergence of a type, or of every level; may be given again.",
            valueName: "[type=]value"))
    var maxKld: [String] = []

    @Option(
        help: ArgumentHelp(
            "Largest perplexity ratio to the base, likewise.", valueName: "[type=]value"))
    var maxPplRatio: [String] = []

    mutating func validate() throws {
        guard models.count >= 2 else {
            throw ValidationError("expected BASE.gguf and at least one QUANTIZED.gguf")
        }
        try options.requireText()
    }

    func run() throws {
        let gates =
            try maxKld.map { try Gate(.meanDivergence, parsing: $0) }
            + maxPplRatio.map { try Gate(.perplexityRatio, parsing: $0) }
        let files = try models.map { try GGUFFile(path: $0) }
        let loaded = try files.map { try Model(source: $0) }
        let loadedText = try options.text(for: loaded[0])
        let text = loadedText.windows
        let pool = options.pool
        let line = ProgressLine("report", isQuiet: options.quiet)
        defer { line.finish() }
        let result = try Evaluator(
            base: loaded[0], quantized: Array(loaded.dropFirst()), pool: pool
        ).evaluate(text) { progress in
            line.update(
                progress.windowsDone, of: progress.windowCount,
                detail: "window \(progress.windowsDone)/\(progress.windowCount), base perplexity "
                    + Numbers.fixed(progress.perplexities[0], 3))
        }
        line.finish()
        let report = QualityReport(
            title: files[0].metadata["general.name"]?.text ?? Paths.name(models[0]),
            base: .init(file: files[0], evaluated: result),
            text: .init(
                name: options.textName, byteCount: loadedText.byteCount,
                tokenCount: text.tokenCount),
            settings: .init(
                contextLength: text.contextLength, windowCount: text.windowCount,
                scoredTokenCount: result.base.scoredTokenCount, threadCount: pool.threadCount),
            provenance: .init(
                toolVersion: Ingot.version, commandLine: commandLine,
                machine: Machine.description, date: Date()),
            levels: zip(files.dropFirst(), result.levels).map {
                .init(file: $0, statistics: $1)
            },
            warnings: result.warnings.map(\.description))
        let written = try report.write(to: output)
        Terminal.print(report.summary)
        Terminal.print("")
        Terminal.print(report.terminalTable(width: max(120, Terminal.columns)))
        for caveat in report.caveats + report.warnings { Terminal.warning(caveat) }
        if !options.quiet { Terminal.note("written: \(written.joined(separator: ", "))") }
        let failures = try report.failures(of: gates)
        for failure in failures { Terminal.error("gate not met: \(failure)") }
        if !failures.isEmpty {
            throw ArgumentParser.ExitCode(TensorCore.ExitCode.gateNotMet.rawValue)
        }
    }

    /// The command with file names only: a report that is published tells no one's folders.
    private var commandLine: String {
        (["ingot"] + CommandLine.arguments.dropFirst().map(Paths.name)).joined(separator: " ")
    }
}

extension QualityReport.Base {
    init(file: GGUFFile, evaluated result: Evaluator.Result) {
        let totals = Dictionary(grouping: file.tensors.indices) { file.tensors[$0].format }
        self.init(
            fileName: Paths.name(file.path), fileByteCount: file.file.byteCount,
            bitsPerWeight: file.bitsPerWeight,
            tensorTypes: totals.map { format, indices in
                QualityReport.TensorType(
                    name: format.name, tensorCount: indices.count,
                    byteCount: indices.reduce(0) { $0 + file.byteCounts[$1] })
            }.sorted { $0.byteCount > $1.byteCount },
            perplexity: .init(result.base.perplexity))
    }
}

extension QualityReport.Level {
    init(file: GGUFFile, statistics: LevelStatistics) {
        self.init(
            name: file.typeName, fileName: Paths.name(file.path),
            fileByteCount: file.file.byteCount, bitsPerWeight: file.bitsPerWeight,
            perplexity: .init(statistics.perplexity.perplexity),
            logPerplexityRatio: .init(statistics.logPerplexityRatio),
            perplexityRatio: .init(statistics.perplexityRatio),
            divergence: .init(
                mean: .init(statistics.meanDivergence), median: statistics.divergence.median,
                quantile90: statistics.divergence.percentile90,
                quantile95: statistics.divergence.percentile95,
                quantile99: statistics.divergence.percentile99,
                quantile999: .init(
                    statistics.divergence.percentile99_9,
                    standardError: statistics.divergence.percentile99_9Error),
                maximum: statistics.divergence.maximum),
            sameTopToken: .init(statistics.sameTop),
            meanProbabilityChange: .init(statistics.meanProbabilityChange),
            rmsProbabilityChange: .init(statistics.rootMeanSquareProbabilityChange),
            tokensPerSecond: nil)
    }
}

extension QualityReport.Estimate {
    init(_ estimate: Evaluation.Estimate) {
        self.init(estimate.value, standardError: estimate.standardError)
    }
}

extension GGUFFile {
    /// Bits per stored value over all tensors.
    fileprivate var bitsPerWeight: Double {
        let elements = tensors.reduce(0) { $0 + $1.shape.elementCount }
        return elements == 0 ? 0 : Double(byteCounts.reduce(0, +)) * 8 / Double(elements)
    }

    /// The file type that the metadata names; the format of most bytes when it names none.
    fileprivate var typeName: String {
        let number = metadata["general.file_type"]?.integer
        if let number, let recipe = Recipe.all.first(where: { $0.fileType.map(Int.init) == number })
        {
            return recipe.name
        }
        let bytes = Dictionary(grouping: tensors.indices) { tensors[$0].format.name }
            .mapValues { $0.reduce(0) { $0 + byteCounts[$1] } }
        return bytes.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? "unknown"
    }
}
