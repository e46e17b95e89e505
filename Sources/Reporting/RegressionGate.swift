import Evaluation

/// The limit on how much worse than in an earlier report a level may be, in mean KL divergence.
///
/// Without a limit of the user's, a level has regressed when its divergence rose by more than twice
/// the combined error of both and by more than 5 %. The errors are added as those of independent
/// samples; on one and the same text they are not, and the difference is known better than that:
/// a limit that the user sets decides alone.
public struct RegressionGate: Sendable, Hashable {
    /// The greatest rise that passes.
    public enum Tolerance: Sendable, Hashable {
        /// In nats.
        case absolute(Double)
        /// As a fraction of the earlier value.
        case relative(Double)
    }

    /// The greatest rise that passes; `nil` for the default.
    public var tolerance: Tolerance?

    /// The option that sets the limit.
    public static let option = "--max-regression-kld"
    static let defaultShare = 0.05

    /// Creates a gate.
    public init(_ tolerance: Tolerance? = nil) { self.tolerance = tolerance }

    /// Reads `VALUE` in nats or `PERCENTAGE%` of the earlier value; zero allows no rise at all.
    public init(parsing text: String) throws(ReportError) {
        let isPercentage = text.hasSuffix("%")
        let number = isPercentage ? text.dropLast() : Substring(text)
        guard let value = number == "0" ? 0 : Gate.positiveNumber(number) else {
            throw ReportError(.regressionSyntax(text))
        }
        self.init(isPercentage ? .relative(value / 100) : .absolute(value))
    }

    /// Throws when the earlier report, read from `file`, has none of the levels' types.
    ///
    /// For a caller that measures for hours afterwards; `checks(in:)` does it too.
    public static func requireLevel(
        of earlier: QualityReport, file: String, among names: [String]
    ) throws(ReportError) {
        let known = earlier.levels.map(\.name)
        guard !Set(known).isDisjoint(with: names) else {
            throw ReportError(.noCommonLevel(known: known, found: names), file: file)
        }
    }

    /// What the gate asks of each level that both reports have.
    ///
    /// A value that is not a number has regressed, unless the earlier was none either. Throws when
    /// the reports have no level in common: a gate that holds nothing must not pass.
    public func checks(in report: QualityReport) throws(ReportError) -> [QualityCheck] {
        guard let baseline = report.baseline else { return [] }
        guard !baseline.levels.isEmpty else {
            throw ReportError(
                .noCommonLevel(
                    known: baseline.missingLevels, found: report.levels.map(\.name)),
                file: baseline.fileName)
        }
        return report.levels.compactMap { level in
            baseline[level].map { check($0, name: report.displayName(of: level)) }
        }
    }

    private func check(_ change: BaselineComparison.LevelChange, name: String) -> QualityCheck {
        let divergence = change.meanDivergence
        let rise = divergence.difference
        let before = divergence.before.value
        let noise = 2 * (rise.standardError ?? 0)
        let (allowed, words): (Double, String) =
            switch tolerance {
            case .absolute(let value): (value, "\(NumberText(value, digits: 4).text) nat")
            case .relative(let share): (share * before, percentage(share))
            case nil:
                (
                    max(noise, RegressionGate.defaultShare * before),
                    "\(percentage(RegressionGate.defaultShare)) and twice the combined error"
                )
            }
        let isMet =
            rise.value.isFinite
            ? rise.value <= allowed
            : !before.isFinite || divergence.after.value.isFinite
        var finding = "mean KL divergence "
        if rise.value == 0 {
            finding += "as in the baseline, \(QualityCheck.precise(divergence.after))"
        } else {
            let sign = rise.value > 0 ? "rose" : "fell"
            finding += "\(sign) from \(QualityCheck.precise(divergence.before)) to "
            finding += QualityCheck.precise(divergence.after)
            if before > 0, rise.value.isFinite {
                finding += " (\(rise.value > 0 ? "+" : "−")"
                finding += "\(NumberText(abs(rise.value) / before * 100, digits: 2).text) %)"
            }
        }
        finding += ", allowed to rise by at most \(words)"
        if !isMet, rise.value < noise {
            finding += " (the rise is less than twice the combined error)"
        }
        return QualityCheck(
            level: name,
            requirement: "mean KL divergence above the baseline's by at most \(words)",
            finding: finding, isMet: isMet)
    }

    private func percentage(_ share: Double) -> String {
        share == 0 ? "nothing" : "\(NumberText(share * 100, digits: 4).text.trimmedZeros) %"
    }
}

extension String {
    /// Without the zeros, and the point, that say nothing: `5.000` is `5`.
    fileprivate var trimmedZeros: String {
        guard contains(".") else { return self }
        let kept = reversed().drop { $0 == "0" }
        return String(String(kept.first == "." ? kept.dropFirst() : kept).reversed())
    }
}
