/// What users ask of a service, and how quickly it must answer.
public struct ServingLoad: Sendable, Hashable, Encodable {
    /// Requests per second; `nil` where the number of replicas is not asked for.
    public let requestsPerSecond: Double?
    /// The tokens of a prompt.
    public let inputTokens: Int
    /// The tokens of an answer.
    public let outputTokens: Int
    /// The most seconds until the first token.
    public let timeToFirstToken: Double?
    /// The most seconds from token to token.
    public let timePerOutputToken: Double?

    /// Describes a load.
    ///
    /// - Throws: `PlanningError` when a number is out of range.
    public init(
        requestsPerSecond: Double? = nil, inputTokens: Int = 512, outputTokens: Int = 256,
        timeToFirstToken: Double? = nil, timePerOutputToken: Double? = nil
    ) throws(PlanningError) {
        func check(
            _ value: Double?, _ range: ClosedRange<Double>, _ place: String
        ) throws(PlanningError) {
            guard let value, !range.contains(value) else { return }
            throw PlanningError(
                .outOfRange(
                    found: "\(value)", expected: "\(range.lowerBound) to \(range.upperBound)"),
                place: place)
        }
        try check(requestsPerSecond, 1e-6...1e9, "--qps")
        let longest = Double(ServingShape.longestContext)
        try check(Double(inputTokens), 1...longest, "--input")
        try check(Double(outputTokens), 1...longest, "--output")
        try check(timeToFirstToken, 1e-6...86400, "--slo-ttft")
        try check(timePerOutputToken, 1e-6...86400, "--slo-tpot")
        self.requestsPerSecond = requestsPerSecond
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.timeToFirstToken = timeToFirstToken
        self.timePerOutputToken = timePerOutputToken
    }

    /// What the user should know of it.
    var notices: [String] {
        guard requestsPerSecond == nil, timeToFirstToken != nil || timePerOutputToken != nil else {
            return []
        }
        return [
            "--slo-ttft and --slo-tpot bound the replicas of a load, of which there is none: give"
                + " its requests per second with --qps"
        ]
    }

    /// The tokens of a text at its end.
    public var tokens: Int { inputTokens + outputTokens }
    /// The tokens of a text in the middle of its answer, about which its cost averages.
    var meanTokens: Int { inputTokens + outputTokens / 2 }
}
