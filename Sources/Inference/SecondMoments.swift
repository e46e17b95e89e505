/// Sums of products of columns.
package enum SecondMoments {
    /// `sums += aᵀ b` for `rowCount` rows of `a` and `b`, which are `stride` apart as are those of
    /// `sums`.
    package static func add(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, rowCount: Int,
        columns: (Int, Int), stride: Int, to sums: UnsafeMutablePointer<Float>
    ) {
        guard let products = try? MatrixProducts.load() else { return }
        products.transposedTimes(
            a, b, into: sums, rows: columns.0, columns: columns.1, inner: rowCount,
            stride: stride)
    }
}
