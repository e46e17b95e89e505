extension ScaleSearch {
    /// Fits `values[i] ≈ scale * codes[i]` with codes in `0...n`: how the scales and minimums of
    /// a super-block's sub-blocks are stored when there is an importance matrix.
    ///
    /// Nine grids compete by their weighted squared error with the scale that made them; the
    /// winner's codes are then improved one at a time, as in `refined`.
    ///
    /// A sub-block whose weights differ by many orders of magnitude can have a negative scale.
    /// Its code is then negative too, and wraps where codes are kept in bytes; what comes of it
    /// is promised like everything else.
    ///
    /// - Returns: the least-squares scale of the final codes; 0 for negligible values.
    static func positive(
        _ values: UnsafePointer<Float>, _ count: Int, n: Int32,
        weights: UnsafePointer<Float>, codes: UnsafeMutablePointer<UInt8>
    ) -> Float {
        var largest: Float = 0
        for index in 0..<count where values[index] > largest { largest = values[index] }
        guard largest >= negligible else {
            codes.update(repeating: 0, count: count)
            return 0
        }
        func code(_ index: Int, _ inverse: Float) -> Int32 {
            min(n, nearest(inverse * values[index]))
        }
        func error(_ inverse: Float, _ code: (Int, Float) -> Int32) -> Float {
            let scale = 1 / inverse
            var sum: Float = 0
            for index in 0..<count {
                let difference = values[index] - scale * Float(code(index, inverse))
                sum += weights[index] * difference * difference
            }
            return sum
        }
        var winner = Float(n) / largest
        var leastError = error(winner) { index, inverse in
            Int32(UInt8(truncatingIfNeeded: nearest(inverse * values[index])))
        }
        for step in -4...4 where step != 0 {
            let inverse = (0.1 * Float(step) + Float(n)) / largest
            let stepError = error(inverse, code)
            if stepError < leastError {
                leastError = stepError
                winner = inverse
            }
        }
        var (xl, l2): (Float, Float) = (0, 0)
        for index in 0..<count {
            let code = code(index, winner)
            codes[index] = UInt8(truncatingIfNeeded: code)
            xl += weights[index] * values[index] * Float(code)
            l2 += weights[index] * Float(code) * Float(code)
        }
        improve(codes, values, count, n: n, weights: weights, xl: &xl, l2: &l2)
        return l2 > 0 ? xl / l2 : 0
    }

    /// Moves codes one at a time where that makes the least-squares fit better, whose sums are `xl`
    /// and `l2`, in up to five rounds.
    private static func improve(
        _ codes: UnsafeMutablePointer<UInt8>, _ values: UnsafePointer<Float>, _ count: Int,
        n: Int32, weights: UnsafePointer<Float>, xl: inout Float, l2: inout Float
    ) {
        for _ in 0..<5 {
            var changed = false
            for index in 0..<count {
                let (value, weight) = (values[index], weights[index])
                let old = Float(codes[index])
                var othersXL = xl - weight * value * old
                var othersL2 = l2 - weight * old * old
                guard othersXL > 0, othersL2 > 0 else { continue }
                let new = min(n, nearest(value * othersL2 / othersXL))
                guard Float(new) != old else { continue }
                othersXL += weight * value * Float(new)
                othersL2 += weight * Float(new) * Float(new)
                if othersXL * othersXL * l2 > xl * xl * othersL2 {
                    codes[index] = UInt8(truncatingIfNeeded: new)
                    (xl, l2) = (othersXL, othersL2)
                    changed = true
                }
            }
            if !changed { break }
        }
    }
}
