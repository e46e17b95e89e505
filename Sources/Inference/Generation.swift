import Architectures
public import TensorCore

/// A text that one model continues token by token, with the keys and values of what came before
/// kept.
///
/// Memory: what a `Decoder` needs for the longest stretch given at once, and for every position of
/// the capacity the keys and values of all blocks in F32. Weights are decoded anew for every call,
/// so that a call costs at least one pass over the model; give a prompt in one piece.
public final class Generation {
    /// The model.
    public let model: Model
    /// How many positions there is room for.
    public let capacity: Int
    private let decoder: Decoder
    private let session: BlockPass.Session

    /// Starts a text.
    ///
    /// - Parameters:
    ///   - capacity: The longest the text can become, in tokens. It decides between the short and
    ///     the long divisors of a rotation that has both, as the length of a window does.
    ///   - pool: The workers.
    /// - Throws: `InferenceError` when there is no memory for `capacity` positions, or the model
    ///   has no such position.
    public init(model: Model, capacity: Int, pool: WorkerPool = WorkerPool()) throws {
        precondition(capacity > 0, "room for no token")
        if let positions = model.positionEmbedding, capacity > positions.rowCount {
            throw InferenceError(
                .tooManyPositions(capacity, limit: positions.rowCount), path: model.path,
                place: model.description.positionEmbedding)
        }
        self.model = model
        self.capacity = capacity
        decoder = try Decoder(models: [model], pool: pool)
        session = BlockPass.Session(
            caches: try model.blocks.map { block throws(InferenceError) in
                try KeyValueCache(width: block.cacheWidth, capacity: capacity)
            },
            states: try model.blocks.map { block throws(InferenceError) in
                try block.recurrence.map { plan throws(InferenceError) in
                    try RecurrentState(plan)
                }
            }, tables: try RotaryTable.tables(of: model, positionCount: capacity))
    }

    /// How many tokens the text has.
    public var count: Int { text.count }

    /// The tokens so far.
    private var text: [Int32] = []
    /// How many of them the caches and states do not know: a recurrence cannot be taken back, and
    /// sees a text that was cut again from the beginning.
    private var replayCount = 0

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
        let added = tokens
        let tokens = Array(text.prefix(replayCount)) + added
        try BlockPass(
            decoder: decoder, model: 0, windows: [tokens],
            scored: tokens.count - 1..<tokens.count, session: session
        ).run()
        let logits = try FloatBuffer(count: model.vocabularyCount)
        try decoder.output(rowCount: 1) { tile in
            guard let values = tile.logits(row: 0, model: 0).baseAddress else { return }
            (logits.base + tile.tokens.lowerBound).update(from: values, count: tile.tokens.count)
        }
        for cache in session.caches { cache.count += tokens.count }
        for state in session.states { state?.advance() }
        text += added
        replayCount = 0
        return Array(UnsafeBufferPointer(start: logits.base, count: model.vocabularyCount))
    }

    /// Takes the last tokens away, so that the text has `count`.
    public func rewind(to count: Int) {
        precondition((0...self.count).contains(count), "the text is shorter")
        text.removeLast(self.count - count)
        guard session.states.contains(where: { $0 != nil }) else {
            for cache in session.caches { cache.count = count }
            return
        }
        for state in session.states { state?.reset() }
        for cache in session.caches { cache.count = 0 }
        replayCount = count
    }
}
