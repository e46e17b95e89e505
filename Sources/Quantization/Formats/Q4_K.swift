internal import CKernels

extension Format {
    /// Super-blocks of 256 values in 8 sub-blocks, each with a 6-bit scale and minimum; 4-bit
    /// codes; 4.5 bits per weight.
    public static let Q4_K = Format(
        name: "Q4_K", typeID: 12, blockElementCount: 256, blockByteCount: Q4_KBlock.byteCount,
        fallbacks: [.Q5_0, .F16], importance: .optional,
        codes: .init(group: 32, block: 256, offset: 0, highest: 15, hasMinimum: true),
        feedback: Q4_KBlock.feedback,
        kernels: .init(ingot_kernels_Q4_K),
        encodeBlock: { values, importance, _, block in
            Q4_KBlock.encode(values, importance, block)
        },
        decodeBlock: Q4_KBlock.decode)
}

/// ```
/// d      f16       value = d * scale * code - dmin * minimum
/// dmin   f16
/// scales u8[12]    see ScalePairs.sixBit
/// qs     u8[128]   four runs of 32: run r has sub-block 2r in the low halves of its bytes and
///                  sub-block 2r + 1 in the high halves
/// ```
enum Q4_KBlock {
    static let byteCount = 144

    private static let search = AffineSuperBlock(
        subBlockLength: 32, n: 15, scaleN: 63, weighting: .magnitudeAndSpread, measure: .squared,
        candidates: .init(first: -1, step: 0.1, count: 20), varianceFactor: 2,
        limited: .withoutImportance, pairs: .sixBit, pairsOffset: 4, dOffset: 0)

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        search.quantize(values, importance, block) { codes in store(codes, block) }
    }

    static let feedback = search.feedback(pack: store)

    private static func store(_ codes: UnsafePointer<UInt8>, _ block: UnsafeMutableRawPointer) {
        for run in 0..<4 {
            let codes = codes + 64 * run
            for index in 0..<32 {
                block.setByte(16 + 32 * run + index, codes[index] | codes[index + 32] << 4)
            }
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let (d, dmin) = (block.f16(0), block.f16(2))
        for j in 0..<8 {
            let pair = search.pairs.load(block + 4, j)
            let scale = d * Float(pair.scale)
            let minimum = dmin * Float(pair.minimum)
            let (codes, shift) = (16 + 32 * (j / 2), UInt8(4 * (j % 2)))
            for index in 0..<32 {
                let code = block.byte(codes + index) >> shift & 0xF
                values[32 * j + index] = scale * Float(code) - minimum
            }
        }
    }
}
