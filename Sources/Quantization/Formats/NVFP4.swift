internal import CKernels

extension Format {
    /// Blocks of 64 values: four 8-bit float scales and 4-bit floats; 4.5 bits per weight.
    public static let NVFP4 = Format(
        name: "NVFP4", typeID: 40, blockElementCount: 64, blockByteCount: NVFP4Block.byteCount,
        fallbacks: [], importance: .ignored,
        insteadOfRecipe:
            "Its two-level scales come from training; MXFP4_MOE or Q4_K_M are near in size.",
        codes: .init(group: 16, block: 32, offset: 12, highest: 24),
        kernels: .init(ingot_kernels_NVFP4),
        encodeBlock: { values, _, _, block in
            NVFP4Block.encode(values, block)
        },
        decodeBlock: NVFP4Block.decode)
}

/// ```
/// d  u8[4]    scales of 16 values each: 4 bits of exponent, 3 of fraction (E4M3 without sign)
/// qs u8[32]   byte 8s + i: code 16s + i | code 16s + i + 8 << 4
/// ```
enum NVFP4Block {
    static let byteCount = 36

    /// Gives the largest magnitude of 16 values the largest code, 6.
    static func encode(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        for part in 0..<4 {
            let values = values + 16 * part
            let stored = scaleBits(abs(ScaleSearch.peak(values, 16)) / 6)
            let scale = halfScale(stored)
            block.setByte(part, stored)
            for index in 0..<8 {
                let low = FloatCode.nearest(values[index], scale: scale)
                let high = FloatCode.nearest(values[index + 8], scale: scale)
                block.setByte(4 + 8 * part + index, low | high << 4)
            }
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        for part in 0..<4 {
            let scale = halfScale(block.byte(part))
            for index in 0..<8 {
                let byte = block.byte(4 + 8 * part + index)
                values[16 * part + index] = FloatCode.doubled[Int(byte & 0xF)] * scale
                values[16 * part + index + 8] = FloatCode.doubled[Int(byte >> 4)] * scale
            }
        }
    }

    /// Half the value of a scale; not a number reads as 0, the sign bit is ignored.
    private static func halfScale(_ bits: UInt8) -> Float {
        guard bits != 0, bits != 0x7F else { return 0 }
        let (exponent, fraction) = (Int32(bits >> 3 & 0xF), Float(bits & 7))
        guard exponent > 0 else { return fraction * 0x1p-10 }
        return (1 + fraction / 8) * Float(bitPattern: UInt32(exponent - 8 + 127) << 23)
    }

    /// The nearest scale, at most 448; halves are rounded up.
    private static func scaleBits(_ value: Float) -> UInt8 {
        guard value > 0 else { return 0 }
        let bits = min(value, 448).bitPattern
        let exponent = Int32(bits >> 23) - 127 + 7
        if exponent <= 0 {
            return UInt8(min(7, Int32(min(value, 448) * 512 + 0.5)))
        }
        // The fraction's carry runs over into the exponent.
        let rounded = (exponent << 3 | Int32(bits >> 20 & 7)) + Int32(bits >> 19 & 1)
        // Of the numbers with the largest exponent only the largest is used.
        return rounded >= 0x78 ? 0x7E : UInt8(rounded)
    }
}
