internal import CKernels

extension Format {
    /// Super-blocks of 256 values in 16 sub-blocks, each with a 6-bit scale; 3-bit codes;
    /// 3.4375 bits per weight.
    public static let Q3_K = Format(
        name: "Q3_K", typeID: 11, blockElementCount: 256, blockByteCount: Q3_KBlock.byteCount,
        fallbacks: [.Q4_0, .F16], importance: .optional,
        codes: .init(group: 16, block: 256, offset: 4, highest: 7),
        feedback: Q3_KBlock.feedback,
        kernels: .init(ingot_kernels_Q3_K),
        encodeBlock: { values, importance, _, block in
            Q3_KBlock.encode(values, importance, block)
        },
        decodeBlock: Q3_KBlock.decode)
}

/// ```
/// hmask  u8[32]   bit r of byte i: the third bit of code 32r + i
/// qs     u8[64]   the low two bits, see TwoBitCodes
/// scales u8[12]   byte j (j < 8): low four bits of scale j | low four bits of scale j + 8 << 4
///                 byte 8 + j (j < 4), bits 2r and 2r + 1: high two bits of scale 4r + j
/// d      f16      value = d * (scale - 32) * (code - 4)
/// ```
enum Q3_KBlock {
    static let byteCount = 110

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        withScratch(256 + 16, of: UInt8.self) { codes in
            withScratch(48, of: Float.self) { scratch in
                let storedScales = codes + 256
                let (scales, sums, weights) = (scratch, scratch + 16, scratch + 32)
                if let importance {
                    let variance = 2 * ScaleSearch.sumOfSquares(values, 256) / 256
                    for j in 0..<16 {
                        ScaleSearch.weights(
                            values + 16 * j, importance + 16 * j, 16, variance: variance,
                            into: weights)
                        sums[j] = ScaleSearch.sum(weights, 16)
                        scales[j] = ScaleSearch.symmetric(
                            values + 16 * j, 16, n: 4, weights: weights, codes: codes + 16 * j)
                    }
                    block.setF16(
                        108,
                        ScaleSearch.symmetric(scales, 16, n: 32, weights: sums, codes: storedScales)
                    )
                } else {
                    for j in 0..<16 {
                        scales[j] = ScaleSearch.refined(
                            values + 16 * j, 16, n: 4, codes: codes + 16 * j)
                    }
                    block.setF16(108, divide(scales, into: storedScales))
                }
                store(scales: storedScales, block + 96)
                let d = UnsafeRawPointer(block).f16(108)
                for j in 0..<16 {
                    let scale = d * Float(Int32(storedScales[j]) - 32)
                    if scale == 0 { continue }
                    for index in 16 * j..<16 * j + 16 {
                        let code = ScaleSearch.nearest(values[index] / scale, in: -4...3)
                        codes[index] = UInt8(code + 4)
                    }
                }
                store(codes: codes, block)
            }
        }
    }

    static let feedback = FeedbackForm(
        groupLength: 16, levels: .integers(-4...3), scale: .integers(-32...31, unitOffset: 108)
    ) { fields, block in
        block.setF16(108, fields.unit)
        store(scales: fields.scales, block + 96)
        store(codes: fields.codes, block)
    }

    /// Gives the scale of largest magnitude the code -32 and returns the step.
    ///
    /// Without any scale the stored ones are all zero bits, which stand for -32.
    private static func divide(
        _ scales: UnsafePointer<Float>, into codes: UnsafeMutablePointer<UInt8>
    ) -> Float {
        let peak = ScaleSearch.peak(scales, 16)
        guard peak != 0 else {
            codes.update(repeating: 0, count: 16)
            return 0
        }
        let inverse = -32 / peak
        for j in 0..<16 {
            codes[j] = UInt8(ScaleSearch.nearest(inverse * scales[j], in: -32...31) + 32)
        }
        return 1 / inverse
    }

    private static func store(scales: UnsafePointer<UInt8>, _ bytes: UnsafeMutableRawPointer) {
        for j in 0..<8 { bytes.setByte(j, scales[j] & 0xF | scales[j + 8] << 4) }
        for j in 0..<4 {
            let low = scales[j] >> 4 | (scales[j + 4] >> 4) << 2
            bytes.setByte(8 + j, low | (scales[j + 8] >> 4) << 4 | (scales[j + 12] >> 4) << 6)
        }
    }

    private static func store(codes: UnsafePointer<UInt8>, _ block: UnsafeMutableRawPointer) {
        for index in 0..<32 {
            var highBits: UInt8 = 0
            for run in 0..<8 { highBits |= (codes[32 * run + index] >> 2) << UInt8(run) }
            block.setByte(index, highBits)
        }
        TwoBitCodes.store(codes, block + 32)
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(108)
        for j in 0..<16 {
            let low = block.byte(96 + j % 8) >> UInt8(4 * (j / 8)) & 0xF
            let high = block.byte(104 + j % 4) >> UInt8(2 * (j / 4)) & 3
            let scale = d * Float(Int32(low | high << 4) - 32)
            for index in 16 * j..<16 * j + 16 {
                let high = block.byte(index & 31) >> UInt8(index >> 5) & 1
                let code = Int32(TwoBitCodes.load(block + 32, index) | high << 2)
                values[index] = scale * Float(code - 4)
            }
        }
    }
}
