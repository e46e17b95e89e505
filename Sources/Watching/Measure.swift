/// What is watched of a server.
public enum Measure: String, Sendable, CaseIterable, Codable {
    /// Time to the first token, P95.
    case ttft
    /// Time for each token after the first, or between tokens, P95.
    case tpot
    /// From arrival to end, P95.
    case e2e
    /// Output tokens a second.
    case throughput
    /// Tokens of prompts a second.
    case prompts
    /// Requests that ended, a second.
    case requests
    /// Requests that run.
    case running
    /// Requests that wait.
    case queue
    /// Waiting for a place, P95.
    case queueTime = "queue_time"
    /// The share of requests that failed.
    case errors
    /// The share of the cache of keys and values that is in use.
    case cache
    /// The share of prompts' tokens that were known already.
    case prefix
    /// The share of loaded models that lies in a graphics card's memory.
    case offload

    /// What a value counts.
    public enum Unit: String, Sendable, Codable {
        case seconds, perSecond = "per_second", count, share
    }

    /// Its unit.
    public var unit: Unit {
        switch self {
        case .ttft, .tpot, .e2e, .queueTime: .seconds
        case .throughput, .prompts, .requests: .perSecond
        case .running, .queue: .count
        case .errors, .cache, .prefix, .offload: .share
        }
    }

    /// Its name for people.
    public var title: String {
        switch self {
        case .ttft: "TTFT P95"
        case .tpot: "TPOT P95"
        case .e2e: "E2E P95"
        case .throughput: "Output tokens/s"
        case .prompts: "Prompt tokens/s"
        case .requests: "Requests/s"
        case .running: "Running"
        case .queue: "Waiting"
        case .queueTime: "Queue time P95"
        case .errors: "Errors"
        case .cache: "KV cache in use"
        case .prefix: "Prefix cache hits"
        case .offload: "In GPU memory"
        }
    }

    /// The limits that hold where none are given.
    public var usualLimits: Limits? {
        switch self {
        case .ttft: Limits(yellow: 0.5, red: 2)
        case .tpot: Limits(yellow: 0.05, red: 0.1)
        case .queue: Limits(yellow: 5, red: 20)
        case .queueTime: Limits(yellow: 0.5, red: 2)
        case .errors: Limits(yellow: 0.01, red: 0.05)
        case .cache: Limits(yellow: 0.85, red: 0.95)
        default: nil
        }
    }
}

/// From where on a value is yellow, and red.
public struct Limits: Sendable, Hashable, Codable {
    /// Beyond it a value is yellow.
    public var yellow: Double
    /// Beyond it a value is red.
    public var red: Double
    /// Whether small values are the bad ones.
    public var isFloor: Bool

    /// Limits.
    public init(yellow: Double, red: Double, isFloor: Bool = false) {
        self.yellow = yellow
        self.red = red
        self.isFloor = isFloor
    }

    /// What a value is.
    public func status(of value: Double) -> Status {
        guard !value.isNaN else { return .unknown }
        if isFloor { return value < red ? .red : value < yellow ? .yellow : .green }
        return value > red ? .red : value > yellow ? .yellow : .green
    }
}

/// How a value stands.
public enum Status: String, Sendable, Codable, CaseIterable {
    /// Not known, or without limits.
    case unknown
    /// As it should be.
    case green
    /// To be looked at.
    case yellow
    /// To be dealt with.
    case red

    /// Whether this is worse than, or as bad as, another.
    public func isAtLeast(_ other: Status) -> Bool {
        let order = Status.allCases
        return (order.firstIndex(of: self) ?? 0) >= (order.firstIndex(of: other) ?? 0)
    }
}
