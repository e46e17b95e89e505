internal import CKernels

extension Format {
    /// Super-blocks of 256 values on a grid of 512 points of eight; 2.3125 bits per weight.
    public static let IQ2_XS = Format(
        name: "IQ2_XS", typeID: 17, blockElementCount: 256, blockByteCount: IQ2_XSBlock.byteCount,
        fallbacks: [.IQ4_NL, .F16], importance: .required,
        codes: .init(group: 16, block: 256, offset: 43, highest: 86),
        feedback: IQ2_XSBlock.feedback,
        kernels: .init(ingot_kernels_IQ2_XS, grid: .IQ2_XS),
        encodeBlock: { values, importance, _, block in
            IQ2_XSBlock.encode(values, importance, block)
        },
        decodeBlock: IQ2_XSBlock.decode)
}

/// ```
/// d      f16       value = ±d * (scale + 1/2) / 4 * magnitude
/// qs     u16[32]   grid point | seven signs << 9
/// scales u8[8]     byte j: scale 2j | scale 2j + 1 << 4, each for 16 values
/// ```
enum IQ2_XSBlock {
    static let byteCount = 74
    static let settings = GridSearch.Settings(
        grid: .IQ2_XS, count: 16, steps: 9, width: 0.1, hasEvenSigns: true)

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let variance = ScaleSearch.sumOfSquares(values, 256) / 256
        withScratch(16, of: Float.self) { scales in
            GridSearch.with(settings) { search in
                var largest: Float = 0
                for j in 0..<16 {
                    search.weigh(values + 16 * j, importance.map { $0 + 16 * j }, variance)
                    let scale = search.scale(values + 16 * j)
                    scales[j] = scale ?? 0
                    largest = max(largest, scales[j])
                    guard scale != nil else { continue }
                    for k in 0..<2 {
                        let place = 2 + 4 * j + 2 * k
                        let code = search.point(k) | Int(search.signs[k] & 0x7F) << 9
                        block.setByte(place, UInt8(truncatingIfNeeded: code))
                        block.setByte(place + 1, UInt8(truncatingIfNeeded: code >> 8))
                    }
                }
                guard largest > 0 else {
                    block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
                    return
                }
                let d = largest / 31
                block.setF16(0, d)
                GridSearch.storeScales(scales, inverseUnit: 1 / d, 8, block + 66)
            }
        }
    }

    static let feedback = FeedbackForm(
        groupLength: 16,
        levels: .grid(
            { .IQ2_XS }, magnitudes: IQ2_XXSBlock.magnitudes, hasEvenSigns: true),
        scale: .integers(0...15, unitOffset: 0, factor: 0.25, offset: 0.5)
    ) { fields, block in
        block.setF16(0, fields.unit)
        for group in 0..<32 {
            let (point, signs) = FeedbackForm.codeword(fields.codes + 8 * group, .IQ2_XS)
            let code = point | (signs & 0x7F) << 9
            block.setByte(2 + 2 * group, UInt8(truncatingIfNeeded: code))
            block.setByte(3 + 2 * group, UInt8(truncatingIfNeeded: code >> 8))
        }
        GridSearch.store(scaleCodes: fields.scales, 8, block + 66)
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for group in 0..<32 {
            let nibble = block.byte(66 + (group >> 2)) >> UInt8(4 * (group >> 1 & 1)) & 0xF
            let code = UInt32(block.byte(2 + 2 * group)) | UInt32(block.byte(3 + 2 * group)) << 8
            GridSearch.load(
                .IQ2_XS, Int(code & 511), magnitudes: IQ2_XXSBlock.magnitudes,
                scale: d * (0.5 + Float(nibble)) * 0.25, signs: GridSearch.evenSigns(code >> 9),
                values + 8 * group)
        }
    }
}
