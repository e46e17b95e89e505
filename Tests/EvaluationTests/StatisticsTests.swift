import Evaluation
import Foundation
import TestSupport
import Testing

@Suite("Statistics")
struct StatisticsTests {
    @Test("moments of an arithmetic series have a closed form", arguments: [1, 2, 10, 1001])
    func moments(count: Int) {
        var moments = Moments()
        // Far from zero: a sum of squares would lose the variance.
        for index in 0..<count { moments.add(1e9 + Double(index)) }
        let n = Double(count)
        #expect(moments.count == count)
        #expect(abs(moments.mean - (1e9 + (n - 1) / 2)) < 1e-6)
        let variance = (n * n - 1) / 12
        #expect(abs(moments.variance - variance) <= 1e-6 * max(1, variance))
        let expected = count > 1 ? (variance / (n - 1)).squareRoot() : 0
        #expect(abs(moments.standardError - expected) <= 1e-6 * max(1, expected))
    }

    @Test("percentiles lie between neighbours")
    func percentiles() {
        let percentile = Percentiles([5, 1, 4, 2, 3])
        #expect(percentile(0) == 1)
        #expect(percentile(50) == 3)
        #expect(percentile(100) == 5)
        #expect(abs(percentile(90) - 4.6) < 1e-12)
        #expect(abs(percentile(99.9) - 4.996) < 1e-12)
        #expect(Percentiles([7])(99) == 7)
        #expect(Percentiles([])(50) == 0)
    }

    @Test("a token's perplexity is the inverse of its probability")
    func perplexity() throws {
        var accumulator = PerplexityAccumulator()
        for _ in 0..<8 { accumulator.add(negativeLogLikelihood: log(4)) }
        accumulator.endWindow()
        for _ in 0..<8 { accumulator.add(negativeLogLikelihood: log(16)) }
        accumulator.endWindow()
        let result = accumulator.result(model: "m", contextLength: 18)
        #expect(abs(result.perplexity.value - 8) < 1e-12)
        #expect(abs(result.running[0] - 4) < 1e-12 && abs(result.running[1] - 8) < 1e-12)
        // The logarithms are ln 8 ± ln 2.
        let error = try #require(result.perplexity.standardError)
        #expect(abs(error - 8 * log(2) / 15.0.squareRoot()) < 1e-12)
        #expect(result.windowCount == 2 && result.scoredTokenCount == 16)
    }

    @Test("pairing takes out what both models find hard")
    func pairing() throws {
        var random = SeededRandom(seed: 3)
        var level = LevelAccumulator()
        for index in 0..<1000 {
            let hardness = 5 + Double(random.normal())
            level.add(
                TokenComparison(
                    baseNegativeLogLikelihood: hardness,
                    negativeLogLikelihood: hardness + (index % 2 == 0 ? 0.1 : 0.3),
                    divergence: index % 4 == 0 ? 1 : 0, sameTop: index % 5 != 0))
        }
        level.endWindow()
        let result = level.result(model: "m")
        let figures = result.statistics
        #expect(abs(figures.logPerplexityRatio.value - 0.2) < 1e-12)
        let ratioError = try #require(figures.logPerplexityRatio.standardError)
        #expect(abs(ratioError - 0.1 / 999.0.squareRoot()) < 1e-12)
        #expect(abs(figures.perplexityRatio.value - exp(0.2)) < 1e-12)
        #expect(try #require(figures.perplexity.standardError) > 3)
        #expect(result.correlation > 0.99 && result.correlation < 1)
        #expect(abs(figures.divergence.mean.value - 0.25) < 1e-12)
        #expect(figures.divergence.median == 0 && figures.divergence.quantile90 == 1)
        #expect(result.divergence[50].value == 0 && result.divergence[100].standardError == nil)
        #expect(abs(figures.sameTopToken.value - 0.8) < 1e-12)
        let shareError = try #require(figures.sameTopToken.standardError)
        #expect(abs(shareError - (0.16 / 999).squareRoot()) < 1e-12)
        #expect(result.probabilityChange[100].value < 0)
    }

    @Test("each window's mean divergence is its own tokens'")
    func windows() {
        var level = LevelAccumulator()
        for window in [[0.25, 0.75], [2.0], [0.0, 0.0, 3.0]] {
            for divergence in window {
                level.add(
                    TokenComparison(
                        baseNegativeLogLikelihood: 1, negativeLogLikelihood: 1,
                        divergence: divergence, sameTop: true))
            }
            level.endWindow()
        }
        #expect(level.result(model: "m").windowDivergences == [0.5, 2, 1])
    }
}
