/// The largest difference between two lists of numbers and where it is, for failure messages.
public struct WorstDifference: CustomStringConvertible, Sendable {
    /// The position of the largest difference; -1 when the counts differ.
    public let index: Int
    /// The value found there.
    public let found: Float
    /// The value expected there.
    public let expected: Float
    /// The absolute difference; infinite when one side alone is NaN or the counts differ.
    public let magnitude: Float

    /// Compares two lists of the same length.
    public init(_ found: [Float], _ expected: [Float]) {
        guard found.count == expected.count else {
            (index, self.found, self.expected) = (-1, Float(found.count), Float(expected.count))
            magnitude = .infinity
            return
        }
        var worst = (index: 0, magnitude: Float(0))
        for index in found.indices {
            let difference = abs(found[index] - expected[index])
            let size =
                difference.isNaN
                ? (found[index].isNaN && expected[index].isNaN ? 0 : .infinity) : difference
            if size > worst.magnitude { worst = (index, size) }
        }
        index = worst.index
        self.found = found.isEmpty ? 0 : found[worst.index]
        self.expected = expected.isEmpty ? 0 : expected[worst.index]
        magnitude = worst.magnitude
    }

    /// What a failure message shows.
    public var description: String {
        index < 0
            ? "\(found) values found, \(expected) expected"
            : "largest difference \(magnitude) at \(index): found \(found), expected \(expected)"
    }
}
