/// Searches for the scale of one block: weighted one-dimensional k-means whose centroids are tied
/// to the format's grid.
///
/// Free k-means alternates between giving every value its nearest centroid and moving the
/// centroids to the weighted means. Here the centroids are `scale * code (+ minimum)`, so the
/// second step is a least-squares fit of one or two numbers, and instead of iterating to a local
/// optimum the search tries a fixed list of starting grids. The functions differ in the grid:
///
/// | grid | values | function |
/// |---|---|---|
/// | `scale * code`, code in `-n..<n` | any sign | `symmetric`, `refined` |
/// | `scale * code + minimum`, code in `0...n`, minimum ≤ 0 | any sign | `affine` |
/// | `scale * code`, code in `0...n` | not negative | `positive` |
///
/// The order of every floating-point operation is part of the format: files must be equal byte
/// for byte, so nothing here may be reassociated, contracted or skipped. The kernels in `CKernels`
/// repeat these operations in each lane.
enum ScaleSearch {
    /// Blocks whose largest magnitude is below this are stored as zeros by the searches for
    /// grids without a minimum.
    static let negligible: Float = 1e-15

    /// The nearest integer, halves to even, of a value below 2^22 in magnitude.
    ///
    /// Adding 1.5 · 2^23 leaves the integer in the low bits of the sum's fraction. Beyond 2^22
    /// (and for infinities) the result is some other number, but the same one everywhere: blocks
    /// with extreme ratios get there, and their bytes are promised too.
    @inline(__always)
    static func nearest(_ value: Float) -> Int32 {
        let sum = value + 12_582_912
        return Int32(truncatingIfNeeded: sum.bitPattern & 0x007F_FFFF) - 0x0040_0000
    }

    /// `nearest`, limited to a range.
    @inline(__always)
    static func nearest(_ value: Float, in range: ClosedRange<Int32>) -> Int32 {
        max(range.lowerBound, min(range.upperBound, nearest(value)))
    }

    /// The value of largest magnitude, with its sign; the first of equals.
    static func peak(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
        var (peak, magnitude): (Float, Float) = (0, 0)
        for index in 0..<count where abs(values[index]) > magnitude {
            magnitude = abs(values[index])
            peak = values[index]
        }
        return peak
    }

    /// The importance weights of quantization with an importance matrix: a column's importance
    /// times a typical magnitude, so that large values count more: `q · sqrt(variance + x²)`.
    static func weights(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>, _ count: Int,
        variance: Float, into weights: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<count {
            let value = values[index]
            weights[index] = importance[index] * (variance + value * value).squareRoot()
        }
    }

    /// The sum of squares, accumulated in order.
    static func sumOfSquares(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
        var sum: Float = 0
        for index in 0..<count { sum += values[index] * values[index] }
        return sum
    }

    /// The sum, accumulated in order.
    static func sum(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
        var sum: Float = 0
        for index in 0..<count { sum += values[index] }
        return sum
    }
}
