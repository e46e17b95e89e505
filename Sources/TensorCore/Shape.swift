/// The dimensions of a tensor, outermost first: `[rowCount, rowLength]` for a matrix.
///
/// The element count is computed once, with overflow checked, so that whoever holds a `Shape` may
/// multiply its dimensions without fear.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
    /// The dimensions, outermost first.
    ///
    /// A scalar has none.
    public let dimensions: [Int]
    /// The product of all dimensions; 1 for a scalar.
    public let elementCount: Int

    /// Creates a shape, or returns `nil` when a dimension is negative or the product overflows.
    public init?(_ dimensions: [Int]) {
        var count = 1
        for dimension in dimensions {
            guard dimension >= 0, let product = count.multiplied(checkedBy: dimension) else {
                return nil
            }
            count = product
        }
        self.dimensions = dimensions
        self.elementCount = count
    }

    /// The number of dimensions.
    public var rank: Int { dimensions.count }

    /// The length of one row: the innermost dimension, 1 for a scalar.
    public var rowLength: Int { dimensions.last ?? 1 }

    /// The number of rows: the product of all dimensions but the innermost.
    public var rowCount: Int { rowLength == 0 ? 0 : elementCount / rowLength }

    /// The dimensions as `[2, 3]`.
    public var description: String { "\(dimensions)" }
}
