import TensorCore

/// The formats with blocks of 32 values, one scale each: Q4_0, Q4_1, Q5_0, Q5_1.
///
/// ```
/// d  f16          value = d * (code - 2^(bits-1))      or, with a minimum,
/// m  f16          value = d * code + m                 (Q4_1, Q5_1)
/// qh u32          bit i: the fifth bit of code i       (Q5_0, Q5_1)
/// qs u8[16]       byte i: code i | code (i + 16) << 4
/// ```
struct SmallBlock: Sendable {
    /// Bits per code: 4 or 5.
    let bits: Int
    /// Whether the block stores a minimum.
    let hasMinimum: Bool

    /// Values in a block.
    static let elementCount = 32

    /// The largest code.
    private var largestCode: Int32 { (1 << Int32(bits)) - 1 }
    private var highBitsOffset: Int { hasMinimum ? 4 : 2 }
    private var codesOffset: Int { highBitsOffset + (bits == 5 ? 4 : 0) }

    /// Encodes one block of a row whose values have the given mean square: with an importance matrix
    /// the scale searches are weighted by it.
    func encode(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, variance: Float,
        _ block: UnsafeMutableRawPointer
    ) {
        if let importance {
            encodeSearched(values, importance, variance, block)
        } else if hasMinimum {
            encodeRange(values, block)
        } else {
            encodePeak(values, block)
        }
    }

    /// The peak value gets the code -2^(bits-1); rounding is up from a half.
    private func encodePeak(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let n = Float((largestCode + 1) / 2)
        let d = ScaleSearch.peak(values, Self.elementCount) / -n
        let inverse: Float = d != 0 ? 1 / d : 0
        block.setF16(0, d)
        store(block) { Self.truncated(values[$0] * inverse + (n + 0.5), largestCode) }
    }

    /// Codes spread evenly from the smallest to the largest value.
    private func encodeRange(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        var (smallest, largest) = (
            Float.greatestFiniteMagnitude, -Float.greatestFiniteMagnitude
        )
        for index in 0..<Self.elementCount {
            if values[index] < smallest { smallest = values[index] }
            if values[index] > largest { largest = values[index] }
        }
        let d = (largest - smallest) / Float(largestCode)
        let inverse: Float = d != 0 ? 1 / d : 0
        block.setF16(0, d)
        block.setF16(2, smallest)
        store(block) {
            Self.truncated((values[$0] - smallest) * inverse + 0.5, bits == 4 ? largestCode : 255)
        }
    }

    /// Searches for the scale, with an importance matrix.
    private func encodeSearched(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>, _ variance: Float,
        _ block: UnsafeMutableRawPointer
    ) {
        withScratch(Self.elementCount, of: Float.self) { weights in
            withScratch(Self.elementCount, of: UInt8.self) { codes in
                ScaleSearch.weights(
                    values, importance, Self.elementCount, variance: variance, into: weights)
                if hasMinimum {
                    let (scale, negatedMinimum) = ScaleSearch.affine(
                        values, Self.elementCount, n: largestCode, weights: weights,
                        measure: .squared, candidates: .weighted, codes: codes)
                    block.setF16(0, scale)
                    block.setF16(2, -negatedMinimum)
                } else {
                    let scale = ScaleSearch.symmetric(
                        values, Self.elementCount, n: (largestCode + 1) / 2, weights: weights,
                        codes: codes)
                    block.setF16(0, scale)
                }
                store(block) { codes[$0] }
            }
        }
    }

    /// How these blocks are rounded with error feedback.
    var feedback: FeedbackForm {
        let half = Int(largestCode + 1) / 2
        return FeedbackForm(
            groupLength: Self.elementCount,
            levels: hasMinimum ? .integers(0...Int(largestCode)) : .integers(-half...half - 1),
            scale: .half(offset: 0), minimum: hasMinimum ? .half(offset: 2) : .none
        ) { fields, block in
            block.setF16(0, fields.unit)
            if hasMinimum { block.setF16(2, fields.minimumUnit) }
            store(block) { fields.codes[$0] }
        }
    }

    /// The integer part of a code, kept in eight bits and then limited.
    ///
    /// The detour through eight bits decides nothing for ordinary blocks. Where a tiny block's
    /// inverse scale overflows, the code is what the conversion of infinity or NaN gives: 0.
    @inline(__always)
    private static func truncated(_ value: Float, _ largest: Int32) -> UInt8 {
        guard abs(value) < 0x1p31 else { return 0 }
        let code = Int8(truncatingIfNeeded: Int32(value))
        return UInt8(truncatingIfNeeded: min(largest, Int32(code)))
    }

    /// Stores the 32 codes.
    @inline(__always)
    private func store(_ block: UnsafeMutableRawPointer, _ code: (Int) -> UInt8) {
        var highBits: UInt32 = 0
        for index in 0..<16 {
            let (low, high) = (code(index), code(index + 16))
            block.setByte(codesOffset + index, low & 0xF | high << 4)
            highBits |= UInt32(low >> 4 & 1) << UInt32(index)
            highBits |= UInt32(high >> 4 & 1) << UInt32(index + 16)
        }
        if bits == 5 { block.setWord(highBitsOffset, highBits) }
    }

    /// Decodes one block.
    func decode(_ block: UnsafeRawPointer, _ values: UnsafeMutablePointer<Float>) {
        let offset = hasMinimum ? 0 : (largestCode + 1) / 2
        let d = block.f16(0)
        let m = hasMinimum ? block.f16(2) : 0
        let highBits = bits == 5 ? block.word(highBitsOffset) : 0
        for index in 0..<Self.elementCount {
            let byte = block.byte(codesOffset + index & ~16)
            let low = Int32(index < 16 ? byte & 0xF : byte >> 4)
            let code = low | Int32(highBits >> UInt32(index) & 1) << 4
            let product = Float(code - offset) * d
            values[index] = hasMinimum ? product + m : product
        }
    }
}
