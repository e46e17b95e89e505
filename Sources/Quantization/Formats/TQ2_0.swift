internal import CKernels

extension Format {
    /// Super-blocks of 256 ternary values, four to a byte; 2.0625 bits per weight.
    public static let TQ2_0 = Format(
        name: "TQ2_0", typeID: 35, blockElementCount: 256, blockByteCount: TQ2_0Block.byteCount,
        fallbacks: [.Q4_0, .F16], importance: .ignored,
        codes: .init(group: 32, block: 256, offset: 1, highest: 3),
        kernels: .init(ingot_kernels_TQ2_0),
        encodeBlock: { values, _, _, block in
            TQ2_0Block.encode(values, block)
        },
        decodeBlock: TQ2_0Block.decode)
}

/// ```
/// qs u8[64]  byte 32h + i, bits 2r and 2r + 1: value 128h + 32r + i
/// d  f16     value = d * (code - 1)
/// ```
enum TQ2_0Block {
    static let byteCount = 66

    static func encode(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let d = abs(ScaleSearch.peak(values, 256))
        let inverse: Float = d != 0 ? 1 / d : 0
        for byte in 0..<64 {
            var codes: UInt8 = 0
            for place in 0..<4 {
                let value = values[128 * (byte >> 5) + 32 * place + (byte & 31)]
                let code = TernaryCode.nearest(value * inverse)
                codes |= UInt8(truncatingIfNeeded: code & 3) << UInt8(2 * place)
            }
            block.setByte(byte, codes)
        }
        block.setF16(64, d)
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(64)
        for index in 0..<256 {
            let byte = block.byte(32 * (index >> 7) + (index & 31))
            let code = byte >> UInt8(2 * (index >> 5 & 3)) & 3
            values[index] = Float(Int32(code) - 1) * d
        }
    }
}
