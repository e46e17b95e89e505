/// A limit that every level must keep, from an option such as `--max-ttft-p95`.
public struct LoadGate: Sendable, Hashable {
    /// What is limited.
    public enum Measure: String, Sendable, Hashable, CaseIterable {
        case ttftP95 = "--max-ttft-p95"
        case ttftP99 = "--max-ttft-p99"
        case tpotP95 = "--max-tpot-p95"
        case itlP95 = "--max-itl-p95"
        case e2eP95 = "--max-e2e-p95"
        case errorRate = "--max-error-rate"
        case outputTokensPerSecond = "--min-throughput"
        case requestsPerSecond = "--min-qps"
        case goodShare = "--min-goodput"

        var words: String {
            switch self {
            case .ttftP95: "P95 of TTFT in seconds"
            case .ttftP99: "P99 of TTFT in seconds"
            case .tpotP95: "P95 of TPOT in seconds"
            case .itlP95: "P95 of ITL in seconds"
            case .e2eP95: "P95 of end to end in seconds"
            case .errorRate: "share of requests that failed"
            case .outputTokensPerSecond: "output tokens a second"
            case .requestsPerSecond: "requests a second"
            case .goodShare: "share of requests within the service levels"
            }
        }

        /// Whether the limit is the least value that passes.
        var isFloor: Bool {
            [.outputTokensPerSecond, .requestsPerSecond, .goodShare].contains(self)
        }

        func value(of level: LevelResult) -> Double? {
            switch self {
            case .ttftP95: level.ttft?.p95
            case .ttftP99: level.ttft?.p99
            case .tpotP95: level.tpot?.p95
            case .itlP95: level.itl?.p95
            case .e2eP95: level.e2e?.p95
            case .errorRate: level.errorRate
            case .outputTokensPerSecond: level.outputTokensPerSecond
            case .requestsPerSecond: level.requestsPerSecond
            case .goodShare: level.goodShare
            }
        }
    }

    /// What is limited.
    public var measure: Measure
    /// The greatest value that passes, or the least.
    public var limit: Double

    /// A gate.
    public init(_ measure: Measure, limit: Double) {
        self.measure = measure
        self.limit = limit
    }

    /// What this limit asks of a level; a value that was not measured keeps none.
    public func check(_ level: LevelResult) -> LoadCheck {
        let bound = "\(measure.words) \(measure.isFloor ? "at least" : "at most") \(limit)"
        guard let found = measure.value(of: level) else {
            return LoadCheck(
                level: level.level, requirement: bound, found: nil, isMet: false)
        }
        return LoadCheck(
            level: level.level, requirement: bound, found: found,
            isMet: measure.isFloor ? found >= limit : found <= limit)
    }
}

/// What became of a gate at a level.
public struct LoadCheck: Sendable, Hashable, Codable {
    /// The level.
    public var level: String
    /// What was asked for.
    public var requirement: String
    /// What was measured; `nil` when nothing was.
    public var found: Double?
    /// Whether it is kept.
    public var isMet: Bool
}
