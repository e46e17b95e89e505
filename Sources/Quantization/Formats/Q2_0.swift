internal import CKernels

extension Format {
    /// Blocks of 64 values: a scale and 2-bit codes; 2.25 bits per weight.
    public static let Q2_0 = Format(
        name: "Q2_0", typeID: 42, blockElementCount: 64, blockByteCount: Q2_0Block.byteCount,
        fallbacks: [.Q4_0, .F16], importance: .ignored,
        codes: .init(group: 32, block: 32, offset: 1, highest: 3),
        kernels: .init(ingot_kernels_Q2_0),
        encodeBlock: { values, _, _, block in
            Q2_0Block.encode(values, block)
        },
        decodeBlock: Q2_0Block.decode)
}

/// ```
/// d  f16        value = d * (code - 1), code in 0...3
/// qs u8[16]     bits 2r and 2r + 1 of byte i: code 4i + r
/// ```
enum Q2_0Block {
    static let byteCount = 18

    /// Gives the largest magnitude the value ±d: the code 3 is never needed.
    static func encode(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let d = abs(ScaleSearch.peak(values, 64))
        let inverse: Float = d > 0 ? 1 / d : 0
        block.setF16(0, d)
        for byte in 0..<16 {
            var codes: UInt8 = 0
            for place in 0..<4 {
                // The inverse of a tiny scale overflows; what comes of it is stored as -d.
                let scaled = values[4 * byte + place] * inverse
                let code = scaled.isFinite ? TernaryCode.nearest(scaled) : 0
                codes |= UInt8(truncatingIfNeeded: code) << UInt8(2 * place)
            }
            block.setByte(2 + byte, codes)
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for index in 0..<64 {
            let code = block.byte(2 + (index >> 2)) >> UInt8(2 * (index & 3)) & 3
            values[index] = Float(Int32(code) - 1) * d
        }
    }
}
