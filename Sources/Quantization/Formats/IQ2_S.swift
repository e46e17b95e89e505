internal import CKernels

extension Format {
    /// Super-blocks of 256 values on a grid of 1024 points of eight; 2.5625 bits per weight.
    public static let IQ2_S = Format(
        name: "IQ2_S", typeID: 22, blockElementCount: 256, blockByteCount: IQ2_SBlock.byteCount,
        fallbacks: [.IQ4_NL, .F16], importance: .expected,
        codes: .init(group: 16, block: 256, offset: 43, highest: 86),
        feedback: IQ2_SBlock.feedback,
        kernels: .init(ingot_kernels_IQ2_S, grid: .IQ2_S),
        encodeBlock: { values, importance, _, block in
            IQ2_SBlock.encode(values, importance, block)
        },
        decodeBlock: IQ2_SBlock.decode)
}

/// ```
/// d      f16       value = ±d * (scale + 1/2) / 4 * magnitude
/// qs     u8[32]    low eight bits of the grid points
/// signs  u8[32]
/// qh     u8[8]     bits 2r and 2r + 1 of byte i: high bits of grid point 4i + r
/// scales u8[8]     byte j: scale 2j | scale 2j + 1 << 4, each for 16 values
/// ```
enum IQ2_SBlock {
    static let byteCount = 82
    static let settings = GridSearch.Settings(
        grid: .IQ2_S, count: 16, steps: 9, width: 0.1, negligible: 1e-8)

    static func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?,
        _ block: UnsafeMutableRawPointer
    ) {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let variance = 2 * ScaleSearch.sumOfSquares(values, 256) / 256
        withScratch(16, of: Float.self) { scales in
            GridSearch.with(settings) { search in
                var largest: Float = 0
                for j in 0..<16 {
                    let part = values + 16 * j
                    if let importance {
                        search.weigh(part, importance + 16 * j, variance)
                    } else {
                        for index in 0..<16 {
                            search.weights[index] = 0.25 * variance + part[index] * part[index]
                        }
                    }
                    let scale = search.scale(part)
                    scales[j] = scale ?? 0
                    largest = max(largest, scales[j])
                    guard scale != nil else { continue }
                    for k in 0..<2 {
                        let (group, point) = (2 * j + k, search.point(k))
                        block.setByte(2 + group, UInt8(truncatingIfNeeded: point))
                        block.setByte(34 + group, search.signs[k])
                        let high = UInt8(truncatingIfNeeded: point >> 8) << UInt8(2 * (group & 3))
                        let place = 66 + (group >> 2)
                        block.setByte(place, UnsafeRawPointer(block).byte(place) | high)
                    }
                }
                guard largest > 0 else { return }
                let d = largest / 31
                block.setF16(0, d * 0.9875)
                GridSearch.storeScales(scales, inverseUnit: 1 / d, 8, block + 74)
            }
        }
    }

    static let feedback = FeedbackForm(
        groupLength: 16,
        levels: .grid(
            { .IQ2_S }, magnitudes: IQ2_XXSBlock.magnitudes, hasEvenSigns: false),
        scale: .integers(0...15, unitOffset: 0, factor: 0.25, offset: 0.5)
    ) { fields, block in
        block.setF16(0, fields.unit)
        for byte in 0..<8 {
            var high: UInt32 = 0
            for place in 0..<4 {
                let group = 4 * byte + place
                let (point, signs) = FeedbackForm.codeword(fields.codes + 8 * group, .IQ2_S)
                block.setByte(2 + group, UInt8(truncatingIfNeeded: point))
                block.setByte(34 + group, UInt8(truncatingIfNeeded: signs))
                high |= (point >> 8) << UInt32(2 * place)
            }
            block.setByte(66 + byte, UInt8(truncatingIfNeeded: high))
        }
        GridSearch.store(scaleCodes: fields.scales, 8, block + 74)
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for group in 0..<32 {
            let nibble = block.byte(74 + (group >> 2)) >> UInt8(4 * (group >> 1 & 1)) & 0xF
            let high = block.byte(66 + (group >> 2)) >> UInt8(2 * (group & 3)) & 3
            GridSearch.load(
                .IQ2_S, Int(block.byte(2 + group)) | Int(high) << 8,
                magnitudes: IQ2_XXSBlock.magnitudes, scale: d * (0.5 + Float(nibble)) * 0.25,
                signs: block.byte(34 + group), values + 8 * group)
        }
    }
}
