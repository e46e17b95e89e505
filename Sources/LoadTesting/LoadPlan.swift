import Foundation

/// How requests of an open loop follow each other.
public enum Arrival: String, Sendable, CaseIterable, Codable {
    /// At random, each independent of all others: gaps are exponential.
    case poisson
    /// At even distances.
    case constant
}

/// One setting of a sweep.
public enum LoadLevel: Sendable, Hashable {
    /// So many clients, each of which sends its next request when its last has ended.
    case closed(concurrency: Int)
    /// So many requests a second, whether others have ended or not.
    case open(rate: Double, arrival: Arrival)

    /// The level's name in tables: `4` clients or `2.5/s`.
    public var name: String {
        switch self {
        case .closed(let concurrency): "\(concurrency)"
        case .open(let rate, _): "\(LoadLevel.short(rate))/s"
        }
    }

    private static func short(_ rate: Double) -> String {
        rate == rate.rounded() && rate < 1e9 ? "\(Int(rate))" : "\(rate)"
    }
}

/// Times that a request has to keep to be counted as good.
public struct ServiceLevels: Sendable, Hashable, Codable {
    /// Seconds to the first token.
    public var ttft: Double?
    /// Seconds for each further token.
    public var tpot: Double?
    /// Seconds to the end.
    public var e2e: Double?

    /// Limits; `nil` for none.
    public init(ttft: Double? = nil, tpot: Double? = nil, e2e: Double? = nil) {
        (self.ttft, self.tpot, self.e2e) = (ttft, tpot, e2e)
    }

    /// Whether there is no limit.
    public var isEmpty: Bool { ttft == nil && tpot == nil && e2e == nil }

    func areMet(by request: MeasuredRequest) -> Bool {
        (ttft.map { request.ttft <= $0 } ?? true)
            && (tpot.map { limit in request.tpot.map { $0 <= limit } ?? true } ?? true)
            && (e2e.map { request.e2e <= $0 } ?? true)
    }
}

/// What is run at every level.
public struct LoadPlan: Sendable {
    /// The sweep.
    public var levels: [LoadLevel]
    /// The most measured requests of a level; `nil` when only time ends it.
    public var requestCount: Int?
    /// Seconds after which a level sends no more; those that run may end.
    public var duration: Double?
    /// Requests before each level that are not measured.
    public var warmupCount = 1
    /// Seconds for a request.
    public var timeout: Double = 600
    /// What arrivals and prompts are drawn with.
    public var seed: UInt64 = 0
    /// What good requests keep.
    public var serviceLevels = ServiceLevels()
    /// The most requests at a time in an open loop.
    public var inFlightLimit = 4096
    /// How many requests may fail in a row before a level is given up, at least.
    public var failureLimit = 64

    /// A plan with the usual limits.
    public init(levels: [LoadLevel], requestCount: Int?, duration: Double?) {
        self.levels = levels
        self.requestCount = requestCount
        self.duration = duration
    }
}

/// When the requests of an open loop are due, in seconds from its start.
package struct ArrivalTimes: Sequence, IteratorProtocol {
    private let rate: Double
    private let arrival: Arrival
    private var random: SeededNumbers
    private var count = 0
    private var time = 0.0

    package init(rate: Double, arrival: Arrival, seed: UInt64) {
        self.rate = rate
        self.arrival = arrival
        random = SeededNumbers(seed: seed)
    }

    package mutating func next() -> Double? {
        defer { count += 1 }
        guard arrival == .poisson else { return Double(count) / rate }
        if count > 0 { time -= log1p(-random.unit()) / rate }
        return time
    }
}
