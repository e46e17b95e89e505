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

    /// The result so far.
    public func result(model: String, contextLength: Int) -> PerplexityResult {
        let perplexity = exp(moments.mean)
        return PerplexityResult(
            model: model,
            perplexity: Estimate(perplexity, perplexity * moments.standardError),
            meanNegativeLogLikelihood: Estimate(moments), running: running,
            windowCount: running.count, contextLength: contextLength,
            scoredTokenCount: moments.count)
    }
}

/// The statistics of one quantized model, token by token.
///
/// Memory: two floats per scored token (for exact percentiles), whatever the vocabulary.
public struct LevelAccumulator: Sendable {
    private var perplexity = PerplexityAccumulator()
    private var base = PerplexityAccumulator()
    private var difference = Moments()
    private var divergence = Moments()
    private var change = Moments()
    private var squaredChange = Moments()
    private var comoment: Double = 0
    private var sameTopCount = 0
    private var divergences: [Float] = []
    private var changes: [Float] = []

    /// Starts without tokens.
    public init() {}

    /// Adds a scored token.
    public mutating func add(_ token: TokenComparison) {
        let (base, quantized) = (token.baseNegativeLogLikelihood, token.negativeLogLikelihood)
        // The co-moment takes one deviation from the mean before, one from the mean after.
        let deviation = base - self.base.moments.mean
        self.base.add(negativeLogLikelihood: base)
        perplexity.add(negativeLogLikelihood: quantized)
        comoment += deviation * (quantized - perplexity.moments.mean)
        difference.add(quantized - base)
        divergence.add(token.divergence)
        divergences.append(Float(token.divergence))
        let change = exp(-quantized) - exp(-base)
        self.change.add(change)
        squaredChange.add(change * change)
        changes.append(Float(change))
        if token.sameTop { sameTopCount += 1 }
    }

    /// Notes the perplexity at the end of a window.
    public mutating func endWindow() { perplexity.endWindow() }

    /// The mean divergence so far.
    public var meanDivergence: Double { divergence.mean }

    /// The perplexity after the last window that ended.
    public var lastRunning: Double? { perplexity.lastRunning }

    /// The statistics of all tokens so far, in O(n log n) for the percentiles.
    public func statistics(model: String, contextLength: Int) -> LevelStatistics {
        let own = perplexity.result(model: model, contextLength: contextLength)
        let other = base.result(model: model, contextLength: contextLength)
        let count = Double(max(1, difference.count))
        let covariance = comoment / count
        let spread = (perplexity.moments.variance * base.moments.variance).squareRoot()
        let ratio = exp(difference.mean)
        let share = Double(sameTopCount) / count
        // Var(PPL_Q − PPL_P) with each perplexity's deviation that of its mean times itself.
        let (q, p) = (own.perplexity.value, other.perplexity.value)
        let differenceVariance =
            (q * q * perplexity.moments.variance + p * p * base.moments.variance
                - 2 * q * p * covariance) / max(1, count - 1)
        let rootMeanSquare = squaredChange.mean.squareRoot()
        return LevelStatistics(
            perplexity: own, basePerplexity: other.perplexity,
            logPerplexityRatio: Estimate(difference),
            perplexityRatio: Estimate(ratio, ratio * difference.standardError),
            perplexityDifference: Estimate(q - p, max(0, differenceVariance).squareRoot()),
            correlation: spread > 0 ? covariance / spread : 1,
            meanDivergence: Estimate(divergence),
            divergence: .init(divergences),
            sameTop: Estimate(share, (share * (1 - share) / max(1, count - 1)).squareRoot()),
            meanProbabilityChange: Estimate(change),
            // d sqrt(x) = dx / (2 sqrt(x))
            rootMeanSquareProbabilityChange: Estimate(
                rootMeanSquare,
                rootMeanSquare > 0 ? squaredChange.standardError / (2 * rootMeanSquare) : 0),
            probabilityChange: .init(changes))
    }
}
