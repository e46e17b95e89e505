/// A checksum for each result of a run, to find out later whether the bytes on the disk are the
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

    /// A 64-bit checksum of some bytes: eight chains of xor, multiply and shift over words of eight
    /// bytes, so that it costs less than reading the bytes.
    ///
    /// It finds accidents, not forgeries.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
        var index = 0
        @inline(__always) func mixed(_ sum: UInt64, _ place: Int) -> UInt64 {
            let word = bytes.loadUnaligned(fromByteOffset: index + 8 * place, as: UInt64.self)
            let product = (sum ^ word) &* multiplier
            return product ^ product >> 29
        }
        // Variables, not a vector: baseline processors multiply 64 bits one at a time, and eight
        // chains hide how long each takes.
        var (a, b, c, d): (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 5)
        var (e, f, g, h): (UInt64, UInt64, UInt64, UInt64) = (7, 11, 13, 17)
        while index + 64 <= bytes.count {
            (a, b, c, d) = (mixed(a, 0), mixed(b, 1), mixed(c, 2), mixed(d, 3))
            (e, f, g, h) = (mixed(e, 4), mixed(f, 5), mixed(g, 6), mixed(h, 7))
            index += 64
        }
        var sum = UInt64(bytes.count)
        for lane in [a, b, c, d, e, f, g, h] {
            sum = (sum ^ lane) &* multiplier
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
