/// Raw memory that one worker reuses from job to job; it grows and never shrinks.
///
/// Fresh large allocations cost page faults on every job, which dominate cheap kernels.
@safe
public final class ScratchBuffer {
    private var memory: UnsafeMutableRawBufferPointer

    /// Creates an empty buffer.
    public init() { unsafe memory = unsafe .init(start: nil, count: 0) }

    deinit { unsafe memory.deallocate() }

    /// Memory for `count` bytes, aligned to 64; its contents are what the last use left.
    public func bytes(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if unsafe memory.count < count || memory.baseAddress == nil {
            unsafe memory.deallocate()
            unsafe memory = .allocate(byteCount: max(64, count), alignment: 64)
        }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
    }

    /// Memory for `count` floats, aligned to 64.
    public func floats(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
        unsafe bytes(count * MemoryLayout<Float>.stride).bindMemory(to: Float.self)
    }
}
