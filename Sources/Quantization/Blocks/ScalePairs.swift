/// How Q2_K, Q4_K and Q5_K keep the integer scales and minimums of their sub-blocks.
enum ScalePairs: Sendable {
    /// Sixteen bytes; byte j is scale j, with minimum j in the high half.
    case fourBit
    /// Twelve bytes for eight pairs.
    ///
    /// ```
    /// byte j     (j < 4)   scale j      | bits 4–5 of scale j + 4   << 6
    /// byte j + 4 (j < 4)   minimum j    | bits 4–5 of minimum j + 4 << 6
    /// byte j + 8 (j < 4)   bits 0–3 of scale j + 4 | bits 0–3 of minimum j + 4 << 4
    /// ```
    case sixBit

    /// Stores all pairs.
    ///
    /// Numbers that are too large spill into their neighbours' bits.
    func store(
        _ scales: UnsafePointer<UInt8>, _ minimums: UnsafePointer<UInt8>,
        _ bytes: UnsafeMutableRawPointer
    ) {
        switch self {
        case .fourBit:
            for j in 0..<16 { bytes.setByte(j, scales[j] | minimums[j] << 4) }
        case .sixBit:
            for j in 0..<4 {
                let (scale, minimum) = (scales[j + 4], minimums[j + 4])
                bytes.setByte(j, scales[j] | (scale >> 4) << 6)
                bytes.setByte(j + 4, minimums[j] | (minimum >> 4) << 6)
                bytes.setByte(j + 8, scale & 0xF | minimum << 4)
            }
        }
    }

    /// Loads pair `j`.
    @inline(__always)
    func load(_ bytes: UnsafeRawPointer, _ j: Int) -> (scale: UInt8, minimum: UInt8) {
        switch self {
        case .fourBit:
            return (bytes.byte(j) & 0xF, bytes.byte(j) >> 4)
        case .sixBit:
            if j < 4 { return (bytes.byte(j) & 63, bytes.byte(j + 4) & 63) }
            let low = bytes.byte(j + 4)
            return (
                low & 0xF | (bytes.byte(j - 4) >> 6) << 4, low >> 4 | (bytes.byte(j) >> 6) << 4
            )
        }
    }
}
