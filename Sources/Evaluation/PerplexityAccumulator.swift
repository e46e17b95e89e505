#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The perplexity of a text, token by token.
public struct PerplexityAccumulator: Sendable, Codable {
    /// Moments of `−ln p`.
    public private(set) var moments = Moments()
    private var running: [Double] = []

    /// Starts without tokens.
    public init() {}

    /// Adds a token's `−ln p`.
    public mutating func add(negativeLogLikelihood: Double) { moments.add(negativeLogLikelihood) }

    /// Notes the value at the end of a window.
    public mutating func endWindow() { running.append(exp(moments.mean)) }

    /// The value after the last window that ended.
    public var lastRunning: Double? { running.last }

    /// The perplexity so far; the standard error is that of the mean of `−ln p`, carried through the
    /// exponential.
    public var estimate: Estimate {
        let perplexity = exp(moments.mean)
        return Estimate(perplexity, standardError: perplexity * moments.standardError)
    }

    /// The result so far.
    public func result(model: String, contextLength: Int) -> PerplexityResult {
        PerplexityResult(
            model: model, perplexity: estimate,
            meanNegativeLogLikelihood: Estimate(moments), running: running,
            windowCount: running.count, contextLength: contextLength,
            scoredTokenCount: moments.count)
    }
}
