public import Architectures
public import TensorCore

/// Makes one vector of a text, of the rows that a model has for its tokens.
///
/// A text's vector depends on its tokens alone, bit by bit, not on the texts beside it. Memory: as a
/// `StreamDecoder`; rows of at most `StreamDecoder.batchTokenCount` tokens, or of one longer text.
///
/// Not thread-safe: one call at a time.
public final class Embedder {
    /// A text's tokens.
    public struct Text: Sendable, Hashable {
        /// The tokens, special ones among them.
        public var tokens: [Int32]
        /// The first token of the second text of a pair.
        public var segmentStart: Int?

        /// Describes a text.
        public init(_ tokens: [Int32], segmentStart: Int? = nil) {
            self.tokens = tokens
            self.segmentStart = segmentStart
        }
    }

    /// How one vector is made of a text's rows.
    public var pooling: Pooling { head.pooling }
    /// The length of a vector: for `Pooling.rank` the number of answers.
    public var length: Int { head.length }
    /// The model.
    public var model: Model { decoder.model }
    private let decoder: StreamDecoder
    private let head: PoolingHead

    /// Takes a decoder that others may use in between.
    ///
    /// - Parameter pooling: `nil` for what the model was made for.
    /// - Throws: `InferenceError` when a classifier is asked for and not there, or a tensor of the
    ///   layers behind the pooling is missing or of another shape.
    public init(decoder: StreamDecoder, pooling: Pooling? = nil) throws {
        self.decoder = decoder
        head = try PoolingHead(decoder.model, pooling: pooling, pool: decoder.decoder.pool)
    }

    /// Prepares a model, and reads its matrices.
    ///
    /// - Parameters:
    ///   - pooling: `nil` for what the model was made for.
    ///   - activations: What linear layers take in.
    ///   - byteLimit: The most memory for matrices; half of the machine's by default.
    /// - Throws: As the other, and when there is no memory or a matrix cannot be read.
    public convenience init(
        model: Model, pooling: Pooling? = nil, activations: Activations = .f32,
        byteLimit: Int? = nil, pool: WorkerPool = WorkerPool()
    ) throws {
        // What the model cannot do is told before its matrices are read.
        try PoolingHead.check(model, pooling)
        try self.init(
            decoder: StreamDecoder(
                model: model, activations: activations, byteLimit: byteLimit, pool: pool),
            pooling: pooling)
    }

    /// The vectors of texts, each `length` long; with `Pooling.none` the rows of all tokens, one after
    /// another.
    ///
    /// - Throws: `InferenceError` for a text that is longer than the model's context, for a token that
    ///   the vocabulary does not have, or when NaN or infinity appear.
    /// - Complexity: Linear in the tokens, and quadratic in those of a text.
    public func vectors(of texts: [Text]) throws -> [[Float]] {
        for text in texts where text.tokens.count > model.contextLength {
            throw InferenceError(
                .tooManyPositions(text.tokens.count, limit: model.contextLength),
                path: model.path)
        }
        var vectors: [[Float]] = []
        for range in Embedder.batches(of: texts, tokenLimit: decoder.batchTokenCount) {
            vectors += try run(texts[range])
        }
        return vectors
    }

    /// Texts that are run together: as many as fit, at least one.
    private static func batches(of texts: [Text], tokenLimit: Int) -> [Range<Int>] {
        var batches: [Range<Int>] = []
        var tokenCount = 0
        for (index, text) in texts.enumerated() {
            if let last = batches.last, tokenCount + text.tokens.count <= tokenLimit {
                batches[batches.count - 1] = last.lowerBound..<index + 1
                tokenCount += text.tokens.count
            } else {
                batches.append(index..<index + 1)
                tokenCount = text.tokens.count
            }
        }
        return batches
    }

    private func run(_ texts: ArraySlice<Text>) throws -> [[Float]] {
        let stretches = texts.map { text in
            Stretch(
                tokens: text.tokens, scored: head.wanted(of: text.tokens.count),
                segmentStart: text.segmentStart)
        }
        let rows = try decoder.rows(of: Batch(stretches))
        var first = 0
        return try stretches.map { stretch in
            let count = stretch.scored.count * model.width
            defer { first += count }
            return try head.vector(of: rows[first..<first + count])
        }
    }
}

extension Model {
    /// Whether the model was made for embeddings: an encoder, or a decoder whose file says how its rows
    /// are pooled.
    public var makesEmbeddings: Bool { description.seesAhead || description.pooling != nil }

    /// How one vector is made of a text's rows where nobody says: what the file names; a classifier
    /// where there is one; otherwise the mean of an encoder's rows, or the last of a decoder's.
    public var usualPooling: Pooling {
        if let pooling = description.pooling { return pooling }
        if description.classifier != nil { return .rank }
        return description.seesAhead ? .mean : .last
    }
}
