#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a quantization costs: the quantized model's predictions against the base's on the same
/// tokens.
///
/// These are the figures of a report's level, in memory and (by their names) in its JSON: a further
/// one is a property here and what sums it up below; see `ReportColumns.swift` for how it is shown.
/// One that earlier reports lack is optional.
///
/// Definitions are llama.cpp's (`tools/perplexity/README.md`); P is the base model's distribution
/// of a token, Q the quantized model's, "correct" is the text's own next token.
public struct LevelStatistics: Codable, Sendable, Hashable {
    /// The quantized model's perplexity.
    public var perplexity: Estimate
    /// `ln(PPL(Q) / PPL(P))`: the mean of the tokens' differences of `−ln p`, as paired samples, so
    /// that what is hard in the text does not count as error.
    public var logPerplexityRatio: Estimate
    /// `PPL(Q) / PPL(P)`, the error carried through the exponential.
    public var perplexityRatio: Estimate
    /// `KL(P‖Q) = Σ P ln(P / Q)` of the scored tokens.
    public var divergence: Divergence
    /// The share of tokens where both models prefer the same token; binomial standard error.
    public var sameTopToken: Estimate
    /// The mean of `Δp = Q(correct) − P(correct)`.
    public var meanProbabilityChange: Estimate
    /// The square root of the mean of Δp².
    public var rmsProbabilityChange: Estimate
    /// How Δp is distributed over the scored tokens; `nil` in early reports.
    public var probabilityChange: ProbabilityChange?

    /// Creates statistics.
    public init(
        perplexity: Estimate, logPerplexityRatio: Estimate, perplexityRatio: Estimate,
        divergence: Divergence, sameTopToken: Estimate, meanProbabilityChange: Estimate,
        rmsProbabilityChange: Estimate, probabilityChange: ProbabilityChange? = nil
    ) {
        self.perplexity = perplexity
        self.logPerplexityRatio = logPerplexityRatio
        self.perplexityRatio = perplexityRatio
        self.divergence = divergence
        self.sameTopToken = sameTopToken
        self.meanProbabilityChange = meanProbabilityChange
        self.rmsProbabilityChange = rmsProbabilityChange
        self.probabilityChange = probabilityChange
    }

    /// How the Kullback-Leibler divergence is distributed over the scored tokens, in nats.
    public struct Divergence: Codable, Sendable, Hashable {
        /// The mean.
        public var mean: Estimate
        /// The median.
        public var median: Double
        /// So many per cent of the tokens diverge by no more than this: 90, 95, 99.
        public var quantile90, quantile95, quantile99: Double
        /// 99.9 % of the tokens diverge by no more than this; without an error when the text is
        /// too short to give one.
        public var quantile999: Estimate
        /// The worst token.
        public var maximum: Double

        /// Creates a distribution.
        public init(
            mean: Estimate, median: Double, quantile90: Double, quantile95: Double,
            quantile99: Double, quantile999: Estimate, maximum: Double
        ) {
            self.mean = mean
            self.median = median
            self.quantile90 = quantile90
            self.quantile95 = quantile95
            self.quantile99 = quantile99
            self.quantile999 = quantile999
            self.maximum = maximum
        }

        init(_ all: Distribution) {
            self.init(
                mean: all.mean, median: all[50].value, quantile90: all[90].value,
                quantile95: all[95].value, quantile99: all[99].value, quantile999: all[99.9],
                maximum: all[100].value)
        }
    }

    /// Quantiles of Δp, the change of the probability of the text's own next token: fractions of
    /// one, negative where the level holds the token for less likely than the base does.
    public struct ProbabilityChange: Codable, Sendable, Hashable {
        /// The greatest loss.
        public var minimum: Double
        /// So many per cent of the tokens lie below: 0.1, 1, 5, 10.
        public var quantile001, quantile01, quantile05, quantile10: Double
        /// As many tokens lie below as above.
        public var median: Double
        /// So many per cent of the tokens lie below: 90, 95, 99, 99.9.
        public var quantile90, quantile95, quantile99, quantile999: Double
        /// The greatest gain.
        public var maximum: Double

        /// Creates a distribution from its quantiles in rising order: the minimum, 0.1, 1, 5, 10,
        /// 50, 90, 95, 99, 99.9 % and the maximum.
        public init(
            minimum: Double, quantile001: Double, quantile01: Double, quantile05: Double,
            quantile10: Double, median: Double, quantile90: Double, quantile95: Double,
            quantile99: Double, quantile999: Double, maximum: Double
        ) {
            self.minimum = minimum
            self.quantile001 = quantile001
            self.quantile01 = quantile01
            self.quantile05 = quantile05
            self.quantile10 = quantile10
            self.median = median
            self.quantile90 = quantile90
            self.quantile95 = quantile95
            self.quantile99 = quantile99
            self.quantile999 = quantile999
            self.maximum = maximum
        }

        init(_ all: Distribution) {
            self.init(
                minimum: all[0].value, quantile001: all[0.1].value, quantile01: all[1].value,
                quantile05: all[5].value, quantile10: all[10].value, median: all[50].value,
                quantile90: all[90].value, quantile95: all[95].value, quantile99: all[99].value,
                quantile999: all[99.9].value, maximum: all[100].value)
        }
    }
}

/// What an evaluation found of one quantized model.
public struct LevelResult: Sendable, Hashable {
    /// The model's file.
    public var model: String
    /// What the quantization costs.
    public var statistics: LevelStatistics
    /// `PPL(Q) − PPL(P)`; the variance takes the correlation of the two into account.
    public var perplexityDifference: Estimate
    /// Pearson's correlation of the tokens' `−ln p` between the two models.
    public var correlation: Double
    /// The distribution of `KL(P‖Q)` over the scored tokens, in nats.
    public var divergence: Distribution
    /// The distribution of Δp.
    public var probabilityChange: Distribution
    /// The mean divergence of each window, in nats: pairs of two levels' differ by the levels alone,
    /// whatever is hard in the text.
    public var windowDivergences: [Double]
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

/// The statistics of one quantized model, token by token.
///
/// Memory: two floats per scored token (for exact percentiles), whatever the vocabulary.
public struct LevelAccumulator: Sendable {
    private var perplexity = PerplexityAccumulator()
    private var base = Moments()
    private var difference = Moments()
    private var divergence = Moments()
    private var change = Moments()
    private var squaredChange = Moments()
    private var comoment: Double = 0
    private var sameTopCount = 0
    private var divergences: [Float] = []
    private var changes: [Float] = []
    private var windowDivergences: [Double] = []
    private var windowMoments = Moments()

    /// Starts without tokens.
    public init() {}

    /// Adds a scored token.
    public mutating func add(_ token: TokenComparison) {
        let (base, quantized) = (token.baseNegativeLogLikelihood, token.negativeLogLikelihood)
        // The co-moment takes one deviation from the mean before, one from the mean after.
        let deviation = base - self.base.mean
        self.base.add(base)
        perplexity.add(negativeLogLikelihood: quantized)
        comoment += deviation * (quantized - perplexity.moments.mean)
        difference.add(quantized - base)
        divergence.add(token.divergence)
        windowMoments.add(token.divergence)
        divergences.append(Float(token.divergence))
        let change = exp(-quantized) - exp(-base)
        self.change.add(change)
        squaredChange.add(change * change)
        changes.append(Float(change))
        if token.sameTop { sameTopCount += 1 }
    }

    /// Notes the perplexity and the mean divergence at the end of a window.
    public mutating func endWindow() {
        perplexity.endWindow()
        windowDivergences.append(windowMoments.mean)
        windowMoments = Moments()
    }

    /// The mean divergence so far.
    public var meanDivergence: Double { divergence.mean }

    /// The perplexity after the last window that ended.
    public var lastRunning: Double? { perplexity.lastRunning }

    /// What the tokens so far say of the model in the file `model`, in O(n log n) for the
    /// percentiles.
    public func result(model: String) -> LevelResult {
        let divergence = Distribution(divergences, mean: Estimate(self.divergence))
        let change = Distribution(changes, mean: Estimate(self.change))
        let ratio = exp(difference.mean)
        let count = max(1, difference.count)
        let rootMeanSquare = squaredChange.mean.squareRoot()
        // d sqrt(x) = dx / (2 sqrt(x))
        let rootError = rootMeanSquare > 0 ? squaredChange.standardError / (2 * rootMeanSquare) : 0
        return LevelResult(
            model: model,
            statistics: LevelStatistics(
                perplexity: perplexity.estimate, logPerplexityRatio: Estimate(difference),
                perplexityRatio: Estimate(ratio, standardError: ratio * difference.standardError),
                divergence: .init(divergence),
                sameTopToken: Estimate(share: Double(sameTopCount) / Double(count), of: count),
                meanProbabilityChange: change.mean,
                rmsProbabilityChange: Estimate(rootMeanSquare, standardError: rootError),
                probabilityChange: .init(change)),
            perplexityDifference: perplexityDifference, correlation: correlation,
            divergence: divergence, probabilityChange: change,
            windowDivergences: windowDivergences)
    }

    private var covariance: Double { comoment / Double(max(1, difference.count)) }

    private var correlation: Double {
        let spread = (perplexity.moments.variance * base.variance).squareRoot()
        return spread > 0 ? covariance / spread : 1
    }

    /// Var(PPL_Q − PPL_P) with each perplexity's deviation that of its mean times itself.
    private var perplexityDifference: Estimate {
        let (q, p) = (exp(perplexity.moments.mean), exp(base.mean))
        let variance =
            (q * q * perplexity.moments.variance + p * p * base.variance - 2 * q * p * covariance)
            / Double(max(1, difference.count - 1))
        return Estimate(q - p, standardError: max(0, variance).squareRoot())
    }
}
