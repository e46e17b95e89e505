import Architectures
public import TensorCore

/// A text that one model continues token by token, with the keys and values of what came before
/// kept.
///
/// Memory: what a `StreamDecoder` needs, and one sequence of the capacity.
public final class Generation {
    /// The model.
    public var model: Model { decoder.model }
    /// How many positions there is room for.
    public let capacity: Int
    private let decoder: StreamDecoder
    private let sequence: SequenceState

    /// Starts a text.
    ///
    /// - Parameters:
    ///   - capacity: The longest the text can become, in tokens. It decides between the short and
    ///     the long divisors of a rotation that has both, as the length of a window does.
    ///   - activations: What linear layers take in.
    ///   - cacheTypeK: How keys are kept.
    ///   - cacheTypeV: How values are kept.
    ///   - byteLimit: The most memory for matrices; half of the machine's by default.
    ///   - pool: The workers.
    /// - Throws: `InferenceError` when there is no memory for `capacity` positions, or the model
    ///   has no such position.
    public init(
        model: Model, capacity: Int, activations: Activations = .f32,
        cacheTypeK: CacheType = .f16, cacheTypeV: CacheType = .f16, byteLimit: Int? = nil,
        pool: WorkerPool = WorkerPool()
    ) throws {
        self.capacity = capacity
        // What the model cannot do is told before its matrices are read.
        try model.checkContinues()
        try model.checkPositions(capacity)
        decoder = try StreamDecoder(
            model: model, activations: activations, cacheTypeK: cacheTypeK,
            cacheTypeV: cacheTypeV, byteLimit: byteLimit, pool: pool)
        sequence = try decoder.makeSequence(capacity: capacity)
    }

    /// How many tokens the text has.
    public var count: Int { text.count }

    /// The tokens of the text.
    public var tokens: [Int32] { text }

    /// The tokens so far; those that the sequence does not know are told with the next.
    private var text: [Int32] = []

    /// Adds tokens to the text and gives the logits of what follows the last.
    ///
    /// - Returns: A logit for every token of the vocabulary.
    /// - Throws: `InferenceError` when the text becomes longer than the capacity, for a token that
    ///   the vocabulary does not have, and when NaN or infinity appear; the text is then what it
    ///   was.
    public func append(_ tokens: [Int32]) throws -> [Float] {
        guard !tokens.isEmpty else { return [] }
        guard tokens.count <= capacity - count else {
            throw InferenceError(
                .tooManyPositions(count + tokens.count, limit: capacity), path: model.path)
        }
        var untold = Array(text[sequence.count...]) + tokens
        let start = sequence.count
        do {
            while untold.count > decoder.batchTokenCount {
                let piece = Array(untold.prefix(decoder.batchTokenCount))
                _ = try decoder.step(
                    Batch([Stretch(tokens: piece, scored: 0..<0, sequence: sequence)]))
                untold.removeFirst(piece.count)
            }
            let last = untold.count - 1
            let logits = try decoder.step(
                Batch([Stretch(tokens: untold, scored: last..<last + 1, sequence: sequence)]))
            text += tokens
            return logits
        } catch {
            sequence.rewind(to: start)
            throw error
        }
    }

    /// Takes the last tokens away, so that the text has `count`.
    public func rewind(to count: Int) {
        precondition((0...self.count).contains(count), "the text is shorter")
        text.removeLast(self.count - count)
        sequence.rewind(to: count)
    }
}
