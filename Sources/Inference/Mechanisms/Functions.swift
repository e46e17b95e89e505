#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// `1 / (1 + e⁻ˣ)`.
func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }

/// `ln(1 + eˣ)`.
func softplus(_ x: Float) -> Float { x > 20 ? x : log1p(exp(x)) }
