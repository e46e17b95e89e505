internal import CKernels

extension Format {
    /// Super-blocks of 256 values in 8 sub-blocks, each with a 6-bit scale; 4-bit codes on a
    /// curve; 4.25 bits per weight.
    public static let IQ4_XS = Format(
        name: "IQ4_XS", typeID: 23, blockElementCount: 256, blockByteCount: IQ4_XSBlock.byteCount,
        fallbacks: [.IQ4_NL, .F16], importance: .optional,
        codes: .init(group: 32, block: 256, offset: 128, highest: 241),
        feedback: IQ4_XSBlock.feedback,
        kernels: .init(ingot_kernels_IQ4_XS),
        encodeBlock: { values, importance, _, block in
            IQ4_XSBlock.encode(values, importance, block)
        },
        decodeBlock: IQ4_XSBlock.decode)
}

/// ```
/// d        f16       value = d * (scale - 32) * curve[code]
/// scales_h u16       bits 2j and 2j + 1: high bits of scale j
/// scales_l u8[4]     byte j: low four bits of scale 2j | of 2j + 1 << 4
/// qs       u8[128]   byte 16j + i: code 32j + i | code 32j + i + 16 << 4
/// ```
enum IQ4_XSBlock {
    static let byteCount = 136

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        withScratch(40, of: Float.self) { scratch in
            let (weights, scales) = (scratch, scratch + 32)
            let variance = ScaleSearch.sumOfSquares(values, 256) * (2.0 / 256)
            for j in 0..<8 {
                NonLinearCode.weights(
                    values + 32 * j, importance.map { $0 + 32 * j }, variance: variance,
                    into: weights)
                scales[j] = NonLinearCode.scale(values + 32 * j, weights: weights)
            }
            let d = -ScaleSearch.peak(scales, 8) / 32
            block.setF16(0, d)
            let inverse: Float = d != 0 ? 1 / d : 0
            var (high, low): (UInt32, UInt32) = (0, 0)
            for j in 0..<8 {
                let scale = ScaleSearch.nearest(inverse * scales[j], in: -32...31)
                NonLinearCode.store(values + 32 * j, scale: d * Float(scale), block + (8 + 16 * j))
                let stored = UInt32(scale + 32)
                high |= (stored >> 4) << UInt32(2 * j)
                low |= (stored & 0xF) << UInt32(4 * j)
            }
            store(scales: low, high, block)
        }
    }

    private static func store(
        scales low: UInt32, _ high: UInt32, _ block: UnsafeMutableRawPointer
    ) {
        block.setByte(2, UInt8(truncatingIfNeeded: high))
        block.setByte(3, UInt8(truncatingIfNeeded: high >> 8))
        block.setWord(4, low)
    }

    static let feedback = FeedbackForm(
        groupLength: 32, levels: .curve(NonLinearCode.values),
        scale: .integers(-32...31, unitOffset: 0)
    ) { fields, block in
        var (high, low): (UInt32, UInt32) = (0, 0)
        for j in 0..<8 {
            let stored = UInt32(fields.scales[j])
            high |= (stored >> 4) << UInt32(2 * j)
            low |= (stored & 0xF) << UInt32(4 * j)
            NonLinearCode.store(codes: fields.codes + 32 * j, block + (8 + 16 * j))
        }
        block.setF16(0, fields.unit)
        store(scales: low, high, block)
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        let high = UInt32(block.byte(2)) | UInt32(block.byte(3)) << 8
        let low = block.word(4)
        for j in 0..<8 {
            let stored = low >> UInt32(4 * j) & 0xF | (high >> UInt32(2 * j) & 3) << 4
            let scale = d * Float(Int32(stored) - 32)
            NonLinearCode.load(block + (8 + 16 * j), scale: scale, values + 32 * j)
        }
    }
}
