internal import CKernels

extension Format {
    /// Super-blocks of 256 values in 8 sub-blocks, each with a 6-bit scale and minimum; 5-bit
    /// codes; 5.5 bits per weight.
    public static let Q5_K = Format(
        name: "Q5_K", typeID: 13, blockElementCount: 256, blockByteCount: Q5_KBlock.byteCount,
        fallbacks: [.Q5_1, .F16], importance: .optional,
        codes: .init(group: 32, block: 256, offset: 0, highest: 31, hasMinimum: true),
        feedback: Q5_KBlock.feedback,
        kernels: .init(ingot_kernels_Q5_K),
        encodeBlock: { values, importance, _, block in
            Q5_KBlock.encode(values, importance, block)
        },
        decodeBlock: Q5_KBlock.decode)
}

/// ```
/// d      f16       value = d * scale * code - dmin * minimum
/// dmin   f16
/// scales u8[12]    see ScalePairs.sixBit
/// qh     u8[32]    bit j of byte i: the fifth bit of code i of sub-block j
/// qs     u8[128]   the low four bits, as in Q4_K
/// ```
enum Q5_KBlock {
    static let byteCount = 176

    private static let search = AffineSuperBlock(
        subBlockLength: 32, n: 31, scaleN: 63, weighting: .magnitudeAndSpread, measure: .squared,
        candidates: .init(first: -0.5, step: 0.1, count: 15), varianceFactor: 2, limited: .always,
        pairs: .sixBit, pairsOffset: 4, dOffset: 0)

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        search.quantize(values, importance, block) { codes in store(codes, block) }
    }

    static let feedback = search.feedback(pack: store)

    private static func store(_ codes: UnsafePointer<UInt8>, _ block: UnsafeMutableRawPointer) {
        for index in 0..<32 {
            var highBits: UInt8 = 0
            for run in 0..<4 {
                let codes = codes + 64 * run + index
                block.setByte(48 + 32 * run + index, codes[0] & 0xF | codes[32] << 4)
                highBits |= (codes[0] >> 4 | (codes[32] >> 4) << 1) << UInt8(2 * run)
            }
            block.setByte(16 + index, highBits)
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let (d, dmin) = (block.f16(0), block.f16(2))
        for j in 0..<8 {
            let pair = search.pairs.load(block + 4, j)
            let scale = d * Float(pair.scale)
            let minimum = dmin * Float(pair.minimum)
            let (codes, shift) = (48 + 32 * (j / 2), UInt8(4 * (j % 2)))
            for index in 0..<32 {
                let high = block.byte(16 + index) >> UInt8(j) & 1
                let code = block.byte(codes + index) >> shift & 0xF | high << 4
                values[32 * j + index] = scale * Float(code) - minimum
            }
        }
    }
}
