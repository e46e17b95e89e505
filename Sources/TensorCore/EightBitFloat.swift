/// 8-bit floats of the kind E4M3: a sign, four bits of exponent, three of fraction, no infinity.
///
/// Source: OCP 8-bit Floating Point Specification, 1.0.
package enum EightBitFloat {
    /// The nearest code, ties to even, the largest magnitude (448) for what is beyond it.
    @inline(__always)
    package static func code(of value: Float) -> UInt8 {
        let sign = UInt8(truncatingIfNeeded: value.bitPattern >> 24) & 0x80
        let magnitude = min(abs(value), 448)
        let small = UInt32((magnitude * 512).rounded(.toNearestOrEven))
        let bits = magnitude.bitPattern
        let normal = (bits &+ 0x7FFFF &+ (bits >> 20 & 1)) >> 20 &- 960
        return sign | UInt8(truncatingIfNeeded: magnitude < 0x1p-6 ? small : normal)
    }

    /// The value of a code; NaN for the two that are none.
    package static func value(of code: UInt8) -> Float {
        let magnitude = code & 0x7F
        if magnitude == 0x7F { return .nan }
        let (exponent, fraction) = (Int(magnitude >> 3), Float(magnitude & 7))
        let value =
            exponent == 0
            ? fraction * 0x1p-9
            : (1 + fraction / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
        return code & 0x80 != 0 ? -value : value
    }
}
