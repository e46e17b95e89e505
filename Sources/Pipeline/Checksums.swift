/// A checksum for each result of a walk, to find out later whether the bytes on the disk are the
/// ones that were encoded.
///
/// Each result is set by one worker and read after all are done, or by that worker.
final class Checksums: @unchecked Sendable {
    private let values: UnsafeMutableBufferPointer<UInt64>

    init(count: Int) {
        values = .allocate(capacity: count)
        values.initialize(repeating: 0)
    }

    deinit { values.deallocate() }

    subscript(index: Int) -> UInt64 {
        get { values[index] }
        set { values[index] = newValue }
    }

    /// A 64-bit checksum of some bytes: four lanes of xor, multiply and shift over words of eight
    /// bytes, so that it costs less than reading the bytes.
    ///
    /// It finds accidents, not forgeries.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
        var lanes: SIMD4<UInt64> = [1, 2, 3, 5]
        var index = 0
        while index + 32 <= bytes.count {
            let words = bytes.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
            lanes = (lanes ^ words) &* multiplier
            lanes ^= lanes &>> 29
            index += 32
        }
        var sum = UInt64(bytes.count)
        for lane in 0..<4 {
            sum = (sum ^ lanes[lane]) &* multiplier
            sum ^= sum >> 32
        }
        while index < bytes.count {
            sum = (sum ^ UInt64(bytes[index])) &* multiplier
            sum ^= sum >> 32
            index += 1
        }
        return sum
    }
}
