import ArgumentParser
import Evaluation
import Inference
import Reporting
import TensorCore

/// The command `ingot score MODEL --task FORM -f FILE`.
struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Score a model on multiple-choice tasks: HellaSwag, WinoGrande, others.",
        discussion: """
            Files are in the forms of llama-perplexity, and so is the protocol: every answer is \
            judged by the mean log-probability of its tokens.

            Examples:
              ingot score model-Q4_K_M.gguf --task hellaswag -f hellaswag_val_full.txt \\
                --tasks 400
              ingot score model-Q4_K_M.gguf --against model-f16.gguf --task winogrande \\
                -f wg.csv
              ingot score model-Q4_K_M.gguf --task multiple-choice \\
                -f mmlu-validation.bin --json
            """)

    @Argument(help: "The GGUF file; of a split model, the first part.")
    var model: String

    @Option(
        help: ArgumentHelp(
            "Form of the tasks: \(ChoiceTaskForm.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "form"),
        transform: { text in
            guard let form = ChoiceTaskForm(rawValue: text) else {
                let known = ChoiceTaskForm.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("no form of tasks is called \(text); expected \(known)")
            }
            return form
        })
    var task: ChoiceTaskForm

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp(
            "File of tasks; plain or .zst, also from a pipe; - is standard input. May be given"
                + " again.", valueName: "file"))
    var files: [String]

    @Option(
        name: [
            .long, .customLong("hellaswag-tasks"), .customLong("winogrande-tasks"),
            .customLong("multiple-choice-tasks"),
        ],
        help: ArgumentHelp(
            "Only so many tasks, the ones that llama-perplexity selects; all by default.",
            valueName: "count"))
    var tasks: Int?

    @Option(
        help: ArgumentHelp("Score this model too and tell the difference.", valueName: "base"))
    var against: String?

    @OptionGroup var layers: ActivationsOptions
    @OptionGroup var tokenizing: TokenizerOptions
    @OptionGroup var options: RunOptions
    @OptionGroup var result: ResultOptions

    mutating func validate() throws {
        if let tasks, tasks < 0 {
            throw ValidationError("--tasks is \(tasks), expected at least 1 (or 0 for all)")
        }
        try TextNames.check(files)
    }

    private struct Output: Encodable {
        struct Task: Encodable {
            let scores: [Double]
            let chosen: Int
            let isRight: Bool
        }
        struct Model: Encodable {
            let model: String
            let accuracy: Estimate
            let confidence95: [Double]
            let right: Int
            let tasks: [Task]
        }
        let schemaVersion = 1
        let task: String
        let file: String
        let taskCount: Int
        let chance: Double
        let result: Model
        let base: Model?
        let difference: Estimate?
        let agreement: Estimate?
        let activations: String
        let warnings: [String]
        let version: String
    }

    func run() throws {
        let models = try ([model] + (against.map { [$0] } ?? [])).map { try Model(path: $0) }
        let (tokenizer, gaps) = try tokenizing.load(for: models[0])
        Terminal.warnings(gaps)
        let selected = task.selection(of: try readTasks(), count: tasks)
        let scorer = try ChoiceScorer(
            models: models, tokenizer: tokenizer, activations: layers.activations,
            pool: options.pool)
        let warnings =
            layers.warnings(models)
            + (gaps + (try scorer.warnings(selected))).map(\.description)
        let line = ProgressLine("score", isQuiet: options.quiet)
        defer { line.finish() }
        let scores = try scorer.score(selected, form: task) { done, all in
            line.update(done, of: all, detail: "answer \(done)/\(all)")
        }
        line.finish()
        Terminal.warnings(warnings)
        let base = scores.count > 1 ? scores[1] : nil
        let output = Output(
            task: task.rawValue, file: files.map(TextNames.long).joined(separator: " + "),
            taskCount: selected.count, chance: scores[0].chance,
            result: ScoreCommand.output(scores[0]), base: base.map(ScoreCommand.output),
            difference: base.map { scores[0].difference(from: $0) },
            agreement: base.map { scores[0].agreement(with: $0) },
            activations: layers.activations.rawValue, warnings: warnings, version: Ingot.version)
        try result.give(output, lines: lines(scores))
    }

    /// The tasks of all files; a byte order mark before lines of text is no part of the first.
    private func readTasks() throws -> [ChoiceTask] {
        try TextFiles.bytes(paths: files).flatMap { path, bytes in
            let hasMark = task != .multipleChoice && bytes.starts(with: [0xEF, 0xBB, 0xBF])
            return try task.tasks(hasMark ? Array(bytes.dropFirst(3)) : bytes, path: path)
        }
    }

    private static func output(_ score: ChoiceScore) -> Output.Model {
        Output.Model(
            model: score.model, accuracy: score.accuracy,
            confidence95: [score.interval.lowerBound, score.interval.upperBound],
            right: score.rightCount,
            tasks: score.outcomes.map {
                .init(scores: $0.scores, chosen: $0.chosen, isRight: $0.isRight)
            })
    }

    private func lines(_ scores: [ChoiceScore]) -> [String] {
        func percent(_ value: Double) -> String { NumberFormat.fixed(value * 100, 2) }
        func estimate(_ value: Estimate) -> String {
            NumberFormat.fixed(value, 2, scale: 100) + " %"
        }
        var lines = scores.map { score in
            "\(task.rawValue) \(Paths.name(score.model)): \(estimate(score.accuracy))"
                + " (\(score.rightCount) of \(score.outcomes.count); 95 %:"
                + " \(percent(score.interval.lowerBound)) to"
                + " \(percent(score.interval.upperBound)) %;"
                + " by chance \(percent(score.chance)) %)"
        }
        if scores.count > 1 {
            lines.append(
                "difference to the base: \(estimate(scores[0].difference(from: scores[1])))"
                    + " (same tasks); same choice in"
                    + " \(estimate(scores[0].agreement(with: scores[1])))")
        }
        return lines
    }
}
