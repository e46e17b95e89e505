internal import CKernels

extension Format {
    /// Blocks of 32 values: a scale and 4-bit codes on a curve; 4.5 bits per weight.
    public static let IQ4_NL = Format(
        name: "IQ4_NL", typeID: 20, blockElementCount: 32, blockByteCount: IQ4_NLBlock.byteCount,
        fallbacks: [.F16], importance: .optional,
        codes: .init(group: 32, block: 32, offset: 128, highest: 241),
        feedback: IQ4_NLBlock.feedback,
        kernels: .init(ingot_kernels_IQ4_NL),
        encodeBlock: { values, importance, _, block in
            IQ4_NLBlock.encode(values, importance, block)
        },
        decodeBlock: { block, values in NonLinearCode.load(block + 2, scale: block.f16(0), values) }
    )
}

/// ```
/// d  f16       value = d * curve[code]
/// qs u8[16]    byte i: code i | code i + 16 << 4
/// ```
enum IQ4_NLBlock {
    static let byteCount = 18

    static let feedback = FeedbackForm(
        groupLength: 32, levels: .curve(NonLinearCode.values), scale: .half(offset: 0)
    ) { fields, block in
        block.setF16(0, fields.unit)
        NonLinearCode.store(codes: fields.codes, block + 2)
    }

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        withScratch(32, of: Float.self) { weights in
            let variance = ScaleSearch.sumOfSquares(values, 32) * (2.0 / 32)
            NonLinearCode.weights(values, importance, variance: variance, into: weights)
            let scale = NonLinearCode.scale(values, weights: weights)
            block.setF16(0, scale)
            // The codes are chosen for the scale before it is rounded.
            NonLinearCode.store(values, scale: scale, block + 2)
        }
    }
}
