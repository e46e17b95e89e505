import Histogram

/// Durations, kept in buckets whose width is at most a thousandth of their value.
///
/// Source: HdrHistogram. Values are microseconds up to a day.
struct Distribution {
    private var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 1, highestTrackableValue: 86_400_000_000,
        numberOfSignificantValueDigits: .three)

    mutating func record(_ seconds: Double, count: Int = 1) {
        let microseconds = UInt64(min(max(seconds * 1e6, 0), 86_400e6).rounded())
        histogram.record(microseconds, count: UInt64(count))
    }

    /// What is told of it; `nil` when nothing was recorded.
    var summary: DurationSummary? {
        guard histogram.totalCount > 0 else { return nil }
        func seconds(_ percentile: Double) -> Double {
            Double(histogram.valueAtPercentile(percentile)) * 1e-6
        }
        return DurationSummary(
            count: Int(histogram.totalCount), mean: histogram.mean * 1e-6,
            min: Double(histogram.min) * 1e-6, p50: seconds(50), p90: seconds(90), p95: seconds(95),
            p99: seconds(99), max: Double(histogram.max) * 1e-6)
    }
}

/// What is told of many durations, in seconds.
public struct DurationSummary: Sendable, Hashable, Codable {
    /// How many there are.
    public var count: Int
    /// Their mean.
    public var mean: Double
    /// The shortest.
    public var min: Double
    /// What half of them do not exceed.
    public var p50: Double
    /// What 90 % of them do not exceed.
    public var p90: Double
    /// What 95 % of them do not exceed.
    public var p95: Double
    /// What 99 % of them do not exceed.
    public var p99: Double
    /// The longest.
    public var max: Double
}
