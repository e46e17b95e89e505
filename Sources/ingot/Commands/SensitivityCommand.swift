import ArgumentParser
import Evaluation
import GGUF
import Inference
import Quantization
import Reporting
import TensorCore

/// The command `ingot sensitivity MODEL -f TEXT`.
struct SensitivityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sensitivity",
        abstract: "What the quantization of each tensor alone does to a model's predictions.",
        discussion: """
            Quantizes one tensor at a time to each format, in memory, and measures KL divergence \
            from the model as it is on a few windows of a text, and the error of the values. Groups \
            of tensors, --group kind or layer, take much less time than single ones.

            Examples:
              ingot sensitivity model-f16.gguf -f heldout.txt --format Q4_K --format Q2_K
              ingot sensitivity model-f16.gguf -f heldout.txt --group kind --chunks 2
              ingot sensitivity model-f16.gguf -f heldout.txt --imatrix imatrix.gguf \\
                --json -o s.json
            """)

    @Argument(help: "The GGUF file; of a split model, the first part.")
    var model: String

    @OptionGroup var options: EvaluationOptions
    @OptionGroup var result: ResultOptions

    @Option(
        name: .customLong("format"),
        help: ArgumentHelp(
            "A format to quantize to, such as Q4_K; may be given again. Q6_K, Q4_K and Q2_K by"
                + " default.", valueName: "format"))
    var formats: [String] = []

    @Option(
        help: ArgumentHelp(
            "What is quantized at a time: tensor (default), kind or layer.", valueName: "group"),
        transform: { text in
            guard let grouping = SensitivityMap.Grouping(rawValue: text) else {
                throw ValidationError("--group is \(text), expected tensor, kind or layer")
            }
            return grouping
        })
    var group: SensitivityMap.Grouping = .tensor

    @Option(
        help: ArgumentHelp(
            "Importance matrix to quantize with; it also tells the error of the layers' outputs.",
            valueName: "file"))
    var imatrix: String?

    mutating func validate() throws {
        try options.requireText()
    }

    private struct Output: Encodable {
        let schemaVersion = 1
        let map: SensitivityMap
        let text: String
        let warnings: [String]
        let version: String
    }

    func run() throws {
        let names = formats.isEmpty ? ["Q6_K", "Q4_K", "Q2_K"] : formats
        let formats = try names.map { try Format.parse($0) }
        let model = try Model(path: model)
        // A few windows do: the differences between tensors are large.
        let text = try options.text(for: model).windows.limited(to: options.chunks ?? 4)
        let importance = try imatrix.map { try ImportanceMatrix(path: $0) }
        let doubts = importance?.warnings(for: model.source) ?? []
        Terminal.warnings(doubts)
        let analysis = try SensitivityAnalysis(
            model, grouping: group, formats: formats, importance: importance, pool: options.pool)
        let line = ProgressLine("sensitivity", isQuiet: options.quiet)
        defer { line.finish() }
        let map = try analysis.run(text) { done, all in
            line.update(done, of: all, detail: "variant \(done)/\(all)")
        }
        line.finish()
        var warnings =
            (text.warnings + text.contextWarnings([model])).map(\.description)
            + doubts.map(\.description)
        for (format, skipped) in Dictionary(grouping: map.skipped, by: \.format) {
            let lengths = Set(skipped.map(\.rowLength)).sorted().map(String.init)
            warnings.append(
                "\(skipped.count) tensors cannot be \(format): rows of"
                    + " \(lengths.joined(separator: ", ")) values are no whole blocks")
        }
        Terminal.warnings(warnings.sorted())
        let output = Output(
            map: map, text: options.textName, warnings: warnings.sorted(), version: Ingot.version)
        try result.give(output, lines: SensitivityCommand.lines(map))
    }

    private static func lines(_ map: SensitivityMap) -> [String] {
        let hasOutputErrors = map.cells.contains { $0.outputError != nil }
        var table = TextTable(rightAligned: [false] + map.formats.flatMap { _ in [true, true] })
        table.add(
            row: [map.grouping.rawValue]
                + map.formats.flatMap { ["KLD \($0)", hasOutputErrors ? "output error" : "error"] })
        var names: [String] = []
        var cells: [String: [String: SensitivityMap.Cell]] = [:]
        for cell in map.cells {
            if cells[cell.name] == nil { names.append(cell.name) }
            cells[cell.name, default: [:]][cell.format] = cell
        }
        for name in names {
            table.add(
                row: [name]
                    + map.formats.flatMap { format -> [String] in
                        guard let cell = cells[name]?[format] else { return ["–", "–"] }
                        return [
                            NumberFormat.fixed(cell.divergence, 6),
                            NumberFormat.fixed((cell.outputError ?? cell.weightError) * 100, 2)
                                + " %",
                        ]
                    })
        }
        let summary =
            "  \(NumberFormat.counted(map.windowCount, "window")) of \(map.contextLength),"
            + " \(map.scoredTokenCount) tokens scored, perplexity as it is \(NumberFormat.fixed(map.basePerplexity.value, 4))"
        return table.lines + ["", summary]
    }
}
