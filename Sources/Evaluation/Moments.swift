/// Mean and variance of numbers that come one by one (Welford's recurrence, which does not lose
/// the variance of numbers far from zero).
public struct Moments: Sendable, Hashable, Codable {
    /// How many came.
    public private(set) var count = 0
    /// Their mean; 0 before any came.
    public private(set) var mean: Double = 0
    private var squares: Double = 0

    /// Creates moments of no numbers.
    public init() {}

    /// Adds a number.
    public mutating func add(_ value: Double) {
        count += 1
        let difference = value - mean
        mean += difference / Double(count)
        squares += difference * (value - mean)
    }

    /// The mean of squared deviations, without Bessel's correction.
    public var variance: Double { count > 0 ? squares / Double(count) : 0 }

    /// The standard error of the mean, `sqrt(variance / (n − 1))`; 0 for fewer than two numbers.
    public var standardError: Double {
        count > 1 ? (max(0, variance) / Double(count - 1)).squareRoot() : 0
    }
}

/// Exact percentiles of a list of numbers.
public struct Percentiles: Sendable, Hashable {
    private let sorted: [Float]

    /// Sorts the numbers, which are not NaN, in O(n log n).
    public init(_ values: [Float]) { sorted = values.sorted() }

    /// The number below which `percent` of all lie, interpolated linearly between neighbours.
    ///
    /// It is the one at position `percent / 100 · (n − 1)` of the sorted list; 0 for no numbers.
    public func callAsFunction(_ percent: Double) -> Double {
        guard let last = sorted.indices.last else { return 0 }
        let position = min(max(percent, 0), 100) / 100 * Double(last)
        let below = Int(position)
        let fraction = position - Double(below)
        let (low, high) = (Double(sorted[below]), Double(sorted[min(below + 1, last)]))
        return low + fraction * (high - low)
    }

    /// The standard error of a percentile, from order statistics; 0 for fewer than two numbers.
    ///
    /// The number of values below the true percentile is binomial, so the rank `n·p` is off by
    /// `sqrt(n·p·(1 − p))` as a standard error; half the distance between the values that lie so
    /// far above and below is the error of the value. Near the ends of a short list the upper
    /// value is the largest, and the error is too small rather than unknown. Source: David and
    /// Nagaraja, Order Statistics, 3rd edition, section 7.1.
    public func standardError(_ percent: Double) -> Double {
        guard sorted.count > 1 else { return 0 }
        let share = min(max(percent, 0), 100) / 100
        let count = Double(sorted.count)
        let spread = (count * share * (1 - share)).squareRoot() / count * 100
        return (self(percent + spread) - self(percent - spread)) / 2
    }
}
