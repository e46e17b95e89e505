import Architectures
import CKernels
public import TensorCore

/// A text that one model continues token by token, with the keys and values of what came before
/// kept.
///
/// Memory: what a `Decoder` needs for the longest stretch given at once; for every position of the
/// capacity the keys and values of all blocks in F32; and, from the second stretch on, the model's
/// matrices as they are stored (with `Activations.q8`, 1 to 1.5 bytes for a weight of a quantized
/// matrix). A first or long stretch is run as a batch, with every block decoded once for it; short
/// ones are multiplied with the matrices in memory. Where these take more than `byteLimit`, each
/// stretch decodes every block anew.
public final class Generation {
    /// The model.
    public let model: Model
    /// How many positions there is room for.
    public let capacity: Int
    /// Tokens of a stretch that is multiplied with the matrices in memory.
    static let shortStretch = 8
    private let decoder: Decoder
    private let state = ForwardState()
    private let sequence: SequenceState
    /// What matrices in memory may take; `nil` when they turned out to take more.
    private var byteLimit: Int?
    private var resident: ResidentModel?

    /// Starts a text.
    ///
    /// - Parameters:
    ///   - capacity: The longest the text can become, in tokens. It decides between the short and
    ///     the long divisors of a rotation that has both, as the length of a window does.
    ///   - activations: What linear layers take in.
    ///   - byteLimit: The most memory for matrices; half of the machine's by default.
    ///   - pool: The workers.
    /// - Throws: `InferenceError` when there is no memory for `capacity` positions, or the model
    ///   has no such position.
    public init(
        model: Model, capacity: Int, activations: Activations = .f32, byteLimit: Int? = nil,
        pool: WorkerPool = WorkerPool()
    ) throws {
        self.model = model
        self.capacity = capacity
        self.byteLimit = byteLimit ?? ResidentMatrices.usualByteLimit
        decoder = try Decoder(models: [model], activations: activations, pool: pool)
        sequence = try SequenceState(for: decoder, capacity: capacity)
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
        let untold = Array(text[sequence.count...]) + tokens
        let resident = try matrices(forStretchOf: untold.count)
        let batch = Batch([
            Stretch(tokens: untold, scored: untold.count - 1..<untold.count, sequence: sequence)
        ])
        let logits = try FloatBuffer(count: model.vocabularyCount)
        if let resident {
            try forward(batch, resident, into: logits)
        } else {
            try decoder.forward(batch, in: state) { tile in
                guard let values = tile.logits(row: 0, model: 0).baseAddress else { return }
                (logits.base + tile.tokens.lowerBound).update(
                    from: values, count: tile.tokens.count)
            }
        }
        text += tokens
        return Array(UnsafeBufferPointer(start: logits.base, count: model.vocabularyCount))
    }

    /// The matrices in memory, for a stretch that is short and not the first.
    private func matrices(forStretchOf count: Int) throws -> ResidentModel? {
        guard self.count > 0, count <= Generation.shortStretch else { return nil }
        if resident == nil, let byteLimit {
            resident = try ResidentModel(decoder, byteLimit: byteLimit)
            if resident == nil { self.byteLimit = nil }
        }
        return resident
    }

    /// The logits after the last token, by the matrices in memory.
    private func forward(
        _ batch: Batch, _ resident: ResidentModel, into logits: FloatBuffer
    ) throws {
        try decoder.run(batch, in: state, resident: resident)
        guard let hidden = state.hidden[0], let workspace = state.workspaces.first else { return }
        let count = model.vocabularyCount
        resident.logits(hidden.base, rows: 1, model, into: logits.base, workspace)
        OutputHead.finish(logits.base, count: count, tokens: 0..<count, model: model)
        guard ingot_all_finite(logits.base, count) else {
            throw InferenceError(
                .notFinite(what: "the logits"), path: model.path,
                place: model.description.output)
        }
        batch.advanceSequences()
    }

    /// Takes the last tokens away, so that the text has `count`.
    public func rewind(to count: Int) {
        precondition((0...self.count).contains(count), "the text is shorter")
        text.removeLast(self.count - count)
        sequence.rewind(to: count)
    }
}
