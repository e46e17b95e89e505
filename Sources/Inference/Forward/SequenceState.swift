import Architectures
import TensorCore

/// What a decoder keeps of one sequence: the keys and values of its tokens (the KV cache), the states
/// of recurrences.
///
/// Forward steps add to it. A step that fails leaves it as it was.
///
/// Memory: for every position of the capacity the keys and values of all blocks as the decoder keeps
/// them, and the angles of rotations; two states of every recurrence.
///
/// `@unchecked Sendable`: a sequence takes part in one step at a time.
public final class SequenceState: @unchecked Sendable {
    /// How many positions there is room for.
    public let capacity: Int
    /// How many tokens it knows.
    public private(set) var count = 0
    /// What each of the decoder's models keeps.
    let models: [OfModel]

    /// What one model keeps.
    struct OfModel: Sendable {
        let blocks: [BlockState]
        let rotary: RotaryTables
        /// What tokens told so far of the adapter to take.
        let adapterChoice: RecurrentState?
    }

    /// Makes room for a sequence.
    ///
    /// - Parameter capacity: The longest the sequence can become, in tokens. It decides between the
    ///   short and the long divisors of a rotation that has both, as the length of a window does.
    /// - Throws: `InferenceError` when there is no memory for `capacity` positions, or a model has
    ///   no such position.
    public convenience init(for decoder: Decoder, capacity: Int) throws(InferenceError) {
        try self.init(for: decoder, capacity: capacity, cacheTypes: CacheTypes(.f32, .f32))
    }

    /// Makes room for a sequence whose keys and values are kept as these types.
    init(
        for decoder: Decoder, capacity: Int, cacheTypes: CacheTypes
    ) throws(InferenceError) {
        precondition(capacity > 0, "room for no token")
        self.capacity = capacity
        models = try decoder.models.map { model throws(InferenceError) in
            try model.checkContinues()
            try model.checkPositions(capacity)
            return OfModel(
                blocks: try model.blocks.map { block throws(InferenceError) in
                    try block.state(capacity: capacity, cacheTypes)
                }, rotary: try RotaryTables(model, capacity),
                adapterChoice: try model.description.adapterChoice.map { _ throws(InferenceError) in
                    try RecurrentState(count: AdapterChoice.stateCount)
                })
        }
    }

    /// The bytes that a sequence of one model takes; `nil` beyond what can be addressed.
    static func byteCount(_ model: Model, capacity: Int, _ types: CacheTypes) -> Int? {
        var count: Int? = RotaryTables.byteCount(model, capacity)
        for block in model.blocks {
            guard let known = count,
                let own = block.stateByteCount(capacity: capacity, types)
            else { return nil }
            count = known.adding(checked: own)
        }
        return count
    }

    private var blocks: some Sequence<BlockState> { models.lazy.flatMap(\.blocks) }
    private var recurrences: [RecurrentState] {
        blocks.flatMap(\.recurrences) + models.compactMap(\.adapterChoice)
    }

    /// Takes over what a step made of so many tokens.
    func advance(by tokenCount: Int) {
        count += tokenCount
        for state in recurrences { state.advance() }
    }

    /// Forgets the last tokens, so that at most `count` are known.
    ///
    /// The state of a recurrence cannot be taken back: a sequence with one that forgets any forgets
    /// all, and must be told its tokens again.
    public func rewind(to count: Int) {
        precondition(count >= 0, "no such length")
        guard count < self.count else { return }
        guard !recurrences.isEmpty else {
            self.count = count
            return
        }
        for state in recurrences { state.reset() }
        self.count = 0
    }

    /// Takes over the first tokens of another sequence of the same decoder and capacity: what was
    /// known here is forgotten.
    ///
    /// Of a recurrence there is only the state after the last token: where the model has one, either
    /// all of the other's tokens are taken or none.
    ///
    /// - Returns: How many tokens are known now: `count`, or what the other knows if that is less; 0
    ///   where so many cannot be taken.
    /// - Complexity: O(tokens), a copy of their keys and values.
    @discardableResult
    public func copyPrefix(from other: SequenceState, count: Int) -> Int {
        precondition(count >= 0, "no such length")
        guard other !== self else {
            rewind(to: count)
            return self.count
        }
        precondition(
            capacity == other.capacity && models.count == other.models.count,
            "sequences of different kinds")
        rewind(to: 0)
        let taken = min(count, other.count)
        guard taken > 0, recurrences.isEmpty || taken == other.count else { return 0 }
        for (block, source) in zip(blocks, other.blocks) {
            if let keyValues = block.keyValues, let known = source.keyValues {
                keyValues.copy(from: known, positions: taken)
            }
            if let compressed = block.compressed, let known = source.compressed {
                compressed.copy(from: known, positions: taken)
            }
        }
        for (state, known) in zip(recurrences, other.recurrences) { state.copy(from: known) }
        self.count = taken
        return taken
    }
}

/// What a block keeps of a sequence.
struct BlockState: Sendable {
    var keyValues: KeyValueCache?
    var recurrent: RecurrentState?
    /// The row that a network looks back on.
    var networkRow: RecurrentState?
    var compressed: CompressedState?

    /// What is replaced from step to step.
    var recurrences: [RecurrentState] { [recurrent, networkRow].compactMap { $0 } }
}

/// What a recurrence remembers of a sequence.
///
/// A step reads the state that is there and makes the next beside it, so that one that fails leaves
/// the sequence as it was.
///
/// `@unchecked Sendable`: one worker at a time runs a sequence through a block.
final class RecurrentState: @unchecked Sendable {
    /// The rows that the convolution looks back on, then the rest.
    private var current: FloatBuffer
    private var following: FloatBuffer

    init(count: Int) throws(InferenceError) {
        current = try FloatBuffer(count: count)
        following = try FloatBuffer(count: count)
        reset()
    }

    /// The state before the step.
    var base: UnsafePointer<Float> { UnsafePointer(current.base) }
    /// Where the step puts the state after it.
    var next: UnsafeMutablePointer<Float> { following.base }

    /// Takes over what the last step made.
    func advance() { swap(&current, &following) }

    /// Takes over another sequence's state.
    func copy(from other: RecurrentState) {
        current.base.update(from: other.current.base, count: current.count)
    }

    /// Goes back to the beginning of a sequence.
    func reset() { current.base.update(repeating: 0, count: current.count) }
}
