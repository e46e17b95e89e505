internal import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Format {
    /// Blocks of 32 values: a power of two and 4-bit floats (OCP Microscaling); 4.25 bits per
    /// weight.
    public static let MXFP4 = Format(
        name: "MXFP4", typeID: 39, blockElementCount: 32, blockByteCount: MXFP4Block.byteCount,
        fallbacks: [.F16], importance: .ignored,
        codes: .init(group: 32, block: 32, offset: 12, highest: 24),
        feedback: MXFP4Block.feedback,
        kernels: .init(ingot_kernels_MXFP4),
        encodeBlock: { values, _, _, block in
            MXFP4Block.encode(values, block)
        },
        decodeBlock: MXFP4Block.decode)
}

/// ```
/// e  u8       value = 2^(e - 128) * twice the value of the code
/// qs u8[16]   byte i: code i | code i + 16 << 4
/// ```
enum MXFP4Block {
    static let byteCount = 17

    static func encode(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let e = exponent(abs(ScaleSearch.peak(values, 32)))
        let scale = halfPower(e)
        block.setByte(0, e)
        for index in 0..<16 {
            let low = FloatCode.nearest(values[index], scale: scale)
            let high = FloatCode.nearest(values[index + 16], scale: scale)
            block.setByte(1 + index, low | high << 4)
        }
    }

    /// The codes in the order of their values; -0 is not used.
    private static let ascending: [UInt8] = [15, 15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7]

    static let feedback = FeedbackForm(
        groupLength: 32, levels: .curve(ascending.map { FloatCode.doubled[Int($0)] }), scale: .kept
    ) { fields, block in
        block.setByte(0, UInt8(clamping: Int(fields.unit.exponent) + 128))
        for index in 0..<16 {
            let (low, high) = (fields.codes[index], fields.codes[index + 16])
            block.setByte(1 + index, ascending[Int(low)] | ascending[Int(high)] << 4)
        }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let scale = halfPower(block.byte(0))
        for index in 0..<16 {
            let byte = block.byte(1 + index)
            values[index] = FloatCode.doubled[Int(byte & 0xF)] * scale
            values[index + 16] = FloatCode.doubled[Int(byte >> 4)] * scale
        }
    }

    /// The exponent under which `largest` is at most 4 to 8 units.
    ///
    /// The logarithm is rounded to binary32 before it is floored: a value a hair below a power of
    /// two counts as the power. Exponents out of range wrap.
    private static func exponent(_ largest: Float) -> UInt8 {
        guard largest > 0 else { return 0 }
        guard largest.isFinite else { return 0 }
        let logarithm = Float(log2(Double(largest)))
        return UInt8(truncatingIfNeeded: Int32(logarithm.rounded(.down)) - 2 + 127)
    }

    /// 2^(e - 128).
    private static func halfPower(_ e: UInt8) -> Float {
        e < 2
            ? Float(bitPattern: 0x0020_0000 << UInt32(e)) : Float(bitPattern: UInt32(e - 1) << 23)
    }
}
