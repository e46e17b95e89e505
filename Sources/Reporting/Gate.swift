import Evaluation

/// A limit that levels must keep, from an option such as `--max-kld`.
public struct Gate: Sendable, Hashable {
    /// What is limited.
    public enum Measure: String, Sendable, Hashable, CaseIterable {
        /// The mean Kullback-Leibler divergence from the base, in nats.
        case meanDivergence = "--max-kld"
        /// The divergence that 99.9 % of the tokens do not exceed, in nats.
        case quantile999 = "--max-kld-999"
        /// The perplexity divided by the base's.
        case perplexityRatio = "--max-ppl-ratio"
        /// The share of tokens at which level and base hold the same token for the likeliest.
        case sameTopToken = "--min-same-top"

        /// The option that sets the limit.
        public var option: String { rawValue }

        var words: String {
            switch self {
            case .meanDivergence: "mean KL divergence"
            case .quantile999: "99.9 % KL divergence"
            case .perplexityRatio: "perplexity ratio"
            case .sameTopToken: "share of same top tokens"
            }
        }

        /// Whether the limit is the least value that passes, and a share.
        var isFloor: Bool { self == .sameTopToken }

        func estimate(of level: QualityReport.Level) -> Estimate {
            switch self {
            case .meanDivergence: level.divergence.mean
            case .quantile999: level.divergence.quantile999
            case .perplexityRatio: level.perplexityRatio
            case .sameTopToken: level.sameTopToken
            }
        }
    }

    /// What is limited.
    public var measure: Measure
    /// The level's type (letter case does not matter) or file name; `nil` for every level.
    public var level: String?
    /// The greatest value that passes; for a share of tokens the least.
    public var limit: Double

    /// Creates a gate.
    public init(_ measure: Measure, level: String? = nil, limit: Double) {
        self.measure = measure
        self.level = level
        self.limit = limit
    }

    /// Reads `TYPE=VALUE` or `VALUE`.
    ///
    /// The value is a positive number; a share is one of at most 1, or up to 100 with a per cent
    /// sign.
    public init(_ measure: Measure, parsing text: String) throws(ReportError) {
        let (level, limit) = try Gate.parse(
            text, option: measure.option, isShare: measure.isFloor)
        self.init(measure, level: level, limit: limit)
    }

    /// The level, if one is named, and the limit of an option's text.
    static func parse(
        _ text: String, option: String, isShare: Bool
    ) throws(ReportError) -> (level: String?, limit: Double) {
        let failure = ReportError(.gateSyntax(option: option, text: text, isShare: isShare))
        var number = Substring(text)
        var level: String?
        // The last sign of equality: a file name may hold others.
        if let sign = text.lastIndex(of: "=") {
            number = text[text.index(after: sign)...]
            level = String(text[..<sign])
            if text.startIndex == sign { throw failure }
        }
        let isPercentage = isShare && number.hasSuffix("%")
        guard let value = Gate.positiveNumber(isPercentage ? number.dropLast() : number) else {
            throw failure
        }
        let limit = isPercentage ? value / 100 : value
        guard !isShare || limit <= 1 else { throw failure }
        return (level, limit)
    }

    /// A positive number in plain decimal notation: `Double` also reads "inf", "nan" and
    /// hexadecimal.
    static func positiveNumber(_ text: Substring) -> Double? {
        guard text.allSatisfy({ "0123456789.eE+-".contains($0) }), let value = Double(text),
            value.isFinite, value > 0
        else { return nil }
        return value
    }

    /// What this limit asks of each of the levels of `report` that it is for, in their order.
    ///
    /// A value that is not a number keeps no limit. Throws when the gate names a level that is not
    /// in the report, or when there is no level: a gate that holds nothing must not pass.
    public func checks(in report: QualityReport) throws(ReportError) -> [QualityCheck] {
        try requireLevel(among: report.levels.map { ($0.name, $0.fileName) })
        return report.levels.filter { isFor(name: $0.name, fileName: $0.fileName) }.map { level in
            let found = measure.estimate(of: level)
            let bound = measure.isFloor ? "at least" : "at most"
            var finding =
                "\(measure.words) \(QualityCheck.precise(found)), allowed \(bound) \(limit)"
            if let error = found.standardError, abs(found.value - limit) < 2 * error {
                finding += QualityCheck.uncertain
            }
            return QualityCheck(
                level: report.displayName(of: level),
                requirement: "\(measure.words) \(bound) \(limit)", finding: finding,
                isMet: measure.isFloor ? found.value >= limit : found.value <= limit)
        }
    }

    /// Throws when the gate is for none of the levels, which are named by type and file.
    ///
    /// For a caller that measures for hours afterwards; `checks(in:)` does it too.
    public func requireLevel(among levels: [(name: String, fileName: String)]) throws(ReportError) {
        guard !levels.isEmpty else { throw ReportError(.noLevels) }
        guard levels.contains(where: { isFor(name: $0.name, fileName: $0.fileName) }) else {
            throw ReportError(.unknownLevel(name: level ?? "", known: levels.map(\.name)))
        }
    }

    func isFor(name: String, fileName: String) -> Bool {
        guard let level else { return true }
        return name.lowercased() == level.lowercased() || fileName == level
    }
}
