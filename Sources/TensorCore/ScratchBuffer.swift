/// Raw memory that one worker reuses from job to job; it grows and never shrinks.
///
/// Fresh large allocations cost page faults on every job, which dominate cheap kernels.
public final class ScratchBuffer {
    private var memory: UnsafeMutableRawBufferPointer

    /// Creates an empty buffer.
    public init() { memory = .init(start: nil, count: 0) }

    deinit { memory.deallocate() }

    /// Memory for `count` bytes, aligned to 64; its contents are what the last use left.
    public func bytes(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if memory.count < count || memory.baseAddress == nil {
            memory.deallocate()
            memory = .allocate(byteCount: max(64, count), alignment: 64)
        }
        return UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
    }

    /// Memory for `count` floats, aligned to 64.
    public func floats(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
        bytes(count * MemoryLayout<Float>.stride).bindMemory(to: Float.self)
    }
}
