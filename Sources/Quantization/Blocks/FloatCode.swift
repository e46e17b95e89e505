/// 4-bit floats (E2M1): a sign, two bits of exponent, one of fraction.
enum FloatCode {
    /// Twice the values of the 16 codes, so that all are integers; the scales are halved instead.
    static let doubled: [Float] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

    /// The code whose value times `scale` is nearest; the lowest of equals.
    static func nearest(_ value: Float, scale: Float) -> UInt8 {
        var (best, leastError) = (UInt8(0), abs(doubled[0] * scale - value))
        for code in UInt8(1)..<16 {
            let error = abs(doubled[Int(code)] * scale - value)
            if error < leastError { (best, leastError) = (code, error) }
        }
        return best
    }
}
