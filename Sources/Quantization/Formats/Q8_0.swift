internal import CKernels

extension Format {
    /// Blocks of 32 values: a scale and 8-bit codes; 8.5 bits per weight.
    public static let Q8_0 = Format(
        name: "Q8_0", typeID: 8, blockElementCount: 32, blockByteCount: Q8_0Block.byteCount,
        fallbacks: [.F16], importance: .ignored,
        codes: .init(group: 32, block: 32, offset: 128, highest: 255),
        feedback: Q8_0Block.feedback,
        kernels: .init(ingot_kernels_Q8_0),
        encodeBlock: { values, _, _, block in
            Q8_0Block.encode(values, block)
        },
        decodeBlock: Q8_0Block.decode)
}

/// ```
/// d  f16        value = d * code
/// qs i8[32]
/// ```
enum Q8_0Block {
    static let byteCount = 34

    /// Gives the largest magnitude the code ±127.
    ///
    /// Halves are rounded away from zero. An importance matrix changes nothing.
    static func encode(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let d = abs(ScaleSearch.peak(values, 32)) / 127
        let inverse: Float = d != 0 ? 1 / d : 0
        block.setF16(0, d)
        for index in 0..<32 {
            let code = (values[index] * inverse).rounded(.toNearestOrAwayFromZero)
            // The inverse of a tiny scale overflows; its products are stored as 0.
            let limited = abs(code) < 0x1p31 ? Int32(code) : 0
            block.setByte(2 + index, UInt8(truncatingIfNeeded: limited))
        }
    }

    static let feedback = FeedbackForm(
        groupLength: 32, levels: .integers(-127...127), scale: .half(offset: 0)
    ) { fields, block in
        block.setF16(0, fields.unit)
        for index in 0..<32 { block.setByte(2 + index, fields.codes[index] &- 127) }
    }

    static func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let d = block.f16(0)
        for index in 0..<32 {
            values[index] = Float(Int8(bitPattern: block.byte(2 + index))) * d
        }
    }
}
