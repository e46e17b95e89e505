/// A limit that levels must keep, from `--max-kld` or `--max-ppl-ratio`.
public struct Gate: Sendable, Hashable {
    /// What is limited.
    public enum Measure: String, Sendable, Hashable, CaseIterable {
        /// The mean Kullback-Leibler divergence from the base, in nats.
        case meanDivergence = "--max-kld"
        /// The perplexity divided by the base's.
        case perplexityRatio = "--max-ppl-ratio"

        /// The option that sets the limit.
        public var option: String { rawValue }

        var words: String {
            switch self {
            case .meanDivergence: "mean KL divergence"
            case .perplexityRatio: "perplexity ratio"
            }
        }

        func estimate(of level: QualityReport.Level) -> Estimate {
            switch self {
            case .meanDivergence: level.divergence.mean
            case .perplexityRatio: level.perplexityRatio
            }
        }
    }

    /// What is limited.
    public var measure: Measure
    /// The level's type (letter case does not matter) or file name; `nil` for every level.
    public var level: String?
    /// The greatest value that passes.
    public var limit: Double

    /// Creates a gate.
    public init(_ measure: Measure, level: String? = nil, limit: Double) {
        self.measure = measure
        self.level = level
        self.limit = limit
    }

    /// Reads `TYPE=VALUE` or `VALUE`; the value is a positive number.
    public init(_ measure: Measure, parsing text: String) throws(ReportError) {
        let failure = ReportError(.gateSyntax(option: measure.option, text: text))
        var number = Substring(text)
        var level: String?
        // The last sign of equality: a file name may hold others.
        if let sign = text.lastIndex(of: "=") {
            number = text[text.index(after: sign)...]
            level = String(text[..<sign])
            if text.startIndex == sign { throw failure }
        }
        // Only plain decimal notation: Double also reads "inf", "nan" and hexadecimal.
        guard number.allSatisfy({ "0123456789.eE+-".contains($0) }), let limit = Double(number),
            limit.isFinite, limit > 0
        else { throw failure }
        self.init(measure, level: level, limit: limit)
    }

    /// A level that did not keep a limit.
    public struct Failure: Sendable, Hashable, CustomStringConvertible {
        /// The level's type, with its file name when another level has the same type.
        public let level: String
        /// What is limited.
        public let measure: Measure
        /// What was measured.
        public let found: QualityReport.Estimate
        /// The greatest value that passes.
        public let allowed: Double

        /// One line: the level, what was found, what is allowed.
        public var description: String {
            // More digits than the error warrants, so that the excess over the limit can be seen.
            var text =
                "\(visible(level)): \(measure.words) \(NumberText(found.value, digits: 6).text)"
            if let error = found.standardError, error > 0 {
                text += " ± \(NumberText(error, digits: 2).text)"
            }
            text += ", allowed at most \(allowed)"
            if let error = found.standardError, abs(found.value - allowed) < 2 * error {
                text += " (nearer than twice the error: more text would make it certain)"
            }
            return text
        }
    }

    /// The levels of `report` that do not keep this limit, in the report's order.
    ///
    /// A value that is not a number keeps no limit. Throws when the gate names a level that is not
    /// in the report, or when there is no level: a gate that holds nothing must not pass.
    public func failures(in report: QualityReport) throws(ReportError) -> [Failure] {
        guard !report.levels.isEmpty else { throw ReportError(.noLevels) }
        let wanted = report.levels.filter { candidate in
            guard let level else { return true }
            return candidate.name.lowercased() == level.lowercased()
                || candidate.fileName == level
        }
        guard !wanted.isEmpty else {
            throw ReportError(
                .unknownLevel(name: level ?? "", known: report.levels.map(\.name)))
        }
        return wanted.compactMap { level in
            let found = measure.estimate(of: level)
            if found.value <= limit { return nil }
            return Failure(
                level: report.displayName(of: level), measure: measure, found: found,
                allowed: limit)
        }
    }
}

extension QualityReport {
    /// The failures of all `gates`, gate by gate; see `Gate.failures(in:)`.
    public func failures(of gates: [Gate]) throws(ReportError) -> [Gate.Failure] {
        var result: [Gate.Failure] = []
        for gate in gates { result += try gate.failures(in: self) }
        return result
    }
}
