/// How a figure is distributed over the scored tokens, exactly.
public struct Distribution: Sendable, Hashable, Encodable {
    /// A percentile with its standard error from order statistics; the extremes have none.
    public struct Percentile: Sendable, Hashable, Encodable {
        /// So many per cent of the tokens lie below; 0 and 100 are the extremes.
        public let percent: Double
        /// The value below which they lie.
        public let estimate: Estimate

        /// Writes percentage, value and error as one object.
        public func encode(to encoder: any Encoder) throws {
            try estimate.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(percent, forKey: .percent)
        }

        private enum CodingKeys: CodingKey {
            case percent
        }
    }

    /// The mean.
    public let mean: Estimate
    /// The percentiles that are kept, in rising order.
    public let percentiles: [Percentile]

    private static let percents: [Double] = [
        0, 0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100,
    ]

    /// Sorts the values, in O(n log n).
    public init(_ values: [Float], mean: Estimate) {
        self.mean = mean
        let percentile = Percentiles(values)
        percentiles = Distribution.percents.map {
            let isExtreme = $0 == 0 || $0 == 100
            return Percentile(
                percent: $0,
                estimate: Estimate(
                    percentile($0), standardError: isExtreme ? nil : percentile.standardError($0)))
        }
    }

    /// The value below which `percent` of all values lie, one of those that are kept.
    public subscript(percent: Double) -> Estimate {
        guard let percentile = percentiles.first(where: { $0.percent == percent }) else {
            preconditionFailure("\(percent) % is not kept")
        }
        return percentile.estimate
    }
}
