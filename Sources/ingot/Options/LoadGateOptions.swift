import ArgumentParser
import LoadTesting

/// Limits that every level of a load test has to keep.
struct LoadGateOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The most that P95 of TTFT may be.", valueName: "seconds"))
    var maxTtftP95: Double?

    @Option(help: ArgumentHelp("The most that P99 of TTFT may be.", valueName: "seconds"))
    var maxTtftP99: Double?

    @Option(help: ArgumentHelp("The most that P95 of TPOT may be.", valueName: "seconds"))
    var maxTpotP95: Double?

    @Option(help: ArgumentHelp("The most that P95 of ITL may be.", valueName: "seconds"))
    var maxItlP95: Double?

    @Option(
        name: .customLong("max-e2e-p95"),
        help: ArgumentHelp("The most that P95 of end to end may be.", valueName: "seconds"))
    var maxE2EP95: Double?

    @Option(
        help: ArgumentHelp(
            "The largest share of requests that may fail, 0.01 or 1%.", valueName: "share"))
    var maxErrorRate: String?

    @Option(
        help: ArgumentHelp("The fewest output tokens a second.", valueName: "tokens"))
    var minThroughput: Double?

    @Option(
        help: ArgumentHelp("The fewest requests a second that go well.", valueName: "requests"))
    var minQps: Double?

    @Option(
        help: ArgumentHelp(
            "The smallest share of requests within the --slo-… times, 0.95 or 95%.",
            valueName: "share"))
    var minGoodput: String?

    private static func share(_ text: String?, _ option: String) throws -> Double? {
        guard let text else { return nil }
        let isPercentage = text.hasSuffix("%")
        let number = Double(isPercentage ? String(text.dropLast()) : text)
        guard let number, (0...(isPercentage ? 100 : 1)).contains(number) else {
            throw ValidationError("\(option) is '\(text)', expected a share: 0.01 or 1%")
        }
        return isPercentage ? number / 100 : number
    }

    func gates() throws -> [LoadGate] {
        let limits: [(LoadGate.Measure, Double?)] = [
            (.ttftP95, maxTtftP95), (.ttftP99, maxTtftP99), (.tpotP95, maxTpotP95),
            (.itlP95, maxItlP95), (.e2eP95, maxE2EP95),
            (.errorRate, try Self.share(maxErrorRate, "--max-error-rate")),
            (.outputTokensPerSecond, minThroughput), (.requestsPerSecond, minQps),
            (.goodShare, try Self.share(minGoodput, "--min-goodput")),
        ]
        return try limits.compactMap { measure, limit in
            guard let limit else { return nil }
            guard limit.isFinite, limit >= 0 else {
                throw ValidationError("\(measure.rawValue) is \(limit), expected a number from 0")
            }
            return LoadGate(measure, limit: limit)
        }
    }

    mutating func validate() throws { _ = try gates() }
}
