internal import CKernels

extension Format {
    /// Blocks of 128 values: the mean magnitude and signs; 1.125 bits per weight.
    public static let Q1_0 = Format(
        name: "Q1_0", typeID: 41, blockElementCount: 128, blockByteCount: Q1_0Block.byteCount,
        fallbacks: [], importance: .ignored,
        codes: .init(group: 32, block: 32, offset: 1, highest: 2),
        kernels: .init(ingot_kernels_Q1_0),
        encodeBlock: { values, _, _, block in
            Q1_0Block.encode(values, block)
        },
        decodeBlock: Q1_0Block.decode)
}

/// ```
/// d  f16        value = bit ? d : -d
/// qs u8[16]     bit i % 8 of byte i / 8
/// ```
enum Q1_0Block {
    static let byteCount = 18

    /// Stores signs; zero counts as positive.
    ///
    /// An importance matrix changes nothing.
    static func encode(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        var sum: Float = 0
        for index in 0..<128 { sum += abs(values[index]) }
        block.setF16(0, sum / 128)
        for byte in 0..<16 {
            var bits: UInt8 = 0
            for bit in 0..<8 where values[8 * byte + bit] >= 0 { bits |= 1 << UInt8(bit) }
            block.setByte(2 + byte, bits)
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for index in 0..<128 {
            let bit = block.byte(2 + (index >> 3)) >> UInt8(index & 7) & 1
            values[index] = bit == 1 ? d : -d
        }
    }
}
