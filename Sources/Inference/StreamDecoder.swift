import Architectures
import CKernels
public import TensorCore

/// Runs one model for several texts at once, with its matrices in memory.
///
/// A step takes some tokens of any number of texts, each a `SequenceState` made here. What a text
/// gets does not depend on what else is in its steps, nor on how its tokens are cut into steps: its
/// logits are equal bit by bit, with either kind of activations.
///
/// Memory: the model's matrices, about as they are stored; what a `Decoder` needs for the longest
/// step; each sequence's `sequenceByteCount`. Where the matrices take more than `byteLimit`, every
/// step decodes every block anew.
///
/// Not thread-safe: one step at a time.
public final class StreamDecoder {
    /// The model.
    public let model: Model
    /// How keys are kept.
    public let cacheTypeK: CacheType
    /// How values are kept.
    public let cacheTypeV: CacheType
    let decoder: Decoder
    private let state = ForwardState()
    private let resident: ResidentModel?
    private let logits: LogitsBuffer

    /// Prepares a model, and reads its matrices.
    ///
    /// - Parameters:
    ///   - activations: What linear layers take in.
    ///   - cacheTypeK: How keys are kept.
    ///   - cacheTypeV: How values are kept.
    ///   - byteLimit: The most memory for matrices; half of the machine's by default.
    ///   - pool: The workers.
    /// - Throws: `InferenceError` when there is no memory, or a matrix cannot be read.
    public init(
        model: Model, activations: Activations = .f32, cacheTypeK: CacheType = .f16,
        cacheTypeV: CacheType = .f16, byteLimit: Int? = nil, pool: WorkerPool = WorkerPool()
    ) throws {
        self.model = model
        self.cacheTypeK = cacheTypeK
        self.cacheTypeV = cacheTypeV
        decoder = try Decoder(
            models: [model], activations: activations, products: .ordered, pool: pool)
        resident = try ResidentModel(
            decoder, byteLimit: byteLimit ?? ResidentMatrices.usualByteLimit)
        logits = LogitsBuffer(vocabularyCount: model.vocabularyCount)
    }

    /// The tokens that a step should have at most: more take more memory and are not faster.
    public var batchTokenCount: Int { Decoder.groupTokens }

    /// Whether the model keeps states of recurrences, of which a prefix cannot be taken.
    public var hasRecurrence: Bool { model.hasRecurrence }

    /// The bytes that a sequence of this capacity takes; `nil` beyond what can be addressed.
    public func sequenceByteCount(capacity: Int) -> Int? {
        SequenceState.byteCount(model, capacity: capacity, CacheTypes(cacheTypeK, cacheTypeV))
    }

    /// Makes room for a text of up to `capacity` tokens.
    ///
    /// - Throws: `InferenceError` when there is no memory, or the model has no such position.
    public func makeSequence(capacity: Int) throws(InferenceError) -> SequenceState {
        try SequenceState(
            for: decoder, capacity: capacity, cacheTypes: CacheTypes(cacheTypeK, cacheTypeV))
    }

    /// Runs a batch; sequences then have its tokens.
    ///
    /// - Returns: The logits of every scored token in order, `(row, vocabulary)`.
    /// - Throws: `InferenceError` as `Decoder.forward`; sequences are then what they were.
    public func step(_ batch: Batch) throws -> [Float] {
        let count = batch.scoredCount * model.vocabularyCount
        return try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let base = buffer.baseAddress, batch.tokenCount > 0 else { return }
            try step(batch, into: base)
            filled = count
        }
    }

    /// Runs texts of which nothing is kept.
    ///
    /// - Returns: The rows of every scored token after the output norm, `(row, E)`.
    /// - Throws: `InferenceError` as `Decoder.forward`.
    func rows(of batch: Batch) throws -> [Float] {
        guard batch.scoredCount > 0 else { return [] }
        try decoder.run(batch, in: state, resident: resident)
        guard let hidden = state.hidden[0] else { return [] }
        let count = batch.scoredCount * model.description.embeddingLength
        return Array(UnsafeBufferPointer(start: hidden.base, count: count))
    }

    /// `step` with the logits put to memory of the caller's.
    private func step(_ batch: Batch, into logits: UnsafeMutablePointer<Float>) throws {
        guard let resident else {
            self.logits.base = logits
            let buffer = self.logits
            try decoder.forward(batch, in: state) { buffer.take($0) }
            return
        }
        try model.checkContinues()
        try decoder.run(batch, in: state, resident: resident)
        let (rows, vocabulary) = (batch.scoredCount, model.vocabularyCount)
        if rows > 0, let hidden = state.hidden[0] {
            resident.logits(hidden.base, rows: rows, model, into: logits)
            OutputHead.finish(
                logits, count: rows * vocabulary, tokens: 0..<vocabulary, model: model)
            guard ingot_all_finite(logits, rows * vocabulary) else {
                throw InferenceError(
                    .notFinite(what: "the logits"), path: model.path,
                    place: model.description.output)
            }
        }
        batch.advanceSequences()
    }
}

/// Where tiles of logits go.
///
/// `@unchecked Sendable`: every tile has a place of its own.
private final class LogitsBuffer: @unchecked Sendable {
    let vocabularyCount: Int
    var base: UnsafeMutablePointer<Float>?

    init(vocabularyCount: Int) { self.vocabularyCount = vocabularyCount }

    func take(_ tile: LogitsTile) {
        guard let base else { return }
        for row in tile.rows {
            guard let values = tile.logits(row: row, model: 0).baseAddress else { return }
            (base + row * vocabularyCount + tile.tokens.lowerBound).update(
                from: values, count: tile.tokens.count)
        }
    }
}
