import Allocation
import Evaluation
import Reporting

// Formats chosen for a target, as people read about them.
extension AllocationReport {
    /// Groups, trials and the conclusion.
    var lines: [String] { [""] + groupLines + [""] + trialLines + conclusion }

    /// Every group on a line: its formats, bytes, sensitivity and what is expected of it.
    private var groupLines: [String] {
        var table = TextTable(rightAligned: [false, true, false, true, true, true])
        table.add("group", "tensors", "formats", "bytes", "sensitivity", "expected KLD")
        for group in groups {
            let formats = group.formats.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            table.add(
                group.name, "\(group.tensorCount)",
                formats.map { group.formats.count > 1 ? "\($0.key) × \($0.value)" : $0.key }
                    .joined(separator: ", "),
                "\(group.byteCount)", AllocationReport.short(group.sensitivity),
                AllocationReport.short(group.expectedDivergence))
        }
        return table.lines
    }

    /// Every mixture that was tried on a line, with its divergence on each text.
    private var trialLines: [String] {
        guard !trials.isEmpty else { return [] }
        var table = TextTable(rightAligned: [false, true] + texts.map { _ in true })
        table.add(row: ["tried", "bytes"] + texts.map { "KLD \($0.name)" })
        for trial in trials {
            table.add(
                row: [trial.name + (trial.name == chosen ? " *" : ""), "\(trial.byteCount)"]
                    + trial.divergences.map { NumberFormat.fixed($0, 5) })
        }
        return table.lines
    }

    /// What was chosen and how good it is.
    var conclusion: [String] {
        if let reason {
            return ["  formats are estimated, not measured: \(reason); chosen: \(chosen)"]
        }
        guard let trial = trials.first(where: { $0.name == chosen }) else {
            return ["  chosen: \(chosen)"]
        }
        let measured = zip(texts, trial.divergences).map {
            "\(NumberFormat.fixed($1, 5)) on \($0.name) (\($0.validationTokens) tokens)"
        }
        return ["  chosen: \(chosen); mean KL divergence \(measured.joined(separator: ", "))"]
    }

    /// A number of any magnitude in four digits.
    private static func short(_ value: Double) -> String {
        guard value > 0 else { return "0" }
        var (mantissa, exponent) = (value, 0)
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        return "\(NumberFormat.fixed(mantissa, 3))e\(exponent)"
    }
}
