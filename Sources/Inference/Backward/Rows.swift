import TensorCore

/// Rows of numbers one after the other.
struct Rows: Sendable {
    let count: Int
    let length: Int
    let floatBuffer: FloatBuffer

    /// Rows whose numbers are what memory holds.
    init(_ count: Int, length: Int) throws(InferenceError) {
        guard let floats = count.multiplied(checkedBy: length) else {
            throw InferenceError(.outOfMemory(byteCount: .max), path: nil)
        }
        self.count = count
        self.length = length
        floatBuffer = try FloatBuffer(count: floats)
    }

    /// The same numbers once more.
    init(copying other: Rows) throws(InferenceError) {
        try self.init(other.count, length: other.length)
        base.update(from: other.base, count: count * length)
    }

    var base: UnsafeMutablePointer<Float> { floatBuffer.base }
    var elementCount: Int { count * length }

    func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * length }

    func clear() { base.update(repeating: 0, count: elementCount) }
}
