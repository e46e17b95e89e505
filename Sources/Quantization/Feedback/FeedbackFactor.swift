/// What a layer's inputs say about rounding errors: the upper Cholesky factor U of the inverse of a
/// shrunk and damped Hessian, H⁻¹ = UᵀU.
///
/// The error of column j, divided by U's diagonal, times row j of U is what the columns behind it
/// have to make up for.
public struct FeedbackFactor: Sendable {
    /// The number of columns of the weights, the layer's inputs.
    public let columnCount: Int
    /// `columnCount` × `columnCount`, row by row; what is below the diagonal is not read.
    public let values: [Float]

    /// Takes a factor.
    ///
    /// - Parameter values: `columnCount` × `columnCount` numbers, finite, positive on the diagonal.
    public init(columnCount: Int, values: [Float]) {
        precondition(columnCount >= 0 && values.count == columnCount * columnCount)
        self.columnCount = columnCount
        self.values = values
    }
}
