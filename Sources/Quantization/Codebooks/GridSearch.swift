/// Searches for the scale and the grid points of one sub-block of an IQ2 or IQ3 format.
///
/// The grid holds magnitudes `2 * code + 1`; signs are stored apart. As in `ScaleSearch` a fixed
/// list of starting scales competes by least squares, but after rounding every group of codes is
/// moved to the best near grid point. The order of operations is part of the formats.
struct GridSearch {
    /// What tells the formats apart.
    struct Settings: Sendable {
        let grid: GridCodebook
        /// Values in a sub-block: 16 or 32.
        let count: Int
        /// Scales are tried at `-steps...steps` times `width` around the natural one.
        let steps: Int
        let width: Float
        /// Seven signs are stored for eight values: their number is made even.
        var hasEvenSigns = false
        /// Sub-blocks of smaller magnitude are stored as zeros.
        var negligible: Float = ScaleSearch.negligible
        /// The start is a fit without grid, and the winner is refined whatever it is.
        var startsFromFit = false
        /// All groups are rounded again with the winning scale, not only those off the grid.
        var refinesAll = false
    }

    let settings: Settings
    /// Set by the caller: the importance of each value.
    let weights: UnsafeMutablePointer<Float>
    /// The result: one sign bit for each value of a group of eight.
    let signs: UnsafeMutablePointer<UInt8>
    private let roots: UnsafeMutablePointer<Float>
    private let magnitudes: UnsafeMutablePointer<Float>
    private let codes: UnsafeMutablePointer<UInt8>
    private let trial: UnsafeMutablePointer<UInt8>

    /// Runs `body` with a search that owns room for one sub-block.
    static func with(_ settings: Settings, _ body: (GridSearch) -> Void) {
        withScratch(96, of: Float.self) { floats in
            withScratch(72, of: UInt8.self) { bytes in
                body(
                    GridSearch(
                        settings: settings, weights: floats, signs: bytes,
                        roots: floats + 32, magnitudes: floats + 64, codes: bytes + 4,
                        trial: bytes + 36))
            }
        }
    }

    private var grid: GridCodebook { settings.grid }
    private var groupCount: Int { settings.count / grid.dimensions }

    /// The grid point of a group after `scale`.
    func point(_ group: Int) -> Int {
        let key = grid.key(codes + group * grid.dimensions)
        return grid.point(key) ?? Int(grid.near(key)[0])
    }

    /// Finds signs, grid points and scale of a sub-block; `nil` when it is stored as zeros.
    func scale(_ values: UnsafePointer<Float>) -> Float? {
        let count = settings.count
        for index in 0..<count { roots[index] = weights[index].squareRoot() }
        for part in 0..<count / 8 { takeSigns(values, part) }
        var largest = magnitudes[0]
        for index in 1..<count { largest = max(largest, magnitudes[index]) }
        codes.update(repeating: 0, count: count)
        guard largest >= settings.negligible, largest != 0 else { return nil }

        let top = Float(2 * (settings.startsFromFit ? 3 : grid.levels) - 1)
        var scale = largest / top
        var reach = largest
        if settings.startsFromFit {
            scale = ScaleSearch.positive(magnitudes, count, n: 4, weights: weights, codes: codes)
            reach = scale * 3
            guard reach > 0 else { return nil }
        }
        // Bit g: group g was rounded to a grid point right away.
        var onGrid: UInt32 = settings.refinesAll ? 0 : .max
        var best: Float = 0
        for step in -settings.steps...settings.steps {
            let inverse = (top + Float(step) * settings.width) / reach
            var trialOnGrid: UInt32 = .max
            for group in 0..<groupCount
            where !snap(group, inverse: inverse, scale: 1 / inverse, trial) {
                trialOnGrid &= ~(1 << UInt32(group))
            }
            let (xq, q2) = fit(trial)
            if q2 > 0, xq * xq > best * q2 {
                scale = xq / q2
                best = scale * xq
                codes.update(from: trial, count: count)
                onGrid = trialOnGrid
            }
        }
        let all: UInt32 = groupCount == 32 ? .max : 1 << UInt32(groupCount) - 1
        if settings.startsFromFit || onGrid & all != all, scale > 0 {
            let inverse = 1 / scale
            for group in 0..<groupCount
            where settings.startsFromFit || settings.refinesAll
                || onGrid >> UInt32(group) & 1 == 0
            {
                _ = snap(group, inverse: inverse, scale: scale, codes)
            }
            let (xq, q2) = fit(codes)
            if q2 > 0 { scale = xq / q2 }
        }
        if scale < 0 {
            scale = -scale
            for part in 0..<count / 8 { signs[part] = ~signs[part] }
        }
        return scale
    }

    /// Splits eight values in signs and magnitudes.
    ///
    /// Where the number of signs must be even, the least important value may get the wrong one.
    private func takeSigns(_ values: UnsafePointer<Float>, _ part: Int) {
        let (values, magnitudes) = (values + 8 * part, magnitudes + 8 * part)
        var bits: UInt8 = 0
        for index in 0..<8 {
            if values[index] >= 0 {
                magnitudes[index] = values[index]
            } else {
                magnitudes[index] = -values[index]
                bits |= 1 << UInt8(index)
            }
        }
        if settings.hasEvenSigns {
            if bits.nonzeroBitCount % 2 == 1 {
                let weights = weights + 8 * part
                func cost(_ index: Int) -> Float { weights[index] * values[index] * values[index] }
                var least = 0
                for index in 1..<8 where cost(index) < cost(least) { least = index }
                magnitudes[least] = -magnitudes[least]
                bits ^= 1 << UInt8(least)
            }
        }
        signs[part] = bits
    }

    /// Rounds a group of magnitudes to codes and these to a grid point.
    ///
    /// Returns whether they were one already.
    @inline(__always)
    private func snap(
        _ group: Int, inverse: Float, scale: Float, _ codes: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        let (grid, start) = (grid, group * grid.dimensions)
        let highest = Int32(grid.levels - 1)
        for index in start..<start + grid.dimensions {
            let code = ScaleSearch.nearest(0.5 * (inverse * magnitudes[index] - 1), in: 0...highest)
            codes[index] = UInt8(truncatingIfNeeded: code)
        }
        let key = grid.key(codes + start)
        if grid.point(key) != nil { return true }
        var leastError = Float.greatestFiniteMagnitude
        let near = grid.near(key)
        var nearest = Int(near[0])
        for point in near {
            let coordinates = grid.coordinates + Int(point) * grid.dimensions
            var error: Float = 0
            for place in 0..<grid.dimensions {
                let difference = scale * coordinates[place] - magnitudes[start + place]
                error += roots[start + place] * difference * difference
            }
            if error < leastError { (leastError, nearest) = (error, Int(point)) }
        }
        let winner = grid.codes + nearest * grid.dimensions
        (codes + start).update(from: winner, count: grid.dimensions)
        return false
    }

    private func fit(_ codes: UnsafePointer<UInt8>) -> (xq: Float, q2: Float) {
        var (xq, q2): (Float, Float) = (0, 0)
        for index in 0..<settings.count {
            let q = Float(2 * Int32(codes[index]) + 1)
            xq += weights[index] * magnitudes[index] * q
            q2 += weights[index] * q * q
        }
        return (xq, q2)
    }
}

extension GridSearch {
    /// The 4-bit scale codes of sub-blocks: `scale ≈ unit * (2 * code + 1)`.
    static func scaleCode(_ scale: Float, inverseUnit: Float) -> UInt32 {
        UInt32(ScaleSearch.nearest(0.5 * (inverseUnit * scale - 1), in: 0...15))
    }

    /// Eight signs of which seven are stored: the eighth makes their number even.
    @inline(__always)
    static func evenSigns(_ stored: UInt32) -> UInt8 {
        let bits = UInt8(stored & 0x7F)
        return bits.nonzeroBitCount % 2 == 0 ? bits : bits | 0x80
    }

    /// Reads a group: `magnitude of the point * scale`, with signs from the low bits.
    @inline(__always)
    static func load(
        _ grid: GridCodebook, _ point: Int, magnitudes: [Float], scale: Float, signs: UInt8,
        _ values: UnsafeMutablePointer<Float>
    ) {
        // A corrupt number of a point cannot be larger than the grid: all have a power of two.
        for place in 0..<grid.dimensions {
            let code = Int(grid.codes[point * grid.dimensions + place])
            let value = scale * magnitudes[code]
            values[place] = signs >> UInt8(place) & 1 == 1 ? -value : value
        }
    }
}

extension GridSearch {
    /// Sets the weights: with importance as everywhere, without it the squares.
    func weigh(
        _ values: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, _ variance: Float
    ) {
        if let importance {
            ScaleSearch.weights(
                values, importance, settings.count, variance: variance, into: weights)
        } else {
            for index in 0..<settings.count { weights[index] = values[index] * values[index] }
        }
    }

    /// Stores scale codes two to a byte.
    static func store(
        scaleCodes codes: UnsafePointer<UInt8>, _ byteCount: Int, _ bytes: UnsafeMutableRawPointer
    ) {
        for index in 0..<byteCount {
            bytes.setByte(index, codes[2 * index] | codes[2 * index + 1] << 4)
        }
    }

    /// Stores the codes of scales two to a byte.
    static func storeScales(
        _ scales: UnsafePointer<Float>, inverseUnit: Float, _ byteCount: Int,
        _ bytes: UnsafeMutableRawPointer
    ) {
        for index in 0..<byteCount {
            let low = scaleCode(scales[2 * index], inverseUnit: inverseUnit)
            let high = scaleCode(scales[2 * index + 1], inverseUnit: inverseUnit)
            bytes.setByte(index, UInt8(truncatingIfNeeded: low | high << 4))
        }
    }
}
