import GGUF
import Pipeline
import Quantization
import Reporting
import TensorCore

/// A plan before the work, or what became of it, for people to read.
enum PlanSummary {
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

    /// The table of a plan: tensors, values and bytes by format, bits per weight before and after;
    /// after the work with the seconds that it took.
    static func lines(of output: PlannedOutput, seconds: Double? = nil) -> [String] {
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
        of plan: Plan, importance: ImportanceMatrix? = nil, findings: PlanWriter.Findings
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
