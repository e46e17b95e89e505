internal import CKernels

extension Format {
    /// Super-blocks of 256 values in 16 sub-blocks, each with an 8-bit scale; 6-bit codes;
    /// 6.5625 bits per weight.
    public static let Q6_K = Format(
        name: "Q6_K", typeID: 14, blockElementCount: 256, blockByteCount: Q6_KBlock.byteCount,
        fallbacks: [.Q8_0, .F16], importance: .optional,
        codes: .init(group: 16, block: 256, offset: 32, highest: 63),
        feedback: Q6_KBlock.feedback,
        kernels: .init(ingot_kernels_Q6_K),
        encodeBlock: { values, importance, _, block in
            Q6_KBlock.encode(values, importance, block)
        },
        decodeBlock: Q6_KBlock.decode)
}

/// ```
/// ql     u8[128]  byte 64h + i (i < 64): low four bits of code 128h + i | of 128h + i + 64 << 4
/// qh     u8[64]   byte 32h + i, bits 2r and 2r + 1: high two bits of code 128h + 32r + i
/// scales i8[16]
/// d      f16      value = d * scale * (code - 32)
/// ```
enum Q6_KBlock {
    static let byteCount = 210

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        withScratch(256, of: UInt8.self) { codes in
            withScratch(16, of: Float.self) { scales in
                for j in 0..<16 {
                    scales[j] = ScaleSearch.symmetric(
                        values + 16 * j, 16, n: 32, weights: importance.map { $0 + 16 * j },
                        codes: codes + 16 * j)
                }
                let peak = ScaleSearch.peak(scales, 16)
                guard abs(peak) >= ScaleSearch.negligible else {
                    block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
                    return
                }
                let inverse = -128 / peak
                let d = block.setF16(208, 1 / inverse)
                for j in 0..<16 {
                    let stored = min(127, ScaleSearch.nearest(inverse * scales[j]))
                    block.setByte(192 + j, UInt8(truncatingIfNeeded: stored))
                    let scale = d * Float(Int8(truncatingIfNeeded: stored))
                    if scale == 0 { continue }
                    for index in 16 * j..<16 * j + 16 {
                        let code = ScaleSearch.nearest(values[index] / scale, in: -32...31)
                        codes[index] = UInt8(code + 32)
                    }
                }
                store(codes: codes, block)
            }
        }
    }

    static let feedback = FeedbackForm(
        groupLength: 16, levels: .integers(-32...31), scale: .integers(-128...127, unitOffset: 208)
    ) { fields, block in
        block.setF16(208, fields.unit)
        for j in 0..<16 { block.setByte(192 + j, fields.scales[j] &- 128) }
        store(codes: fields.codes, block)
    }

    private static func store(codes: UnsafePointer<UInt8>, _ block: UnsafeMutableRawPointer) {
        for half in 0..<2 {
            let codes = codes + 128 * half
            for index in 0..<64 {
                block.setByte(64 * half + index, codes[index] & 0xF | codes[index + 64] << 4)
            }
            for index in 0..<32 {
                let low = codes[index] >> 4 | (codes[index + 32] >> 4) << 2
                let high = (codes[index + 64] >> 4) << 4 | (codes[index + 96] >> 4) << 6
                block.setByte(128 + 32 * half + index, low | high)
            }
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(208)
        for j in 0..<16 {
            let scale = d * Float(Int8(bitPattern: block.byte(192 + j)))
            for index in 16 * j..<16 * j + 16 {
                let (half, place) = (index >> 7, index & 127)
                let low = block.byte(64 * half + (place & 63)) >> UInt8(4 * (place >> 6)) & 0xF
                let high = TwoBitCodes.load(block + 128, index)
                values[index] = scale * Float(Int32(low | high << 4) - 32)
            }
        }
    }
}
