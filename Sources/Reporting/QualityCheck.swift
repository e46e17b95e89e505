import Evaluation

/// Something that was asked of a level, and whether the level keeps it.
public struct QualityCheck: Sendable, Hashable, CustomStringConvertible {
    /// The level's type, with its file name when another level has the same type.
    public let level: String
    /// What was asked, `mean KL divergence at most 0.1`.
    public let requirement: String
    /// What was found, with what is allowed.
    public let finding: String
    /// Whether the level keeps it.
    public let isMet: Bool

    /// One line: the level, what was found, what is allowed.
    public var description: String { "\(visible(level)): \(finding)" }

    /// `0.119500 ± 0.0014`: more digits than the error warrants, so that the excess over a limit
    /// can be seen.
    static func precise(_ estimate: Estimate, scale: Double = 1) -> String {
        var text = NumberText(estimate.value * scale, digits: 6).text
        if let error = estimate.standardError, error > 0 {
            text += " ± \(NumberText(error * scale, digits: 2).text)"
        }
        return text
    }

    /// The remark on a finding whose distance from its limit is less than twice its error.
    static let uncertain = " (nearer than twice the error: more text would make it certain)"
}

extension QualityReport {
    /// What all `gates` ask of the levels, gate by gate; see `Gate.checks(in:)`.
    public func checks(of gates: [Gate]) throws(ReportError) -> [QualityCheck] {
        var result: [QualityCheck] = []
        for gate in gates { result += try gate.checks(in: self) }
        return result
    }
}
