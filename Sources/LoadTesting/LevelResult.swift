/// What was measured at one level, times in seconds.
public struct LevelResult: Sendable, Hashable, Codable {
    /// The level's name.
    public var level: String
    /// Clients of a closed loop.
    public var concurrency: Int?
    /// Requests a second of an open loop.
    public var rate: Double?
    /// How the requests of an open loop followed each other.
    public var arrival: Arrival?
    /// From the first request to the end of the last.
    public var seconds = 0.0
    /// Requests that went well.
    public var completed = 0
    /// Requests that failed, by kind.
    public var errors: [String: Int] = [:]
    /// What was found at the first error of each kind.
    public var errorExamples: [String: String] = [:]
    /// Requests that still ran when the test was stopped.
    public var cancelled = 0
    /// Requests a second that went well.
    public var requestsPerSecond = 0.0
    /// Tokens of prompts a second.
    public var inputTokensPerSecond = 0.0
    /// Tokens of texts a second.
    public var outputTokensPerSecond = 0.0
    /// The share of requests that failed, of those that ended; `nil` when none did.
    public var errorRate: Double?
    /// Tokens of the prompts of requests that went well.
    public var inputTokens = 0
    /// Tokens of their texts.
    public var outputTokens = 0
    /// Texts with fewer tokens than were asked for.
    public var shortAnswers = 0
    /// Prompts that have not the tokens that were asked for.
    public var otherPromptLengths = 0
    /// The most that a request was sent later than it was due.
    public var latenessMax = 0.0
    /// Requests that kept the service levels.
    public var good = 0
    /// Those a second; `nil` without service levels.
    public var goodput: Double?
    /// Their share of all requests.
    public var goodShare: Double?
    /// To the first token.
    public var ttft: DurationSummary?
    /// For each token after the first.
    public var tpot: DurationSummary?
    /// Between events with text.
    public var itl: DurationSummary?
    /// To the text's end.
    public var e2e: DurationSummary?
    /// Whether the test was stopped before the level's end.
    public var isCutShort = false
    /// Whether the level was given up because nothing but errors came.
    public var isGivenUp = false

    init(_ level: LoadLevel) {
        self.level = level.name
        switch level {
        case .closed(let count): concurrency = count
        case .open(let rate, let arrival): (self.rate, self.arrival) = (rate, arrival)
        }
    }

    /// Requests that failed.
    public var failed: Int { errors.values.reduce(0, +) }
    /// Requests that ended, well or not.
    public var measured: Int { completed + failed }

    /// Sets the rates of a level that took so many seconds.
    mutating func finish(seconds: Double) {
        func rate(_ count: Int) -> Double { seconds > 0 ? Double(count) / seconds : 0 }
        self.seconds = seconds
        requestsPerSecond = rate(completed)
        inputTokensPerSecond = rate(inputTokens)
        outputTokensPerSecond = rate(outputTokens)
        if measured > 0 { errorRate = Double(failed) / Double(measured) }
    }
}
