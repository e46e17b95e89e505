import Evaluation
import Foundation
import Inference
import TensorCore
import TestSupport
import Testing

@Suite("Evaluation of models")
struct EvaluatorTests {
    private func mean(_ values: [Double]) -> Double {
        values.reduce(0, +) / Double(values.count)
    }

    /// Standard error of the mean as the textbook has it, two passes.
    private func standardError(_ values: [Double]) -> Double {
        let center = mean(values)
        let squares = values.reduce(0) { $0 + ($1 - center) * ($1 - center) }
        return sqrt(squares / Double(values.count) / Double(values.count - 1))
    }

    @Test("perplexity and divergence are those of whole distributions in F64")
    func statistics() throws {
        let base = try TinyModel().model()
        let quantized = try [0.02, 0.2].map { try TinyModel(noise: $0).model() }
        let text = try EvaluationText(
            tokens: TinyModel.tokens(230), bos: 3, contextLength: 20, windowLimit: nil)
        #expect(text.windowCount == 11)
        let result = try Evaluator(
            base: base, quantized: quantized, pool: WorkerPool(threadCount: 2)
        ).evaluate(text)

        let windows = (0..<text.windowCount).map { text.window($0) }
        let scored = text.scored(inWindow: 0)
        let targets = windows.flatMap { $0[11..<20].map { Int($0) } }
        let p = try logProbabilities(of: base, windows: windows, scored: scored)
        let baseLoss = zip(p, targets).map { -$0[$1] }
        #expect(result.base.scoredTokenCount == targets.count)
        #expect(abs(result.base.perplexity.value / exp(mean(baseLoss)) - 1) < 1e-6)
        #expect(
            abs(
                (result.base.perplexity.standardError ?? .nan)
                    / (exp(mean(baseLoss)) * standardError(baseLoss))
                    - 1) < 1e-6)
        #expect(result.base.running.count == 11)
        #expect(abs(result.base.running[2] / exp(mean(Array(baseLoss[..<27]))) - 1) < 1e-6)

        for (model, level) in zip(quantized, result.levels) {
            let figures = level.statistics
            let q = try logProbabilities(of: model, windows: windows, scored: scored)
            let loss = zip(q, targets).map { -$0[$1] }
            let divergence = zip(p, q).map { p, q in
                zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
            }
            let difference = zip(loss, baseLoss).map { $0 - $1 }
            let change = zip(loss, baseLoss).map { exp(-$0) - exp(-$1) }
            let same = zip(p, q).map { p, q in
                p.firstIndex(of: p.max() ?? 0) == q.firstIndex(of: q.max() ?? 0) ? 1.0 : 0
            }
            func close(_ found: Double?, _ expected: Double) -> Bool {
                abs((found ?? .nan) - expected) < 2e-6 * max(1, abs(expected))
            }
            #expect(close(figures.perplexity.value, exp(mean(loss))))
            #expect(close(figures.logPerplexityRatio.value, mean(difference)))
            #expect(close(figures.logPerplexityRatio.standardError, standardError(difference)))
            #expect(close(figures.perplexityRatio.value, exp(mean(difference))))
            #expect(
                close(level.perplexityDifference.value, exp(mean(loss)) - exp(mean(baseLoss))))
            let spread = zip(loss, baseLoss).map { exp(mean(loss)) * $0 - exp(mean(baseLoss)) * $1 }
            #expect(
                abs((level.perplexityDifference.standardError ?? .nan) / standardError(spread) - 1)
                    < 1e-4)
            #expect(close(figures.divergence.mean.value, mean(divergence)))
            #expect(close(figures.divergence.mean.standardError, standardError(divergence)))
            #expect(close(figures.divergence.maximum, divergence.max() ?? .nan))
            #expect(close(figures.divergence.median, divergence.sorted()[divergence.count / 2]))
            #expect(close(figures.sameTopToken.value, mean(same)))
            #expect(close(figures.meanProbabilityChange.value, mean(change)))
            #expect(close(figures.meanProbabilityChange.standardError, standardError(change)))
            #expect(
                close(figures.rmsProbabilityChange.value, sqrt(mean(change.map { $0 * $0 }))))
            #expect(close(figures.probabilityChange?.minimum, change.min() ?? .nan))
            let (a, b) = (mean(loss), mean(baseLoss))
            let covariance = mean(zip(loss, baseLoss).map { ($0 - a) * ($1 - b) })
            let variances =
                mean(loss.map { ($0 - a) * ($0 - a) })
                * mean(baseLoss.map { ($0 - b) * ($0 - b) })
            #expect(close(level.correlation, covariance / sqrt(variances)))
        }
        let means = result.levels.map(\.statistics.divergence.mean.value)
        #expect(means[0] < means[1])
    }

    @Test("a model does not differ from itself")
    func identity() throws {
        let model = try TinyModel().model()
        let text = try EvaluationText(
            tokens: TinyModel.tokens(100), bos: nil, contextLength: 16, windowLimit: 3)
        let level = try Evaluator(base: model, quantized: [model]).evaluate(text).levels[0]
        let figures = level.statistics
        #expect(figures.divergence.maximum == 0)
        #expect(figures.logPerplexityRatio == Estimate(0, standardError: 0))
        #expect(figures.sameTopToken == Estimate(1, standardError: 0))
        #expect(figures.rmsProbabilityChange == Estimate(0, standardError: 0))
        #expect(abs(level.correlation - 1) < 1e-12)
    }

    @Test("progress tells windows and running values")
    func progress() throws {
        let model = try TinyModel().model()
        let other = try TinyModel(noise: 0.1).model()
        // More tokens than one batch holds.
        let text = try EvaluationText(
            tokens: TinyModel.tokens(9000), bos: nil, contextLength: 60)
        var steps: [Evaluator.Progress] = []
        let result = try Evaluator(base: model, quantized: [other]).evaluate(text) {
            steps.append($0)
        }
        #expect(steps.count > 1)
        #expect(steps.last?.windowsDone == 150)
        #expect(steps.allSatisfy { $0.windowCount == 150 })
        #expect(
            steps.last?.perplexities == [
                result.base.perplexity.value, result.levels[0].statistics.perplexity.value,
            ])
        #expect(
            steps.last?.meanDivergences == [
                result.levels[0].statistics.divergence.mean.value
            ])
        for step in steps {
            #expect(step.perplexities[0] == result.base.running[step.windowsDone - 1])
        }
    }

    @Test("a context beyond the model's is told, not refused")
    func context() throws {
        let model = try TinyModel(contextLength: 8).model()
        let text = try EvaluationText(tokens: TinyModel.tokens(20), bos: nil, contextLength: 10)
        let result = try Evaluator(base: model).evaluate(text)
        #expect(
            result.warnings == [
                .contextBeyondTraining(contextLength: 10, trained: 8, model: model.path)
            ])
    }

    @Test("vocabularies that differ are named")
    func vocabularies() throws {
        let names = (0..<40).map { "token\($0)" }
        var others = names
        others[17] = "Token17"
        let base = try TinyModel(tokens: names).model()
        let other = try TinyModel(tokens: others).model()
        #expect(
            throws: EvaluationError(
                .vocabulariesDiffer(found: "token 17 \"Token17\"", expected: "\"token17\""),
                path: other.path, place: "tokenizer.ggml.tokens")
        ) { try Evaluator(base: base, quantized: [other]) }
        let small = try TinyModel(vocabularyCount: 39).model()
        #expect(
            throws: EvaluationError(
                .vocabulariesDiffer(found: "a vocabulary of 39 tokens", expected: "one of 40"),
                path: small.path)
        ) { try Evaluator(base: base, quantized: [small]) }
        _ = try Evaluator(base: base, quantized: [TinyModel(noise: 1, tokens: names).model()])
    }
}
