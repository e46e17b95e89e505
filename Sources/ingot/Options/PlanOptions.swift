import ArgumentParser
import Conversion
import GGUF
import Pipeline
import Reporting
import TensorCore

/// What `convert` and `quantize` share: what becomes of a plan.
struct PlanOptions: ParsableArguments {
    @OptionGroup var template: ChatTemplateOptions

    @OptionGroup var split: SplitOptions

    @Flag(help: "Write tensors with NaN or infinity all the same; say how many there are.")
    var allowNonfinite = false

    @Flag(help: "Show what would be written, tensor by tensor, and write nothing.")
    var dryRun = false

    @Flag(help: "With --dry-run: print the plan as one JSON object.")
    var json = false

    @Flag(
        help: """
            Make errors of what would be warnings: options that readers of the file compute \
            otherwise, fallbacks, tensors or experts without importance, values beyond F16's range.
            """)
    var strict = false

    @OptionGroup var run: RunOptions

    mutating func validate() throws {
        if json, !dryRun {
            throw ValidationError("--json says how --dry-run prints; it is missing")
        }
    }

    /// How the files are written.
    var writeOptions: WriteOptions {
        var options = WriteOptions()
        options.threadCount = run.threads
        options.isStrict = strict
        options.allowsNonFinite = allowNonfinite
        options.toolVersion = Ingot.version
        return options
    }

    /// Says what the user should know of a directory.
    func tell(_ notices: [String], _ warnings: [String]) {
        run.note(notices)
        Terminal.warnings(warnings)
    }

    /// Throws the first of the strict problems of all outputs, if there are to be none.
    func check(_ outputs: [PlannedOutput], importance: ImportanceMatrix?) throws {
        guard strict else { return }
        for output in outputs { try output.plan.checkStrictly(importance: importance) }
    }

    /// Writes the files of one source, with one bar for all, and says what became of them.
    ///
    /// - Parameter then: Called when the files are there.
    func write(
        _ outputs: [PlannedOutput], importance: ImportanceMatrix?, options: WriteOptions,
        then: () throws -> Void = {}
    ) throws {
        let start = ContinuousClock.now
        let findings = try PlanWriter.write(
            outputs.files, options: options, isQuiet: run.quiet)
        let seconds = start.secondsAgo
        try then()
        for (output, findings) in outputs.with(findings) {
            if !run.quiet {
                Terminal.print(
                    lines: PlanSummary.lines(of: output, seconds: seconds)
                        + (output.allocation?.conclusion ?? []))
            }
            Terminal.warnings(
                PlanSummary.warnings(of: output.plan, importance: importance, findings: findings))
        }
        guard !run.quiet else { return }
        if outputs.count > 1 { Terminal.print(lines: PlanSummary.overview(of: outputs.files)) }
        if let bytes = findings.first?.resumedByteCount, bytes > 0 {
            Terminal.note("resumed: \(NumberFormat.bytes(bytes)) had been written before")
        }
    }
}
