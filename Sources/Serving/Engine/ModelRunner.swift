import Inference
import Synchronization
import TensorCore

/// Runs batches of several texts through one model.
///
/// Not safe for several threads at once.
final class ModelRunner {
    /// The model.
    let model: Model
    private let decoder: Decoder
    private let state = ForwardState()

    /// Prepares to run a model.
    ///
    /// - Throws: `InferenceError`.
    init(model: Model, activations: Activations, pool: WorkerPool) throws {
        self.model = model
        decoder = try Decoder(models: [model], activations: activations, pool: pool)
    }

    /// A text's keys and values.
    struct Sequence {
        fileprivate let state: SequenceState
        /// How many tokens it knows.
        var count: Int { state.count }
        /// Forgets the last tokens, so that at most `count` are known.
        func rewind(to count: Int) { state.rewind(to: count) }
    }

    /// Tokens of one text, of which the last `scoredCount` are to have logits.
    struct Work {
        var sequence: Sequence
        var tokens: [Int32]
        var scoredCount: Int
    }

    /// Makes room for a text.
    ///
    /// - Throws: `InferenceError` when there is no memory for it.
    func makeSequence(capacity: Int) throws -> Sequence {
        Sequence(state: try SequenceState(for: decoder, capacity: capacity))
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
                    sequence: work.sequence.state)
            })
        let vocabularyCount = model.vocabularyCount
        let rows = Mutex(
            [[Float]](
                repeating: [Float](repeating: 0, count: vocabularyCount), count: batch.scoredCount))
        try decoder.forward(batch, in: state) { tile in
            rows.withLock { rows in
                for row in tile.rows {
                    rows[row].replaceSubrange(tile.tokens, with: tile.logits(row: row, model: 0))
                }
            }
        }
        return rows.withLock { $0 }
    }
}
