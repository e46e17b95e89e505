internal import CKernels

extension Format {
    /// Super-blocks of 256 values in 16 sub-blocks, each with a 4-bit scale and minimum; 2-bit
    /// codes; 2.625 bits per weight.
    public static let Q2_K = Format(
        name: "Q2_K", typeID: 10, blockElementCount: 256, blockByteCount: Q2_KBlock.byteCount,
        fallbacks: [.Q4_0, .F16], importance: .optional,
        codes: .init(group: 16, block: 256, offset: 0, highest: 3, hasMinimum: true),
        feedback: Q2_KBlock.feedback,
        kernels: .init(ingot_kernels_Q2_K),
        encodeBlock: { values, importance, _, block in
            Q2_KBlock.encode(values, importance, block)
        },
        decodeBlock: Q2_KBlock.decode)
}

/// ```
/// scales u8[16]   byte j: scale j | minimum j << 4
/// qs     u8[64]   byte 32h + i, bits 2r and 2r + 1: code 128h + 32r + i
/// d      f16      value = d * scale * code - dmin * minimum
/// dmin   f16
/// ```
enum Q2_KBlock {
    static let byteCount = 84

    private static let search = AffineSuperBlock(
        subBlockLength: 16, n: 3, scaleN: 15, weighting: .magnitude, measure: .absolute,
        candidates: .init(first: -0.5, step: 0.1, count: 15), varianceFactor: 1, limited: .never,
        pairs: .fourBit, pairsOffset: 0, dOffset: 80)

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        search.quantize(values, importance, block) { codes in
            TwoBitCodes.store(codes, block + 16)
        }
    }

    static let feedback = search.feedback { codes, block in
        TwoBitCodes.store(codes, block + 16)
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let (d, dmin) = (block.f16(80), block.f16(82))
        for j in 0..<16 {
            let pair = search.pairs.load(block, j)
            let scale = d * Float(pair.scale)
            let minimum = dmin * Float(pair.minimum)
            for index in 16 * j..<16 * j + 16 {
                values[index] = scale * Float(TwoBitCodes.load(block + 16, index)) - minimum
            }
        }
    }
}
