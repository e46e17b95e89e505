/// What the two IQ1 formats share: codes for -1, 0 and 1, all shifted a little up or down, on a
/// grid of 2048 points of eight.
enum TernaryGrid {
    /// The shift.
    static let delta: Float = 0.125
    /// The numbers that codes 0, 1 and 2 stand for, shifted up and down.
    static let up: [Float] = [-1 + delta, delta, 1 + delta]
    static let down: [Float] = [-1 - delta, -delta, 1 - delta]

    /// The positions of the values in ascending order; equals keep their order.
    static func sort(
        _ values: UnsafePointer<Float>, _ count: Int, into order: UnsafeMutablePointer<Int>
    ) {
        for index in 0..<count {
            var place = index
            while place > 0, values[order[place - 1]] > values[index] {
                order[place] = order[place - 1]
                place -= 1
            }
            order[place] = index
        }
    }

    /// The grid point for eight codes: they themselves, or the near point of least error.
    static func point(
        _ codes: UnsafePointer<UInt8>, _ values: UnsafePointer<Float>,
        _ weights: UnsafePointer<Float>, scale: Float, numbers: [Float]
    ) -> (point: Int, wasOnGrid: Bool) {
        let grid = GridCodebook.IQ1
        let key = grid.key(codes)
        if let point = grid.point(key) { return (point, true) }
        let near = grid.near(key)
        var (nearest, leastError) = (Int(near[0]), Float.greatestFiniteMagnitude)
        for point in near {
            let codes = grid.codes + 8 * Int(point)
            var error: Float = 0
            for place in 0..<8 {
                let difference = scale * numbers[Int(codes[place])] - values[place]
                error += weights[place] * difference * difference
            }
            if error < leastError { (nearest, leastError) = (Int(point), error) }
        }
        return (nearest, false)
    }

    /// Adds eight values at a grid point to the sums of a least-squares fit.
    @inline(__always)
    static func add(
        _ point: Int, _ values: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
        numbers: [Float], factor: Float = 1, to sums: inout (xq: Float, q2: Float)
    ) {
        let codes = GridCodebook.IQ1.codes + 8 * point
        for place in 0..<8 {
            let q = numbers[Int(codes[place])] * factor
            sums.xq += weights[place] * q * values[place]
            sums.q2 += weights[place] * q * q
        }
    }

    /// Reads eight values.
    static func load(
        _ point: Int, scale: Float, delta: Float, _ values: UnsafeMutablePointer<Float>
    ) {
        let codes = GridCodebook.IQ1.codes + 8 * point
        for place in 0..<8 {
            values[place] = scale * (Float(Int32(codes[place]) - 1) + delta)
        }
    }
}
