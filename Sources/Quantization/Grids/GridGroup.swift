/// The ways in which the values of a group, which share a scale, can be levels of a format.
struct GridGroup {
    /// A way: the numbers that the scale may be, and how far apart the levels are.
    struct Way {
        var scale: Span
        /// The levels from the lowest used to the highest, where the format has minimums.
        var reach = 0
    }

    let values: UnsafePointer<Float>
    let count: Int
    let precision: StoredPrecision
    /// Nothing where the scale may be anything.
    private(set) var ways: [Way] = []
    /// Whether every value is what a level of 0 gives, so that any scale does.
    private(set) var isFlat = false
    private(set) var largest: Double = 0
    private(set) var lowest: Double = 0

    /// The most ways that are kept: values that use two levels only can be any two.
    private static let mostWays = 96

    /// Finds the ways; `nil` where there is none.
    ///
    /// - Parameters:
    ///   - levels: The levels of the format.
    ///   - hasMinimum: Whether a minimum is taken off.
    init?(
        _ values: UnsafePointer<Float>, count: Int, levels: GridLevels, hasMinimum: Bool,
        precision: StoredPrecision
    ) {
        (self.values, self.count, self.precision) = (values, count, precision)
        var peak = 0.0
        (lowest, largest) = (Double(values[0]), 0)
        for index in 0..<count {
            let value = Double(values[index])
            if abs(value) > abs(peak) { peak = value }
            lowest = min(lowest, value)
        }
        largest = abs(peak)
        if hasMinimum {
            findAffineWays(levels)
        } else if peak == 0 {
            isFlat = true
        } else {
            findWays(levels, peak)
        }
        if ways.isEmpty && !isFlat { return nil }
    }

    func doubt(_ value: Double) -> Double { precision.doubt(value, largest: largest) }

    /// Scales that take every value to a level: the peak is each level in turn.
    private mutating func findWays(_ levels: GridLevels, _ peak: Double) {
        // Small values first: their levels are sure, and what they leave of the scale tells those of
        // large ones.
        let rising = (0..<count).map { Double(values[$0]) }.sorted { abs($0) < abs($1) }
        for level in levels.byMagnitude where level != 0 && ways.count < GridGroup.mostWays {
            let doubt = doubt(peak)
            var span = Span(peak - doubt, peak + doubt).divided(by: level)
            for value in rising where !span.isEmpty {
                let nearest = levels.nearest(value / span.middle)
                if nearest == 0 {
                    if value != 0 { span = Span(1, 0) }
                } else {
                    let doubt = self.doubt(value)
                    span.intersect(
                        Span(value - doubt, value + doubt).divided(by: nearest))
                }
            }
            if !span.isEmpty { ways.append(Way(scale: span)) }
        }
    }

    /// Scales that take every difference to the lowest value to a whole number.
    private mutating func findAffineWays(_ levels: GridLevels) {
        var highest = lowest
        for index in 0..<count { highest = max(highest, Double(values[index])) }
        if highest == lowest {
            // One value: the minimum alone, or a level without one.
            isFlat = lowest <= 0
            let span = Span(lowest - doubt(lowest), lowest + doubt(lowest))
            for level in isFlat ? 1..<1 : 1..<levels.highest + 1 {
                ways.append(Way(scale: span.divided(by: Double(level))))
            }
            return
        }
        for reach in stride(from: levels.highest, through: 1, by: -1) {
            let scale = (highest - lowest) / Double(reach)
            var span = Span(0, .infinity)
            for index in 0..<count where !span.isEmpty {
                let value = Double(values[index])
                let steps = ((value - lowest) / scale).rounded()
                let doubt = doubt(value) + doubt(lowest)
                let difference = value - lowest
                if steps == 0 {
                    if difference > doubt { span = Span(1, 0) }
                } else {
                    span.intersect(
                        Span(difference - doubt, difference + doubt).divided(by: steps))
                }
            }
            if !span.isEmpty, span.high > 0 { ways.append(Way(scale: span, reach: reach)) }
        }
    }

    /// The minimums with which all values are levels of a scale, the lowest value at level 0.
    func minimum(scale: Double) -> Span {
        var span = Span(-.infinity, .infinity)
        for index in 0..<count {
            let value = Double(values[index])
            let steps = scale > 0 ? ((value - lowest) / scale).rounded() : 0
            let doubt = doubt(value)
            span.intersect(Span(-doubt, doubt) + (scale * steps - value))
        }
        return span
    }
}

/// A format's levels.
struct GridLevels {
    /// In ascending order.
    let all: [Double]
    /// The farthest from zero first: a block's largest value is most often there.
    let byMagnitude: [Double]

    /// `nil` where values are points of a grid of several, or floats.
    init?(_ levels: FeedbackForm.Levels) {
        switch levels {
        case .integers(let range): all = range.map(Double.init)
        case .curve(let values): all = Set(values).sorted().map(Double.init)
        case .grid, .floats: return nil
        }
        byMagnitude = all.sorted { abs($0) > abs($1) }
    }

    /// The highest, which is a whole number where there are minimums.
    var highest: Int { Int(all[all.count - 1]) }

    func nearest(_ value: Double) -> Double {
        guard let first = all.first, let last = all.last else { return 0 }
        if all.count == Int(last - first) + 1 {
            return min(max(value.rounded(), first), last)
        }
        return all.min { abs($0 - value) < abs($1 - value) } ?? 0
    }
}
