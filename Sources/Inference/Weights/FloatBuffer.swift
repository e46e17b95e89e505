import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Uninitialised memory for floats, aligned to 64 bytes, shared between threads.
///
/// `@unchecked Sendable`: whoever hands it to several threads gives each its own part to write.
final class FloatBuffer: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    /// Memory for `count` floats.
    ///
    /// - Parameter largePages: Whether to ask for large pages: for what is filled and then read for
    ///   as long as a model runs.
    init(count: Int, largePages: Bool = false) throws(InferenceError) {
        let wanted = max(16, count)
        var memory: UnsafeMutableRawPointer?
        guard let bytes = wanted.multiplied(checkedBy: MemoryLayout<Float>.stride),
            posix_memalign(&memory, largePages ? LargePages.byteCount : 64, bytes) == 0,
            let memory
        else {
            throw InferenceError(.outOfMemory(byteCount: wanted &* 4), path: nil)
        }
        if largePages { LargePages.advise(memory, byteCount: bytes) }
        self.count = wanted
        base = memory.bindMemory(to: Float.self, capacity: wanted)
    }

    deinit { free(base) }

    /// Sets parts to zero.
    func clear(_ ranges: [Range<Int>]) {
        for range in ranges {
            (base + range.lowerBound).update(repeating: 0, count: range.count)
        }
    }

    /// `buffer` when it is large enough, otherwise a new one in its place.
    static func room(
        for count: Int, in buffer: inout FloatBuffer?
    ) throws(InferenceError) -> FloatBuffer {
        if let buffer, buffer.count >= count { return buffer }
        buffer = nil
        let fresh = try FloatBuffer(count: count)
        buffer = fresh
        return fresh
    }
}
