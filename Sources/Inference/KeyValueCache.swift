import TensorCore

/// The keys and values of one block for the positions of a text so far.
///
/// `@unchecked Sendable`: one worker at a time runs a block of the one window.
final class KeyValueCache: @unchecked Sendable {
    /// A position's keys, then its values.
    let width: Int
    /// How many positions there are.
    var count = 0
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
