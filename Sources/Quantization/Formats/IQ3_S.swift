internal import CKernels

extension Format {
    /// Super-blocks of 256 values on a grid of 512 points of four; 3.4375 bits per weight.
    public static let IQ3_S = Format(
        name: "IQ3_S", typeID: 21, blockElementCount: 256, blockByteCount: IQ3_SBlock.byteCount,
        fallbacks: [.IQ4_NL, .F16], importance: .optional,
        codes: .init(group: 32, block: 256, offset: 15, highest: 30),
        feedback: IQ3_SBlock.feedback,
        kernels: .init(ingot_kernels_IQ3_S, grid: .IQ3_S),
        encodeBlock: { values, importance, _, block in
            IQ3_SBlock.encode(values, importance, block)
        },
        decodeBlock: IQ3_SBlock.decode)
}

/// ```
/// d      f16       value = ±d * (2 * scale + 1) * magnitude
/// qs     u8[64]    low eight bits of the grid points
/// qh     u8[8]     bit r of byte i: high bit of grid point 8i + r
/// signs  u8[32]
/// scales u8[4]     byte j: scale 2j | scale 2j + 1 << 4, each for 32 values
/// ```
enum IQ3_SBlock {
    static let byteCount = 110
    static let settings = GridSearch.Settings(
        grid: .IQ3_S, count: 32, steps: 9, width: 0.2, negligible: 0, refinesAll: true)
    private static let magnitudes: [Float] = [1, 3, 5, 7, 9, 11, 13, 15]

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let variance = 2 * ScaleSearch.sumOfSquares(values, 256) / 256
        withScratch(8, of: Float.self) { scales in
            GridSearch.with(settings) { search in
                var largest: Float = 0
                // Points and signs of sub-blocks that are all zero are left out, and those behind
                // move up, as in every file of this format. (Such a super-block is read wrongly,
                // but weights have none.)
                var stored = 0
                for j in 0..<8 {
                    search.weigh(values + 32 * j, importance.map { $0 + 32 * j }, variance)
                    let scale = search.scale(values + 32 * j)
                    scales[j] = scale ?? 0
                    largest = max(largest, scales[j])
                    guard scale != nil else { continue }
                    var high: UInt8 = 0
                    for k in 0..<8 {
                        let point = search.point(k)
                        block.setByte(2 + 8 * stored + k, UInt8(truncatingIfNeeded: point))
                        high |= UInt8(truncatingIfNeeded: point >> 8) << UInt8(k)
                    }
                    block.setByte(66 + j, high)
                    for k in 0..<4 { block.setByte(74 + 4 * stored + k, search.signs[k]) }
                    stored += 1
                }
                guard largest > 0 else { return }
                let d = largest / 31
                block.setF16(0, d * 1.033)
                GridSearch.storeScales(scales, inverseUnit: 1 / d, 4, block + 106)
            }
        }
    }

    static let feedback = FeedbackForm(
        groupLength: 32, levels: .grid({ .IQ3_S }, magnitudes: magnitudes, hasEvenSigns: false),
        scale: .integers(0...15, unitOffset: 0, factor: 2, offset: 0.5)
    ) { fields, block in
        block.setF16(0, fields.unit)
        for j in 0..<8 {
            var high: UInt32 = 0
            var allSigns: UInt32 = 0
            for k in 0..<8 {
                let codes = fields.codes + 32 * j + 4 * k
                let (point, signs) = FeedbackForm.codeword(codes, .IQ3_S)
                block.setByte(2 + 8 * j + k, UInt8(truncatingIfNeeded: point))
                high |= (point >> 8) << UInt32(k)
                allSigns |= signs << UInt32(4 * k)
            }
            block.setByte(66 + j, UInt8(truncatingIfNeeded: high))
            block.setWord(74 + 4 * j, allSigns)
        }
        GridSearch.store(scaleCodes: fields.scales, 4, block + 106)
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for group in 0..<64 {
            let nibble = block.byte(106 + (group >> 4)) >> UInt8(4 * (group >> 3 & 1)) & 0xF
            let high = block.byte(66 + (group >> 3)) >> UInt8(group & 7) & 1
            GridSearch.load(
                .IQ3_S, Int(block.byte(2 + group)) | Int(high) << 8, magnitudes: magnitudes,
                scale: d * Float(1 + 2 * Int32(nibble)),
                signs: block.byte(74 + (group >> 1)) >> UInt8(4 * (group & 1)), values + 4 * group)
        }
    }
}
