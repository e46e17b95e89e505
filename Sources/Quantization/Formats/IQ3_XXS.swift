internal import CKernels

extension Format {
    /// Super-blocks of 256 values on a grid of 256 points of four; 3.0625 bits per weight.
    public static let IQ3_XXS = Format(
        name: "IQ3_XXS", typeID: 18, blockElementCount: 256, blockByteCount: IQ3_XXSBlock.byteCount,
        fallbacks: [.IQ4_NL, .F16], importance: .expected,
        codes: .init(group: 32, block: 256, offset: 62, highest: 124),
        feedback: IQ3_XXSBlock.feedback,
        kernels: .init(ingot_kernels_IQ3_XXS, grid: .IQ3_XXS),
        encodeBlock: { values, importance, _, block in
            IQ3_XXSBlock.encode(values, importance, block)
        },
        decodeBlock: IQ3_XXSBlock.decode)
}

/// ```
/// d      f16       value = ±d * (scale + 1/2) / 2 * magnitude
/// qs     u8[64]    grid points
/// scales u32[8]    four times seven signs | scale << 28
/// ```
enum IQ3_XXSBlock {
    static let byteCount = 98
    static let settings = GridSearch.Settings(
        grid: .IQ3_XXS, count: 32, steps: 15, width: 0.2, hasEvenSigns: true, negligible: 1e-8)
    private static let magnitudes: [Float] = [4, 12, 20, 28, 36, 44, 52, 62]

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let variance = 2 * ScaleSearch.sumOfSquares(values, 256) / 256
        withScratch(8, of: Float.self) { scales in
            GridSearch.with(settings) { search in
                var largest: Float = 0
                for j in 0..<8 {
                    search.weigh(values + 32 * j, importance.map { $0 + 32 * j }, variance)
                    let scale = search.scale(values + 32 * j)
                    scales[j] = scale ?? 0
                    largest = max(largest, scales[j])
                    guard scale != nil else { continue }
                    var signs: UInt32 = 0
                    for k in 0..<8 { block.setByte(2 + 8 * j + k, UInt8(search.point(k))) }
                    for k in 0..<4 { signs |= UInt32(search.signs[k] & 0x7F) << UInt32(7 * k) }
                    block.setWord(66 + 4 * j, signs)
                }
                guard largest > 0 else {
                    block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
                    return
                }
                let d = largest / 31
                block.setF16(0, d * 1.0125)
                for j in 0..<8 {
                    let code = GridSearch.scaleCode(scales[j], inverseUnit: 1 / d)
                    let place = 66 + 4 * j
                    block.setWord(place, UnsafeRawPointer(block).word(place) | code << 28)
                }
            }
        }
    }

    static let feedback = FeedbackForm(
        groupLength: 32,
        levels: .grid({ .IQ3_XXS }, magnitudes: magnitudes, hasEvenSigns: true),
        scale: .integers(0...15, unitOffset: 0, factor: 0.5, offset: 0.5)
    ) { fields, block in
        block.setF16(0, fields.unit)
        for j in 0..<8 {
            var word = UInt32(fields.scales[j]) << 28
            for k in 0..<8 {
                let codes = fields.codes + 32 * j + 4 * k
                let (point, signs) = FeedbackForm.codeword(codes, .IQ3_XXS)
                block.setByte(2 + 8 * j + k, UInt8(truncatingIfNeeded: point))
                // The eighth sign is the parity of the others.
                let stored = k % 2 == 0 ? signs : (signs & 7) << 4
                word |= stored << UInt32(7 * (k / 2))
            }
            block.setWord(66 + 4 * j, word)
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for group in 0..<64 {
            let word = block.word(66 + 4 * (group >> 3))
            let signs = GridSearch.evenSigns(word >> UInt32(7 * (group >> 1 & 3)))
            GridSearch.load(
                .IQ3_XXS, Int(block.byte(2 + group)), magnitudes: magnitudes,
                scale: d * (0.5 + Float(word >> 28)) * 0.5, signs: signs >> UInt8(4 * (group & 1)),
                values + 4 * group)
        }
    }
}
