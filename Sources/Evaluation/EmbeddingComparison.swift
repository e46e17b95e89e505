import Inference
public import TensorCore

/// How near the vectors of a level are to the base's, and how much of what is next to what is left.
public struct EmbeddingAgreement: Codable, Sendable, Hashable {
    /// The cosine of a text's two vectors.
    public var cosine: Estimate
    /// The smallest of them.
    public var leastCosine: Double
    /// Spearman's correlation between the orders in which the other texts are near to one.
    public var rankCorrelation: Estimate
    /// The share of a text's nearest `neighbourCount` in the base that are its nearest still.
    public var keptNeighbours: Estimate
    /// How many neighbours are looked at.
    public var neighbourCount: Int

    /// Describes an agreement.
    public init(
        cosine: Estimate, leastCosine: Double, rankCorrelation: Estimate, keptNeighbours: Estimate,
        neighbourCount: Int
    ) {
        self.cosine = cosine
        self.leastCosine = leastCosine
        self.rankCorrelation = rankCorrelation
        self.keptNeighbours = keptNeighbours
        self.neighbourCount = neighbourCount
    }
}

/// Compares vectors of the same texts.
///
/// Errors are those of means over texts. Memory: the vectors, and a row of similarities for each
/// thread.
public struct EmbeddingComparison: Sendable {
    /// The base's vectors, each of length 1.
    private let base: [[Float]]
    private let pool: WorkerPool
    /// How many neighbours are looked at.
    public let neighbourCount: Int

    /// The fewest texts of which something can be said.
    public static let leastTextCount = 12

    /// Takes the base's vectors, at least `leastTextCount`.
    public init(base: [[Float]], neighbourCount: Int = 10, pool: WorkerPool = WorkerPool()) {
        precondition(base.count >= Self.leastTextCount, "too few texts")
        self.base = base.map(Self.unit)
        self.neighbourCount = min(neighbourCount, base.count - 1)
        self.pool = pool
    }

    private static func unit(_ vector: [Float]) -> [Float] {
        var vector = vector
        VectorNormalization.power(2).apply(to: &vector)
        return vector
    }

    /// What is found of one text.
    private struct Finding {
        var cosine = 0.0
        var correlation = 0.0
        var kept = 0.0
    }

    /// Compares the vectors of a level.
    ///
    /// - Complexity: O(texts² · (length + log texts)).
    public func agreement(of level: [[Float]]) throws -> EmbeddingAgreement {
        precondition(level.count == base.count, "vectors of other texts")
        let level = level.map(Self.unit)
        let findings = FindingBuffer(count: base.count)
        try pool.run(jobCount: base.count) { _, text in
            let (old, new) = (similarities(text, base), similarities(text, level))
            findings.values[text] = Finding(
                cosine: min(1, Self.product(base[text], level[text])),
                correlation: Self.correlation(Self.ranks(old), Self.ranks(new)),
                kept: kept(old, new))
        }
        var (cosines, correlations, shares) = (Moments(), Moments(), Moments())
        var least = Double.infinity
        for finding in findings.values {
            cosines.add(finding.cosine)
            correlations.add(finding.correlation)
            shares.add(finding.kept)
            least = min(least, finding.cosine)
        }
        return EmbeddingAgreement(
            cosine: Estimate(cosines), leastCosine: least, rankCorrelation: Estimate(correlations),
            keptNeighbours: Estimate(shares), neighbourCount: neighbourCount)
    }

    /// Where findings go; each job has a place of its own.
    private final class FindingBuffer: @unchecked Sendable {
        let values: UnsafeMutableBufferPointer<Finding>
        init(count: Int) {
            values = .allocate(capacity: count)
            values.initialize(repeating: Finding())
        }
        deinit { values.deallocate() }
    }

    private static func product(_ left: [Float], _ right: [Float]) -> Double {
        var sum = 0.0
        for index in left.indices { sum += Double(left[index]) * Double(right[index]) }
        return sum
    }

    /// The similarities of a text to all others.
    private func similarities(_ text: Int, _ vectors: [[Float]]) -> [Double] {
        vectors.indices.filter { $0 != text }.map { Self.product(vectors[text], vectors[$0]) }
    }

    /// The share of the nearest in `old` that are among the nearest in `new`.
    private func kept(_ old: [Double], _ new: [Double]) -> Double {
        func nearest(_ values: [Double]) -> Set<Int> {
            Set(
                values.indices.sorted { (values[$0], $1) > (values[$1], $0) }.prefix(neighbourCount)
            )
        }
        return Double(nearest(old).intersection(nearest(new)).count) / Double(neighbourCount)
    }

    /// Places from the smallest on; equal values share the mean of theirs.
    static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + end - 1) / 2 }
            start = end
        }
        return ranks
    }

    /// Pearson's correlation; 0 where one side is constant.
    static func correlation(_ left: [Double], _ right: [Double]) -> Double {
        let count = Double(left.count)
        let (leftMean, rightMean) = (left.reduce(0, +) / count, right.reduce(0, +) / count)
        var (product, leftPower, rightPower) = (0.0, 0.0, 0.0)
        for (x, y) in zip(left, right) {
            product += (x - leftMean) * (y - rightMean)
            leftPower += (x - leftMean) * (x - leftMean)
            rightPower += (y - rightMean) * (y - rightMean)
        }
        let size = (leftPower * rightPower).squareRoot()
        return size > 0 ? product / size : 0
    }
}
