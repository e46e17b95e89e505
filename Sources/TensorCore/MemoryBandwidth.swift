import CPlatform

/// How fast this machine reads memory.
public enum MemoryBandwidth {
    /// Bytes per second that the threads of a pool read together, each a part of a buffer: the best of
    /// some passes.
    ///
    /// - Parameter byteCount: The length of the buffer; it should be several times what caches hold.
    /// - Complexity: O(`byteCount`), memory as well.
    public static func measure(pool: WorkerPool, byteCount: Int = 1 << 30) -> Double {
        let part = max(1 << 12, byteCount / pool.threadCount / 4096 * 4096)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: part * pool.threadCount, alignment: LargePages.byteCount)
        defer { unsafe buffer.deallocate() }
        // As a model's matrices lie.
        if let base = buffer.baseAddress { unsafe LargePages.advise(base, byteCount: buffer.count) }
        // Pages that were never written are one page of zeros.
        unsafe buffer.initializeMemory(as: UInt8.self, repeating: 1)
        nonisolated(unsafe) let base = buffer.baseAddress
        var best = Duration.seconds(3600)
        for _ in 0..<3 {
            let elapsed = ContinuousClock().measure {
                try? pool.run(jobCount: pool.threadCount) { _, job in
                    guard let base = unsafe base else { return }
                    _ = unsafe ingot_read_memory(base + job * part, part)
                }
            }
            best = min(best, elapsed)
        }
        let seconds =
            Double(best.components.seconds) + Double(best.components.attoseconds) * 1e-18
        return Double(buffer.count) / max(seconds, 1e-9)
    }
}
