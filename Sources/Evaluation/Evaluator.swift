import GGUF
public import Inference
public import TensorCore

/// Evaluates a base model, and quantized ones against it, in one pass over a text.
///
/// All models see the same windows; their logits are compared position by position while they are
/// made. Memory does not grow with the text but for two floats per scored token and quantized
/// model, from which percentiles are exact. The base's logits may come from a file instead, or go
/// to one; then the rows of a batch are in memory.
public struct Evaluator {
    private let decoder: Decoder
    private let state = ForwardState()
    private let stored: LogitsReader?
    private let basePath: String
    private let quantized: [Model]

    /// Prepares an evaluation.
    ///
    /// - Parameter firstOwnBlocks: For each quantized model, the first block that differs from the
    ///   base's; see `Decoder`.
    /// - Throws: `EvaluationError` or `InferenceError` when a quantized model's vocabulary is not
    ///   the base model's.
    public init(
        base: Model, quantized: [Model] = [], firstOwnBlocks: [Int]? = nil,
        activations: Activations = .f32, pool: WorkerPool = WorkerPool()
    ) throws {
        for model in quantized { try VocabularyCheck.compare(model, with: base) }
        decoder = try Decoder(
            models: [base] + quantized, firstOwnBlocks: firstOwnBlocks.map { [0] + $0 },
            activations: activations, pool: pool)
        stored = nil
        basePath = base.path
        self.quantized = quantized
    }

    /// Prepares a comparison with a base model whose logits are in a file.
    ///
    /// The text to evaluate is the file's.
    ///
    /// - Throws: `EvaluationError` or `InferenceError` when a model's vocabulary is not the file's.
    public init(
        base: LogitsReader, quantized: [Model], activations: Activations = .f32,
        pool: WorkerPool = WorkerPool()
    ) throws {
        for model in quantized { try VocabularyCheck.compare(model, with: base) }
        decoder = try Decoder(models: quantized, activations: activations, pool: pool)
        stored = base
        basePath = base.path
        self.quantized = quantized
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
        /// From where an evaluation of the base alone can go on.
        public var checkpoint: Checkpoint
    }

    /// The state of an evaluation of one model after some windows.
    ///
    /// Going on from it gives the figures of an uninterrupted run, bit for bit: batches are cut
    /// where they would have been.
    public struct Checkpoint: Sendable, Codable {
        /// Windows done.
        public var windowsDone: Int
        /// The statistics of their tokens.
        public var perplexity: PerplexityAccumulator
    }

    /// What an evaluation found.
    public struct Result: Sendable {
        /// The base model's perplexity.
        public var base: PerplexityResult
        /// What was found of the quantized models, in their order.
        public var levels: [LevelResult]
        /// What is worth telling.
        public var warnings: [EvaluationWarning]
        /// How long it took.
        public var seconds: Double
        /// Tokens of the windows run per second, each through all models.
        public var tokensPerSecond: Double
    }

    /// Bytes that a batch's rows may take where they are in memory.
    private static let rowByteLimit = 1 << 28

    /// Tokens of a batch.
    private func batchTokenCount(_ text: EvaluationText, rowsAreKept: Bool) -> Int {
        guard rowsAreKept else { return decoder.batchTokenCount }
        let rows = Evaluator.rowByteLimit / max(1, decoder.models[0].vocabularyCount * 4)
        let rowsOfWindow = max(1, text.scoredTokenCount / text.windowCount)
        let windows = max(1, rows / rowsOfWindow)
        return min(decoder.batchTokenCount, windows * text.contextLength)
    }

    /// Runs the whole text.
    ///
    /// - Parameters:
    ///   - checkpoint: From where to go on; for the base model alone.
    ///   - writer: Takes the base's logits.
    ///   - recorder: Says which windows are run, and keeps what they give.
    ///   - progress: Called after every batch of windows.
    /// - Throws: `InferenceError` when a model gives no numbers: the statistics would be worthless.
    public func evaluate(
        _ text: EvaluationText, from checkpoint: Checkpoint? = nil, writer: LogitsWriter? = nil,
        keeping recorder: EvaluationRecorder? = nil,
        progress: (Progress) throws -> Void = { _ in }
    ) throws -> Result {
        precondition(checkpoint == nil || quantized.isEmpty, "a checkpoint is of one model")
        let start = ContinuousClock.now
        let all = recorder?.windows ?? 0..<text.windowCount
        let first = checkpoint?.windowsDone ?? all.lowerBound
        var base = checkpoint?.perplexity ?? PerplexityAccumulator()
        var levels = quantized.map { _ in LevelAccumulator() }
        let limit = batchTokenCount(text, rowsAreKept: stored != nil || writer != nil)
        var tokensRun = 0
        for batch in text.batches(from: first, upTo: all.upperBound, tokenLimit: limit) {
            let windows = batch.map { text.window($0) }
            let scored = text.scored(inWindow: batch.lowerBound)
            let rows = try run(windows, scored: scored, batch: batch, writer: writer)
            tokensRun += windows.reduce(0) { $0 + $1.count }
            for window in windows.indices {
                try addRows(
                    rows, from: window * scored.count, scored: scored,
                    window: batch.lowerBound + window, base: &base, levels: &levels,
                    keeping: recorder)
            }
            try progress(
                Progress(
                    windowsDone: batch.upperBound - all.lowerBound, windowCount: all.count,
                    perplexities: [base.lastRunning ?? 0] + levels.map { $0.lastRunning ?? 0 },
                    meanDivergences: levels.map(\.meanDivergence),
                    seconds: start.secondsAgo,
                    checkpoint: Checkpoint(windowsDone: batch.upperBound, perplexity: base)))
        }
        try writer?.commit()
        let seconds = start.secondsAgo
        let length = text.contextLength
        return Result(
            base: base.result(model: basePath, contextLength: length),
            levels: zip(quantized, levels).map { $1.result(model: $0.path) },
            warnings: text.warnings + text.contextWarnings(decoder.models), seconds: seconds,
            tokensPerSecond: Double(tokensRun) / max(seconds, 1e-9))
    }

    /// Adds the scored tokens of a window.
    private func addRows(
        _ rows: PairedRows, from first: Int, scored: Range<Int>, window: Int,
        base: inout PerplexityAccumulator, levels: inout [LevelAccumulator],
        keeping recorder: EvaluationRecorder?
    ) throws {
        func check(_ value: Double, _ position: Int, _ path: String) throws {
            guard !value.isFinite else { return }
            throw EvaluationError(.notANumber(window: window, position: position), path: path)
        }
        for index in 0..<scored.count {
            let row = first + index
            let surprise = rows.negativeLogLikelihood(row: row, model: 0)
            try check(surprise, scored.lowerBound + index, basePath)
            base.add(negativeLogLikelihood: surprise)
            recorder?.values.add(baseSurprise: surprise)
            for level in levels.indices {
                let token = rows.comparison(row: row, model: level + 1)
                try check(
                    token.negativeLogLikelihood + token.divergence, scored.lowerBound + index,
                    quantized[level].path)
                levels[level].add(token)
                recorder?.values.add(token, level: level)
            }
        }
        base.endWindow()
        recorder?.values.endWindow(scored: scored.count)
        for level in levels.indices { levels[level].endWindow() }
    }

    private func run(
        _ windows: [[Int32]], scored: Range<Int>, batch: Range<Int>, writer: LogitsWriter?
    ) throws -> PairedRows {
        let targets = windows.flatMap { $0[scored.lowerBound + 1..<scored.upperBound + 1] }
        let rows = PairedRows(
            targets: targets, modelCount: quantized.count + 1,
            stored: try stored?.rows(ofWindows: batch))
        let tokens = Batch(windows: windows, scored: scored)
        guard let writer else {
            try decoder.forward(tokens, in: state) { rows.add($0) }
            return rows
        }
        let kept = writer.rows(targets.count)
        try decoder.forward(tokens, in: state) {
            rows.add($0)
            kept.add($0)
        }
        try writer.write(kept, targets: targets, pool: decoder.pool)
        return rows
    }
}
