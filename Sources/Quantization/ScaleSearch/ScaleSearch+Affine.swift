extension ScaleSearch {
    /// How a block's error is measured.
    enum ErrorMeasure: Sendable {
        /// Σ w·|error|
        case absolute
        /// Σ w·error²
        case squared
    }

    /// The grids that `affine` tries: `n + first + step * k` codes between the smallest and the
    /// largest value, for `k` in `0...count`.
    struct Candidates: Sendable {
        let first: Float
        let step: Float
        let count: Int

        /// What the formats with a minimum try when there is an importance matrix.
        static let weighted = Candidates(first: -0.9, step: 0.05, count: 36)
    }

    /// Fits `values[i] ≈ scale * codes[i] + minimum` with codes in `0...n` and minimum ≤ 0.
    ///
    /// The first grid spreads the codes evenly from the smallest value (or zero, if that is
    /// smaller) to the largest. Each candidate grid then gets its codes, the weighted
    /// least-squares line through (code, value), and the error of that line; the smallest error
    /// wins. A line that would need a minimum above zero is fitted again through zero. A winner's
    /// minimum is also where the following candidates start.
    ///
    /// - Parameter codes: receives the winning grid's codes.
    /// - Returns: the scale and the minimum's negative, which is what formats store; scale 0 for
    ///   a block of equal values.
    /// - Complexity: two passes over the block per candidate.
    static func affine(
        _ values: UnsafePointer<Float>, _ count: Int, n: Int32,
        weights: UnsafePointer<Float>, measure: ErrorMeasure, candidates: Candidates,
        codes: UnsafeMutablePointer<UInt8>
    ) -> (scale: Float, negatedMinimum: Float) {
        let (smallest, largest, sumW, sumX) = range(values, count, weights: weights)
        guard largest > smallest else {
            codes.update(repeating: 0, count: count)
            return (0, -smallest)
        }
        var minimum = smallest
        func code(_ index: Int, _ inverse: Float, _ minimum: Float) -> Float {
            Float(nearest(inverse * (values[index] - minimum), in: 0...n))
        }
        /// The error of the line `scale, line` over the codes of the grid `inverse, minimum`.
        func error(_ inverse: Float, _ minimum: Float, scale: Float, line: Float) -> Float {
            var sum: Float = 0
            for index in 0..<count {
                let difference =
                    scale * code(index, inverse, minimum) + line - values[index]
                switch measure {
                case .absolute: sum += weights[index] * abs(difference)
                case .squared: sum += weights[index] * (difference * difference)
                }
            }
            return sum
        }
        // The grid that wins so far, which gives the codes, and its scale.
        var winner = (inverse: Float(n) / (largest - minimum), minimum: minimum)
        var scale = 1 / winner.inverse
        var leastError = error(winner.inverse, minimum, scale: scale, line: minimum)
        for k in 0...candidates.count {
            let inverse =
                (candidates.first + candidates.step * Float(k) + Float(n)) / (largest - minimum)
            var (sumL, sumL2, sumXL): (Float, Float, Float) = (0, 0, 0)
            for index in 0..<count {
                let code = code(index, inverse, minimum)
                let weight = weights[index]
                sumL += weight * code
                sumL2 += weight * code * code
                sumXL += weight * code * values[index]
            }
            let fit = line(sumW: sumW, sumX: sumX, sumL: sumL, sumL2: sumL2, sumXL: sumXL)
            guard let fit else { continue }
            let lineError = error(inverse, minimum, scale: fit.scale, line: fit.minimum)
            if lineError < leastError {
                leastError = lineError
                winner = (inverse, minimum)
                scale = fit.scale
                minimum = fit.minimum
            }
        }
        for index in 0..<count {
            codes[index] = UInt8(code(index, winner.inverse, winner.minimum))
        }
        return (scale, -minimum)
    }

    /// The smallest value, or zero if that is smaller, and the largest; the sums of the weights and
    /// of the weighted values.
    @inline(__always)
    private static func range(
        _ values: UnsafePointer<Float>, _ count: Int, weights: UnsafePointer<Float>
    ) -> (smallest: Float, largest: Float, sumW: Float, sumX: Float) {
        var (smallest, largest) = (values[0], values[0])
        var sumW = weights[0]
        var sumX = sumW * values[0]
        for index in 1..<count {
            let value = values[index]
            if value < smallest { smallest = value }
            if value > largest { largest = value }
            sumW += weights[index]
            sumX += weights[index] * value
        }
        return (smallest > 0 ? 0 : smallest, largest, sumW, sumX)
    }

    /// The least-squares line through points (code, value) from their weighted sums, through zero
    /// where its minimum would be above; `nil` when the codes do not tell one.
    @inline(__always)
    private static func line(
        sumW: Float, sumX: Float, sumL: Float, sumL2: Float, sumXL: Float
    ) -> (scale: Float, minimum: Float)? {
        let determinant = sumW * sumL2 - sumL * sumL
        guard determinant > 0 else { return nil }
        let minimum = (sumL2 * sumX - sumL * sumXL) / determinant
        return minimum > 0
            ? (sumXL / sumL2, 0) : ((sumW * sumXL - sumX * sumL) / determinant, minimum)
    }
}
