import TensorCore

/// What a decoder keeps of one sequence: the keys and values of its tokens (the KV cache), the states
/// of recurrences.
///
/// Forward steps add to it. A step that fails leaves it as it was.
///
/// Memory: for every position of the capacity the keys and values of all blocks in F32, and two
/// states of every recurrence.
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
    }

    /// Makes room for a sequence.
    ///
    /// - Parameter capacity: The longest the sequence can become, in tokens. It decides between the
    ///   short and the long divisors of a rotation that has both, as the length of a window does.
    /// - Throws: `InferenceError` when there is no memory for `capacity` positions, or a model has
    ///   no such position.
    public init(for decoder: Decoder, capacity: Int) throws(InferenceError) {
        precondition(capacity > 0, "room for no token")
        self.capacity = capacity
        models = try decoder.models.map { model throws(InferenceError) in
            try model.checkPositions(capacity)
            return OfModel(
                blocks: try model.blocks.map { block throws(InferenceError) in
                    var state = BlockState()
                    for mixer in block.mixers { try mixer.prepare(&state, capacity: capacity) }
                    return state
                }, rotary: try RotaryTables(model, capacity))
        }
    }

    private var blocks: some Sequence<BlockState> { models.lazy.flatMap(\.blocks) }

    /// Takes over what a step made of so many tokens.
    func advance(by tokenCount: Int) {
        count += tokenCount
        for block in blocks { block.recurrent?.advance() }
    }

    /// Forgets the last tokens, so that at most `count` are known.
    ///
    /// The state of a recurrence cannot be taken back: a sequence with one that forgets any forgets
    /// all, and must be told its tokens again.
    public func rewind(to count: Int) {
        precondition(count >= 0, "no such length")
        guard count < self.count else { return }
        guard blocks.contains(where: { $0.recurrent != nil }) else {
            self.count = count
            return
        }
        for block in blocks { block.recurrent?.reset() }
        self.count = 0
    }
}

/// What a block keeps of a sequence.
struct BlockState: Sendable {
    var keyValues: KeyValueCache?
    var recurrent: RecurrentState?
}

/// The keys and values of one block for the positions of a sequence.
///
/// `@unchecked Sendable`: one worker at a time runs a sequence through a block.
final class KeyValueCache: @unchecked Sendable {
    /// The floats of a position: its keys, then its values.
    let width: Int
    private let buffer: FloatBuffer

    init(width: Int, capacity: Int) throws(InferenceError) {
        guard let floats = width.multiplied(checkedBy: capacity) else {
            throw InferenceError(.outOfMemory(byteCount: .max), path: nil)
        }
        self.width = width
        buffer = try FloatBuffer(count: floats)
    }

    var base: UnsafeMutablePointer<Float> { buffer.base }
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

    /// Goes back to the beginning of a sequence.
    func reset() { current.base.update(repeating: 0, count: current.count) }
}
