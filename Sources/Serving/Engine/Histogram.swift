/// Counts of values by upper edges, as Prometheus has them.
struct Histogram: Sendable {
    /// The upper edges, in order; beyond the last there is one more bucket.
    let edges: [Double]
    private(set) var counts: [Int]
    private(set) var sum = 0.0

    init(_ edges: [Double]) {
        self.edges = edges
        counts = [Int](repeating: 0, count: edges.count + 1)
    }

    mutating func add(_ value: Double) {
        counts[edges.firstIndex { value <= $0 } ?? edges.count] += 1
        sum += value
    }

    /// Edges from a thousandth of a second to minutes.
    static let seconds = Histogram([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
    ])
    /// Edges for the time of a token.
    static let tokenSeconds = Histogram([
        0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2,
    ])
    /// Edges for numbers of tokens.
    static let tokens = Histogram([
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
    ])
    /// Edges for the texts of a step.
    static let batches = Histogram([1, 2, 4, 8, 16, 32, 64, 128])
}
