extension ScaleSearch {
    /// Fits `values[i] ≈ scale * (codes[i] - n)` with codes in `0..<2n`.
    ///
    /// Nineteen grids are tried: the one that puts the peak value on code `-n`, then those that
    /// put it at `-(n - 0.9) … -(n + 0.9)`. Each gets its least-squares scale
    /// `Σ w·x·l / Σ w·l²`; the grid that explains most, `(Σ w·x·l)² / Σ w·l²`, wins.
    ///
    /// - Parameters:
    ///   - weights: one per value; `nil` stands for the squares of the values.
    ///   - codes: receives the winning grid's codes; `nil` when only the scale is wanted.
    /// - Returns: the scale; 0 with codes 0 for a negligible block.
    /// - Complexity: 20 passes over the block.
    static func symmetric(
        _ values: UnsafePointer<Float>, _ count: Int, n: Int32,
        weights: UnsafePointer<Float>?, codes: UnsafeMutablePointer<UInt8>
    ) -> Float {
        let peak = peak(values, count)
        guard abs(peak) >= negligible else {
            codes.update(repeating: 0, count: count)
            return 0
        }
        let range = -n...n - 1
        /// Σ w·x·l and Σ w·l² for the codes l that `inverse` gives.
        func moments(_ inverse: Float) -> (xl: Float, l2: Float) {
            var (xl, l2): (Float, Float) = (0, 0)
            for index in 0..<count {
                let value = values[index]
                let weight = weights?[index] ?? value * value
                let code = Float(nearest(inverse * value, in: range))
                xl += weight * value * code
                l2 += weight * code * code
            }
            return (xl, l2)
        }
        var winner = -Float(n) / peak
        let first = moments(winner)
        var scale = first.l2 != 0 ? first.xl / first.l2 : 0
        var explained = scale * first.xl
        for step in -9...9 where step != 0 {
            let inverse = -(Float(n) + 0.1 * Float(step)) / peak
            let (xl, l2) = moments(inverse)
            if l2 > 0, xl * xl > explained * l2 {
                winner = inverse
                scale = xl / l2
                explained = scale * xl
            }
        }
        for index in 0..<count {
            codes[index] = UInt8(nearest(winner * values[index], in: range) + n)
        }
        return scale
    }

    /// Fits `values[i] ≈ scale * (codes[i] - n)` with codes in `0..<2n`, weights `values[i]²`.
    ///
    /// Starts with the grid that puts the peak value on code `-n` and then improves one code at a
    /// time: with value `i` left out, the scale of the others says which code `i` should have.
    /// At most five rounds.
    ///
    /// - Returns: the scale; 0 with codes 0 for a negligible block.
    static func refined(
        _ values: UnsafePointer<Float>, _ count: Int, n: Int32, codes: UnsafeMutablePointer<UInt8>
    ) -> Float {
        let peak = peak(values, count)
        guard abs(peak) >= negligible else {
            codes.update(repeating: 0, count: count)
            return 0
        }
        let range = -n...n - 1
        let inverse = -Float(n) / peak
        var (xl, l2): (Float, Float) = (0, 0)
        for index in 0..<count {
            let value = values[index]
            let weight = value * value
            let code = nearest(inverse * value, in: range)
            codes[index] = UInt8(code + n)
            xl += weight * value * Float(code)
            l2 += weight * Float(code) * Float(code)
        }
        for _ in 0..<5 {
            var changed = false
            for index in 0..<count {
                let value = values[index]
                let weight = value * value
                let old = Float(Int32(codes[index]) - n)
                var othersXL = xl - weight * value * old
                guard othersXL > 0 else { continue }
                var othersL2 = l2 - weight * old * old
                let code = nearest(value * othersL2 / othersXL, in: range)
                guard Float(code) != old else { continue }
                othersXL += weight * value * Float(code)
                othersL2 += weight * Float(code) * Float(code)
                if othersL2 > 0, othersXL * othersXL * l2 > xl * xl * othersL2 {
                    codes[index] = UInt8(code + n)
                    (xl, l2) = (othersXL, othersL2)
                    changed = true
                }
            }
            if !changed { break }
        }
        return l2 > 0 ? xl / l2 : 0
    }
}
