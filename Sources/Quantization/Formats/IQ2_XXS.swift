internal import CKernels

extension Format {
    /// Super-blocks of 256 values on a grid of 256 points of eight; 2.0625 bits per weight.
    public static let IQ2_XXS = Format(
        name: "IQ2_XXS", typeID: 16, blockElementCount: 256, blockByteCount: IQ2_XXSBlock.byteCount,
        fallbacks: [.IQ4_NL, .F16], importance: .required,
        codes: .init(group: 32, block: 256, offset: 43, highest: 86),
        feedback: IQ2_XXSBlock.feedback,
        kernels: .init(ingot_kernels_IQ2_XXS, grid: .IQ2_XXS),
        encodeBlock: { values, importance, _, block in
            IQ2_XXSBlock.encode(values, importance, block)
        },
        decodeBlock: IQ2_XXSBlock.decode)
}

/// ```
/// d  f16         value = ±d * (scale + 1/2) / 4 * magnitude
/// qs u32[16]     word 2j: four grid points; word 2j + 1: four times seven signs | scale j << 28
/// ```
enum IQ2_XXSBlock {
    static let byteCount = 66
    static let settings = GridSearch.Settings(
        grid: .IQ2_XXS, count: 32, steps: 6, width: 0.1, hasEvenSigns: true, startsFromFit: true)
    /// What the codes of the IQ2 formats stand for.
    static let magnitudes: [Float] = [8, 25, 43]

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let variance = ScaleSearch.sumOfSquares(values, 256) / 256
        withScratch(8, of: Float.self) { scales in
            GridSearch.with(settings) { search in
                var largest: Float = 0
                for j in 0..<8 {
                    search.weigh(values + 32 * j, importance.map { $0 + 32 * j }, variance)
                    let scale = search.scale(values + 32 * j)
                    scales[j] = scale ?? 0
                    largest = max(largest, scales[j])
                    guard scale != nil else { continue }
                    var (points, signs): (UInt32, UInt32) = (0, 0)
                    for k in 0..<4 {
                        points |= UInt32(search.point(k)) << UInt32(8 * k)
                        signs |= UInt32(search.signs[k] & 0x7F) << UInt32(7 * k)
                    }
                    block.setWord(2 + 8 * j, points)
                    block.setWord(6 + 8 * j, signs)
                }
                guard largest > 0 else {
                    block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
                    return
                }
                let d = largest / 31
                block.setF16(0, d)
                for j in 0..<8 {
                    let code = GridSearch.scaleCode(scales[j], inverseUnit: 1 / d)
                    block.setWord(6 + 8 * j, UnsafeRawPointer(block).word(6 + 8 * j) | code << 28)
                }
            }
        }
    }

    static let feedback = FeedbackForm(
        groupLength: 32,
        levels: .grid({ .IQ2_XXS }, magnitudes: magnitudes, hasEvenSigns: true),
        scale: .integers(0...15, unitOffset: 0, factor: 0.25, offset: 0.5)
    ) { fields, block in
        block.setF16(0, fields.unit)
        for j in 0..<8 {
            var (points, word): (UInt32, UInt32) = (0, UInt32(fields.scales[j]) << 28)
            for k in 0..<4 {
                let codes = fields.codes + 32 * j + 8 * k
                let (point, signs) = FeedbackForm.codeword(codes, .IQ2_XXS)
                points |= point << UInt32(8 * k)
                word |= (signs & 0x7F) << UInt32(7 * k)
            }
            block.setWord(2 + 8 * j, points)
            block.setWord(6 + 8 * j, word)
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for j in 0..<8 {
            let signs = block.word(6 + 8 * j)
            let scale = d * (0.5 + Float(signs >> 28)) * 0.25
            for k in 0..<4 {
                GridSearch.load(
                    .IQ2_XXS, Int(block.byte(2 + 8 * j + k)), magnitudes: magnitudes,
                    scale: scale, signs: GridSearch.evenSigns(signs >> UInt32(7 * k)),
                    values + 32 * j + 8 * k)
            }
        }
    }
}
