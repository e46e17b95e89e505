import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// `1 / (1 + e⁻ˣ)`.
func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }

/// `ln(1 + eˣ)`.
func softplus(_ x: Float) -> Float { x > 20 ? x : log1p(exp(x)) }

/// Scales a query or key to a length, as far as it is not next to nothing.
func scaleToUnit(_ values: UnsafeMutablePointer<Float>, _ count: Int, by factor: Float) {
    var power: Float = 0
    for index in 0..<count { power += values[index] * values[index] }
    ingot_scale(values, factor / (power + 1e-6).squareRoot(), count)
}
