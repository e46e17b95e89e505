import ArgumentParser
import GGUF
import Pipeline
import Reporting
import TensorCore

/// The command `ingot split IN OUT`.
struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Cut a GGUF file into parts, or a split model into others.",
        discussion: """
            The parts are called OUT-00001-of-00003.gguf and so on. Readers are given the \
            first. Without a limit a part has at most 128 tensors.

            Examples:
              ingot split model-Q8_0.gguf parts/model-Q8_0 --split-max-size 48G
              ingot split --dry-run --split-max-tensors 64 model.gguf model
            """)

    @Argument(
        help: "A GGUF file; of a split model, the first part.",
        completion: .file(extensions: ["gguf"]))
    var input: String

    @Argument(help: "The parts' name up to their numbers.")
    var output: String

    @OptionGroup var split: SplitOptions

    @Flag(help: "Show the parts and write nothing.")
    var dryRun = false

    @OptionGroup var options: RunOptions

    func run() throws {
        var limit = split.limit
        if limit.tensorCount == nil, limit.byteCount == nil { limit.tensorCount = 128 }
        limit.countsPadding = true
        let name = output.hasSuffix(".gguf") ? output : output + ".gguf"
        let whole = try Plan.asDescribed(SplitSource.open(path: input), outputPath: name)
        let plans = try whole.split(limit)
        guard plans.count > 1 else {
            throw FileProblem(
                file: input,
                problem: "\(NumberFormat.counted(whole.tensors.count, "tensor")) of"
                    + " \(NumberFormat.bytes(whole.layout.byteCount)) found, which fit one part",
                remedy: "Set a lower --split-max-tensors or --split-max-size.")
        }
        if dryRun {
            return Terminal.print(
                lines: plans.map {
                    "\($0.outputPath): \(NumberFormat.counted($0.tensors.count, "tensor")),"
                        + " \(NumberFormat.bytes($0.layout.byteCount))"
                })
        }
        try PlanWriter.writeCopies(plans, options)
    }
}

/// A file that is not what a command is for.
struct FileProblem: IngotError {
    let file: String?
    let problem: String
    var place: String? { nil }
    let remedy: String?
    var exitCode: TensorCore.ExitCode { .badData }
}
