import Architectures
import Inference
import TensorCore

/// Runs batches of several texts through one model.
///
/// Not safe for several threads at once.
final class ModelRunner {
    private let decoder: StreamDecoder

    /// Prepares to run a model, and reads its matrices.
    ///
    /// - Throws: `InferenceError`.
    init(model: Model, settings: Engine.Settings, pool: WorkerPool) throws {
        decoder = try StreamDecoder(
            model: model, activations: settings.activations, cacheTypeK: settings.cacheTypeK,
            cacheTypeV: settings.cacheTypeV, pool: pool)
    }

    /// What makes vectors of texts with the same matrices.
    func makeEmbedder(pooling: Pooling?) throws -> Embedder {
        try Embedder(decoder: decoder, pooling: pooling)
    }

    /// The number of tokens that have logits.
    var vocabularyCount: Int { decoder.model.vocabularyCount }

    /// Tokens of one text, of which the last `scoredCount` are to have logits.
    struct Work {
        var sequence: SequenceState
        var tokens: [Int32]
        var scoredCount: Int
    }

    /// Makes room for a text.
    ///
    /// - Throws: `InferenceError` when there is no memory for it.
    func makeSequence(capacity: Int) throws -> SequenceState {
        try decoder.makeSequence(capacity: capacity)
    }

    /// The bytes that a text takes.
    func sequenceByteCount(capacity: Int) -> Int {
        decoder.sequenceByteCount(capacity: capacity) ?? 0
    }

    /// Runs some tokens of several texts.
    ///
    /// - Returns: The logits of all scored tokens, in order.
    /// - Throws: `InferenceError`; all texts are then what they were.
    func step(_ works: [Work]) throws -> [[Float]] {
        let batch = Batch(
            works.map { work in
                Stretch(
                    tokens: work.tokens,
                    scored: work.tokens.count - work.scoredCount..<work.tokens.count,
                    sequence: work.sequence)
            })
        let logits = try decoder.step(batch)
        let count = vocabularyCount
        return (0..<batch.scoredCount).map { Array(logits[$0 * count..<($0 + 1) * count]) }
    }
}
