import ArgumentParser
import Foundation
import Reporting
import TensorCore

/// What `report` asks of the levels.
struct ReportGateOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Largest mean KL divergence of a type, or of every level; may be given again.",
            valueName: "[type=]value"))
    var maxKld: [String] = []

    @Option(
        name: .customLong("max-kld-999"),
        help: ArgumentHelp(
            "Largest 99.9 % KL divergence, likewise.", valueName: "[type=]value"))
    var maxKld999: [String] = []

    @Option(
        help: ArgumentHelp(
            "Largest perplexity ratio to the base, likewise.", valueName: "[type=]value"))
    var maxPplRatio: [String] = []

    @Option(
        help: ArgumentHelp(
            "Least share of same top tokens, 0.9 or 90%, likewise.", valueName: "[type=]share"))
    var minSameTop: [String] = []

    @Option(
        help: ArgumentHelp(
            "An earlier report.json: the report shows what has changed, and a level that is worse"
                + " fails.", valueName: "file"))
    var baseline: String?

    @Option(
        help: ArgumentHelp(
            """
            How much the mean KL divergence may be above the baseline's, in nats or in per cent of \
            it; by default twice the combined error and 5 %.
            """, valueName: "value|%"))
    var maxRegressionKld: String?

    @Option(
        help: ArgumentHelp(
            "Write the gates as JUnit XML, a test case for each level.", valueName: "file"))
    var junit: String?

    mutating func validate() throws {
        guard maxRegressionKld == nil || baseline != nil else {
            throw ValidationError("--max-regression-kld needs --baseline")
        }
    }

    /// Whether a limit is given.
    var hasGate: Bool {
        [maxKld, maxKld999, maxPplRatio, minSameTop].contains { !$0.isEmpty } || baseline != nil
    }

    /// The limits.
    func gates() throws -> [Gate] {
        let texts: [(Gate.Measure, [String])] = [
            (.meanDivergence, maxKld), (.quantile999, maxKld999),
            (.perplexityRatio, maxPplRatio), (.sameTopToken, minSameTop),
        ]
        return try texts.flatMap { measure, texts in
            try texts.map { try Gate(measure, parsing: $0) }
        }
    }

    /// The earlier report.
    func baselineReport() throws -> (report: QualityReport, path: String)? {
        _ = try regressionGate()
        return try baseline.map { path in
            let bytes = try InputFile.contents(path: path, limit: 1 << 28)
            return (try QualityReport(json: bytes, file: path), path)
        }
    }

    /// The limit on how much worse than the baseline a level may be.
    func regressionGate() throws -> RegressionGate? {
        guard baseline != nil else { return nil }
        return try maxRegressionKld.map { try RegressionGate(parsing: $0) } ?? RegressionGate()
    }
}
