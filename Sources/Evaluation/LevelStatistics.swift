/// What a quantization costs: its predictions against the base model's on the same tokens.
///
/// Definitions are llama.cpp's (`tools/perplexity/README.md`); P is the base model's distribution
/// of a token, Q the quantized model's, "correct" is the text's own next token.
public struct LevelStatistics: Sendable, Hashable {
    /// The quantized model's perplexity.
    public var perplexity: PerplexityResult
    /// The base model's perplexity on the same tokens.
    public var basePerplexity: Estimate
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
        /// The shares, in per cent, whose percentiles are kept; 0 and 100 are the extremes.
        public static let percents: [Double] = [
            0, 0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100,
        ]

        /// The percentiles of `percents` in their order, each with its standard error from order
        /// statistics; the extremes have none.
        public let percentiles: [Estimate]

        /// Sorts the values, in O(n log n).
        public init(_ values: [Float]) {
            let percentile = Percentiles(values)
            percentiles = Distribution.percents.map {
                let isExtreme = $0 == 0 || $0 == 100
                return Estimate(percentile($0), isExtreme ? 0 : percentile.standardError($0))
            }
        }

        /// The value below which `percent`, one of `percents`, of all values lie.
        public subscript(percent: Double) -> Estimate {
            guard let index = Distribution.percents.firstIndex(of: percent) else {
                preconditionFailure("\(percent) % is not kept")
            }
            return percentiles[index]
        }

        /// The smallest value.
        public var minimum: Double { self[0].value }
        /// As many values lie below as above.
        public var median: Double { self[50].value }
        /// 90 % of values lie below.
        public var percentile90: Double { self[90].value }
        /// 95 % of values lie below.
        public var percentile95: Double { self[95].value }
        /// 99 % of values lie below.
        public var percentile99: Double { self[99].value }
        /// 99.9 % of values lie below.
        public var percentile99_9: Double { self[99.9].value }
        /// The standard error of `percentile99_9`, from order statistics.
        public var percentile99_9Error: Double { self[99.9].standardError }
        /// The largest value.
        public var maximum: Double { self[100].value }
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
