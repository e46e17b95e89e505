/// What a quantization costs: its predictions against the base model's on the same tokens.
///
/// Definitions are llama.cpp's (`tools/perplexity/README.md`); P is the base model's distribution
/// of a token, Q the quantized model's, "correct" is the text's own next token.
public struct LevelStatistics: Sendable, Hashable {
    /// The quantized model's perplexity.
    public var perplexity: PerplexityResult
    /// `ln(PPL(Q) / PPL(P))`: the mean of the tokens' differences of `−ln p`, as paired samples, so
    /// that what is hard in the text does not count as error.
    public var logPerplexityRatio: Estimate
    /// `PPL(Q) / PPL(P)`, the error carried through the exponential.
    public var perplexityRatio: Estimate
    /// `PPL(Q) − PPL(P)`; the variance takes the correlation of the two into account.
    public var perplexityDifference: Estimate
    /// Pearson's correlation of the tokens' `−ln p` between the two models.
    public var correlation: Double
    /// The mean of `KL(P‖Q) = Σ P ln(P / Q)` over the scored tokens, in nats.
    public var meanDivergence: Estimate
    /// Its exact distribution over the scored tokens.
    public var divergence: Distribution
    /// The share of tokens where both models prefer the same token; binomial standard error.
    public var sameTop: Estimate
    /// The mean of `Δp = Q(correct) − P(correct)`.
    public var meanProbabilityChange: Estimate
    /// The square root of the mean of Δp².
    public var rootMeanSquareProbabilityChange: Estimate
    /// The exact distribution of Δp.
    public var probabilityChange: Distribution

    /// Percentiles of the scored tokens' values.
    public struct Distribution: Sendable, Hashable {
        /// The smallest value.
        public var minimum: Double
        /// A percentile each: 0.1, 1, 5, 10 % of values lie below.
        public var percentile0_1, percentile1, percentile5, percentile10: Double
        /// As many values lie below as above.
        public var median: Double
        /// A percentile each: 90, 95, 99, 99.9 % of values lie below.
        public var percentile90, percentile95, percentile99, percentile99_9: Double
        /// The standard error of `percentile99_9`, from order statistics.
        public var percentile99_9Error: Double
        /// The largest value.
        public var maximum: Double

        /// Sorts the values.
        public init(_ values: [Float]) {
            let percentile = Percentiles(values)
            minimum = percentile(0)
            percentile0_1 = percentile(0.1)
            percentile1 = percentile(1)
            percentile5 = percentile(5)
            percentile10 = percentile(10)
            median = percentile(50)
            percentile90 = percentile(90)
            percentile95 = percentile(95)
            percentile99 = percentile(99)
            percentile99_9 = percentile(99.9)
            percentile99_9Error = percentile.standardError(99.9)
            maximum = percentile(100)
        }
    }
}

/// What one scored token adds to the statistics.
public struct TokenComparison: Sendable, Hashable {
    /// `−ln P(correct)`, the base model's.
    public var baseNegativeLogLikelihood: Double
    /// `−ln Q(correct)`, the quantized model's.
    public var negativeLogLikelihood: Double
    /// `KL(P‖Q)`, in nats.
    public var divergence: Double
    /// Whether both models prefer the same token.
    public var sameTop: Bool

    /// Creates a comparison.
    public init(
        baseNegativeLogLikelihood: Double, negativeLogLikelihood: Double, divergence: Double,
        sameTop: Bool
    ) {
        self.baseNegativeLogLikelihood = baseNegativeLogLikelihood
        self.negativeLogLikelihood = negativeLogLikelihood
        self.divergence = divergence
        self.sameTop = sameTop
    }
}
