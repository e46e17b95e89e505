import ArgumentParser
import Parts
import Reporting
import TensorCore

/// The command `ingot join OUT [PART…]`.
struct JoinCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Put together what commands with --part K/N made.",
        discussion: """
            Without PART the parts beside OUT are taken: OUT.part-KKKKK-of-NNNNN with their manifests. \
            All must be there, none twice, made from the same source with the same options by the same \
            version, and every byte as it was written; what is wrong is named, and what is good is \
            kept. The result is what the command would have written without --part, and appears under \
            its name when it is complete.

            Examples:
              ingot quantize model-f16.gguf out.gguf Q4_K_M --part 1/2
              ingot quantize model-f16.gguf out.gguf Q4_K_M --part 2/2
              ingot join out.gguf
              ingot join --dry-run out.gguf
              ingot join --delete-parts out.gguf node1/out.gguf.part-* \\
                node2/out.gguf.part-*

            Parts of --effort best:
              ingot join out.gguf --model model-f16.gguf --calibrate inputs/
            """)

    @Argument(help: "The file to write; parts are called like it.")
    var output: String

    @Argument(help: "The parts, or their manifests, in any order.")
    var parts: [String] = []

    @Flag(help: "Check everything and write nothing.")
    var dryRun = false

    @Flag(help: "Remove the parts when the output is there.")
    var deleteParts = false

    @OptionGroup var options: RunOptions

    @OptionGroup(title: "Parts of --effort best") var tuning: JoinTuningOptions

    @OptionGroup(title: "Gates of a report") var gating: ReportGateOptions

    func run() throws {
        do {
            try join()
        } catch let problems as PartProblems {
            let shown = problems.all.dropFirst().prefix(JoinCommand.shownProblemCount)
            for problem in shown { Terminal.error(problem.description) }
            let more = problems.all.count - 1 - shown.count
            if more > 0 { Terminal.error("… and \(more) more problems") }
            throw problems
        }
    }

    /// As many as a terminal shows.
    private static let shownProblemCount = 20

    private func join() throws {
        let named = parts.filter { !$0.hasSuffix(PartNumber.manifestEnding) }
        let manifests = parts.filter { $0.hasSuffix(PartNumber.manifestEnding) }
            .map { String($0.dropLast(PartNumber.manifestEnding.count)) }
        // `out.gguf.part-*` names both a part and its manifest.
        let known = Set(named)
        let set = try PartSet(
            output: trimmed, paths: named + manifests.filter { !known.contains($0) },
            pool: options.pool)
        guard set.command == "report" || !gating.hasGate && gating.junit == nil else {
            throw ValidationError("gates are for reports; these are parts of \(set.command)")
        }
        let written = try written(from: set)
        if !dryRun {
            // Of parts that are files of the output, a record for each.
            for (path, draft) in zip(written, set.parts[0].manifest.records) {
                try ProvenanceRecord.write(draft: draft, of: path)
            }
        }
        if deleteParts, !dryRun { set.remove() }
        guard !options.quiet else { return }
        let count = NumberFormat.counted(set.parts.count, "part")
        Terminal.print(
            dryRun
                ? "\(output): \(count), complete, \(NumberFormat.bytes(set.byteCount))"
                : "\(written.joined(separator: ", ")): \(count),"
                    + " \(NumberFormat.bytes(set.byteCount))")
    }

    /// The output without slashes at its end: a report's folder.
    private var trimmed: String {
        var path = output
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }

    /// Checks the parts, and writes the output unless it is only to be checked.
    ///
    /// - Returns: The files that were written.
    private func written(from set: PartSet) throws -> [String] {
        switch set.command {
        case "quantize", "convert":
            guard !dryRun, !set.parts[0].manifest.isSplit else {
                try check(set)
                return dryRun ? [] : try set.name()
            }
            let tuning = try JoinTuning(
                set, model: self.tuning.model, self.tuning.calibration, threads: options.threads,
                isQuiet: options.quiet)
            try watch(set) { progress in
                try set.join(pool: options.pool, progress: progress) { try tuning?.tune($0) }
            }
            return [output]
        case "imatrix":
            try check(set)
            return try joinImportance(set)
        case "perplexity", "compare":
            try check(set)
            return try joinEvaluation(set)
        case "report":
            try check(set)
            return try joinReport(set)
        default:
            throw PartError(.unknownCommand(set.command), path: set.parts[0].path)
        }
    }

    private func check(_ set: PartSet) throws {
        try watch(set) { try set.check(pool: options.pool, progress: $0) }
    }

    /// Shows how far reading the parts is.
    private func watch(
        _ set: PartSet, _ body: (@escaping @Sendable (Int) -> Void) throws -> Void
    ) throws {
        let line = ProgressLine(Paths.name(output), isQuiet: options.quiet)
        defer { line.finish() }
        let total = set.byteCount
        try body { line.update($0, of: total, detail: NumberFormat.bytes($0)) }
    }
}
