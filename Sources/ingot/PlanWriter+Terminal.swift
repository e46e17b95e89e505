import GGUF
import Pipeline
import TensorCore

extension PlanWriter {
    /// Writes the files of one source, with one bar for all, on a terminal, or plain lines.
    static func write(
        _ plans: [Plan], options: WriteOptions, isQuiet: Bool
    ) throws -> [Findings] {
        var options = options
        try options.fitMemory(of: plans) { if !isQuiet { Terminal.note($0) } }
        let label =
            plans.count == 1
            ? Paths.name(plans[0].outputPath) : "\(plans.count) files"
        let line = ProgressLine(label, isQuiet: isQuiet)
        defer { line.finish() }
        let tensorCount = Set(plans.flatMap { $0.tensors.map(\.sourceIndex) }).count
        return try write(plans, options: options) { progress in
            line.update(
                progress.byteCount, of: progress.totalByteCount,
                detail: "\(progress.tensorCount)/\(tensorCount) tensors")
        }
    }
}

extension Plan {
    /// Throws the first of the strict problems; the others go to standard error.
    func checkStrictly(importance: ImportanceMatrix? = nil) throws {
        let problems = strictProblems(importance: importance)
        for problem in problems.dropFirst() { Terminal.error(problem.description) }
        if let problem = problems.first { throw problem }
    }
}
