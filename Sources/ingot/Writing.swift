import GGUF
import Pipeline
import Quantization
import Reporting
import TensorCore

/// What `convert` and `quantize` share: carrying out a plan in view of the user.
enum Writing {
    /// Writes the files of one source, with one bar for all, on a terminal, or plain lines.
    static func write(
        _ plans: [Plan], options: WalkOptions, isQuiet: Bool
    ) throws -> [Walk.Findings] {
        let label =
            plans.count == 1
            ? Paths.name(plans[0].outputPath) : "\(plans.count) files"
        let line = ProgressLine(label, isQuiet: isQuiet)
        defer { line.finish() }
        let tensorCount = Set(plans.flatMap { $0.tensors.map(\.sourceIndex) }).count
        return try Walk.write(plans, options: options) { progress in
            line.update(
                progress.byteCount, of: progress.totalByteCount,
                detail: "\(progress.tensorCount)/\(tensorCount) tensors")
        }
    }

    /// A line for each of several files: path, bytes, bits per weight.
    static func overview(of plans: [Plan]) -> [String] {
        var table = TextTable(rightAligned: [false, false, true, true])
        for plan in plans {
            table.add(
                plan.recipeName ?? "", plan.outputPath, NumberFormat.bytes(plan.layout.byteCount),
                "\(NumberFormat.fixed(plan.bitsPerWeight, 2)) bits/weight")
        }
        return table.lines
    }

    /// Throws the first of the plan's strict problems; the others go to standard error.
    static func checkStrictly(_ plan: Plan, importance: ImportanceMatrix? = nil) throws {
        let problems = plan.strictProblems(importance: importance)
        for problem in problems.dropFirst() { Terminal.error(problem.description) }
        if let problem = problems.first { throw problem }
    }

    /// The table of a plan: tensors, values and bytes by format, bits per weight before and after;
    /// after the work with the seconds that it took.
    static func summary(of output: PlannedOutput, seconds: Double? = nil) -> [String] {
        let plan = output.plan
        var table = TextTable(rightAligned: [false, true, true, true, true])
        table.add("format", "tensors", "values", "bytes", "bits/weight")
        for total in plan.formatTotals {
            table.add(
                total.format.name, "\(total.tensorCount)", NumberFormat.count(total.elementCount),
                NumberFormat.bytes(total.byteCount),
                NumberFormat.fixed(
                    Double(total.byteCount) * 8 / Double(max(1, total.elementCount)), 2))
        }
        table.add(
            "all", "\(plan.tensors.count)", NumberFormat.count(plan.elementCount),
            NumberFormat.bytes(plan.byteCount), NumberFormat.fixed(plan.bitsPerWeight, 2))
        var lines = ["\(plan.source.path) → \(plan.outputPath)"]
        lines += table.lines
        var last = "  "
        // A checkpoint has no size in GGUF's formats to compare with.
        if plan.recipeName != nil {
            let share = Double(plan.byteCount) / Double(max(1, plan.sourceByteCount))
            last +=
                "before: \(NumberFormat.bytes(plan.sourceByteCount)),"
                + " \(NumberFormat.fixed(plan.sourceBitsPerWeight, 2)) bits/weight;"
                + " after: \(NumberFormat.bytes(plan.byteCount)),"
                + " \(NumberFormat.fixed(plan.bitsPerWeight, 2)) bits/weight"
                + " (\(NumberFormat.fixed(share * 100, 1)) %); "
        }
        let time = seconds.map { NumberFormat.duration($0) }
        let byteCount = output.files.reduce(0) { $0 + $1.layout.byteCount }
        let size = time == nil ? "\(byteCount) bytes" : NumberFormat.bytes(byteCount)
        let name = output.files.count == 1 ? "file" : "\(output.files.count) files"
        lines.append(last + "\(name): \(size); \(time ?? "nothing written")")
        if output.files.count > 1 { lines += overview(of: output.files) }
        return lines
    }

    /// What a user should know of the plan that is not what the type's name says.
    static func warnings(
        of plan: Plan, importance: ImportanceMatrix? = nil, findings: Walk.Findings
    ) -> [String] {
        var warnings = findings.outOfRange.map { tensor, count in
            "\(tensor): \(count) values are beyond F16's range and became infinite;"
                + " use BF16 or F32"
        }
        for (tensor, format, count) in findings.nonFinite {
            let became =
                format.blockElementCount == 1
                ? "" : ": 0 for NaN, the row's largest magnitude for infinity"
            warnings.append(
                "\(tensor): \(count) \(count == 1 ? "value is" : "values are") NaN or infinite,"
                    + " written as \(format)\(became)")
        }
        warnings += plan.remarks
        for (change, tensors) in changes(plan.fallbacks) {
            let lengths = Set(tensors.map(\.source.shape.rowLength)).sorted()
            warnings.append(
                "\(tensors.count) of \(plan.tensors.count) tensors fall back, \(change):"
                    + " rows of \(lengths.map(String.init).joined(separator: ", ")) values are no"
                    + " whole blocks: \(names(tensors))")
        }
        for (change, tensors) in changes(plan.raised) {
            let cause = importance.map { "\($0.path) has no entry for" } ?? "nothing weighs"
            warnings.append(
                "\(tensors.count) of \(plan.tensors.count) tensors raised, \(change):"
                    + " \(cause) \(names(tensors))")
        }
        if let importance {
            let missing = plan.withoutImportance
            if !missing.isEmpty {
                warnings.append(
                    "\(importance.path) has no entry for \(NumberFormat.counted(missing.count, "tensor")):"
                        + " \(names(missing)); all columns weigh the same")
            }
            for tensor in plan.tensors {
                guard let entry = tensor.importance, !entry.missingExperts.isEmpty else { continue }
                warnings.append(
                    "\(importance.path) has no counts for \(entry.missingExperts.count) of"
                        + " \(entry.expertCount) experts of \(tensor.name); their columns weigh the same"
                )
            }
        }
        return warnings
    }

    /// Tensors by the change from the format that the recipe wanted: `Q4_K → Q5_0`.
    private static func changes(
        _ tensors: [Plan.Tensor]
    ) -> [(change: String, tensors: [Plan.Tensor])] {
        Dictionary(grouping: tensors) { tensor in
            switch tensor.choice.reason {
            case .fallback(let wanted), .raised(let wanted): "\(wanted) → \(tensor.choice.format)"
            default: ""
            }
        }
        .sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private static func names(_ tensors: [Plan.Tensor]) -> String {
        let shown = tensors.prefix(3).map(\.name).joined(separator: ", ")
        return tensors.count > 3 ? shown + ", …" : shown
    }
}
