import GGUF
public import Inference
public import TensorCore

/// Evaluates a base model, and quantized ones against it, in one pass over a text.
///
/// All models see the same windows; their logits are compared position by position while they are
/// made. Memory does not grow with the text but for two floats per scored token and quantized
/// model, from which percentiles are exact.
public struct Evaluator {
    private let decoder: Decoder

    /// Prepares an evaluation.
    ///
    /// - Throws: `EvaluationError` or `InferenceError` when a quantized model's vocabulary is not
    ///   the base model's.
    public init(
        base: Model, quantized: [Model] = [], activations: Activations = .f32,
        pool: WorkerPool = WorkerPool()
    ) throws {
        for model in quantized { try Evaluator.compareVocabularies(model, with: base) }
        decoder = try Decoder(
            models: [base] + quantized, activations: activations, pool: pool)
    }

    /// How far an evaluation is.
    public struct Progress: Sendable {
        /// Windows done.
        public var windowsDone: Int
        /// Windows in all.
        public var windowCount: Int
        /// Perplexity so far, of each model, the base first.
        public var perplexities: [Double]
        /// Mean KL divergence so far, of each quantized model.
        public var meanDivergences: [Double]
        /// Seconds since the start.
        public var seconds: Double
    }

    /// What an evaluation found.
    public struct Result: Sendable {
        /// The base model's perplexity.
        public var base: PerplexityResult
        /// The quantized models' statistics, in their order.
        public var levels: [LevelStatistics]
        /// What is worth telling.
        public var warnings: [EvaluationWarning]
        /// How long it took.
        public var seconds: Double
        /// Tokens of all windows per second, each through all models.
        public var tokensPerSecond: Double
    }

    /// Runs the whole text.
    ///
    /// - Parameter progress: Called after every batch of windows.
    /// - Throws: `InferenceError` when a model gives no numbers: the statistics would be worthless.
    public func evaluate(
        _ text: EvaluationText, progress: (Progress) throws -> Void = { _ in }
    ) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        let models = decoder.models
        let length = text.contextLength
        var base = PerplexityAccumulator()
        var levels = models.dropFirst().map { _ in LevelAccumulator() }
        let perBatch = max(1, decoder.batchTokenCount / length)
        for first in stride(from: 0, to: text.windows.count, by: perBatch) {
            let windows = Array(text.windows[first..<min(text.windows.count, first + perBatch)])
            let rows = try run(windows, scored: text.scored)
            for window in windows.indices {
                for index in text.scored.indices {
                    let row = window * text.scored.count + index - text.scored.lowerBound
                    let surprise = rows.negativeLogLikelihood(row: row, model: 0)
                    guard surprise.isFinite else {
                        throw EvaluationError(
                            .notANumber(window: first + window, position: index),
                            path: models[0].path)
                    }
                    base.add(negativeLogLikelihood: surprise)
                    for level in levels.indices {
                        let token = rows.comparison(row: row, model: level + 1)
                        guard token.negativeLogLikelihood.isFinite, token.divergence.isFinite else {
                            throw EvaluationError(
                                .notANumber(window: first + window, position: index),
                                path: models[level + 1].path)
                        }
                        levels[level].add(token)
                    }
                }
                base.endWindow()
                for level in levels.indices { levels[level].endWindow() }
            }
            try progress(
                Progress(
                    windowsDone: first + windows.count, windowCount: text.windows.count,
                    perplexities: [base.lastRunning ?? 0] + levels.map { $0.lastRunning ?? 0 },
                    meanDivergences: levels.map(\.meanDivergence),
                    seconds: Evaluator.seconds(clock.now - start)))
        }
        let seconds = Evaluator.seconds(clock.now - start)
        return Result(
            base: base.result(model: models[0].path, contextLength: length),
            levels: levels.enumerated().map {
                $1.statistics(model: models[$0 + 1].path, contextLength: length)
            },
            warnings: text.warnings + contextWarnings(length), seconds: seconds,
            tokensPerSecond: Double(text.windows.count * length) / max(seconds, 1e-9))
    }

    private func run(_ windows: [[Int32]], scored: Range<Int>) throws -> PairedRows {
        let targets = windows.flatMap { $0[scored.lowerBound + 1..<scored.upperBound + 1] }
        let rows = PairedRows(targets: targets, modelCount: decoder.models.count)
        try decoder.forward(windows: windows, scored: scored) { rows.add($0) }
        return rows
    }

    private func contextWarnings(_ length: Int) -> [EvaluationWarning] {
        decoder.models.filter { length > $0.contextLength }.map {
            .contextBeyondTraining(
                contextLength: length, trained: $0.contextLength, model: $0.path)
        }
    }

    private static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

    /// Token ids must mean the same in both models.
    private static func compareVocabularies(
        _ model: Model, with base: Model
    ) throws(EvaluationError) {
        guard model.vocabularyCount == base.vocabularyCount else {
            throw EvaluationError(
                .vocabulariesDiffer(
                    found: "a vocabulary of \(model.vocabularyCount) tokens",
                    expected: "one of \(base.vocabularyCount)"), path: model.path)
        }
        for key in ["tokenizer.ggml.model", "tokenizer.ggml.pre"] {
            let (found, expected) = (model.source.metadata[key], base.source.metadata[key])
            guard let found, let expected, found != expected else { continue }
            throw EvaluationError(
                .vocabulariesDiffer(
                    found: "\"\(found.text ?? "")\"", expected: "\"\(expected.text ?? "")\""),
                path: model.path, place: key)
        }
        let key = "tokenizer.ggml.tokens"
        guard case .strings(let found)? = model.source.metadata[key],
            case .strings(let expected)? = base.source.metadata[key], found != expected
        else { return }
        let place = zip(found, expected).enumerated().first { $1.0 != $1.1 }
        throw EvaluationError(
            .vocabulariesDiffer(
                found: place.map { "token \($0) \"\($1.0)\"" } ?? "\(found.count) tokens",
                expected: place.map { "\"\($1.1)\"" } ?? "\(expected.count)"),
            path: model.path, place: key)
    }
}
