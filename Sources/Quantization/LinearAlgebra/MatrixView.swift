/// A matrix in memory that somebody else owns: of F32 or F64, stored row after row, or as the
/// transpose of such a matrix.
///
/// `@unchecked Sendable`: whoever hands it to several threads lets nobody write what it shows.
package struct MatrixView<Element: OrderedElement>: @unchecked Sendable {
    /// The element in row 0, column 0.
    package let base: UnsafePointer<Element>
    /// The number of rows.
    package let rowCount: Int
    /// The number of columns.
    package let columnCount: Int
    /// The elements from row to row.
    let rowStride: Int
    /// The elements from column to column.
    let columnStride: Int

    private init(
        _ base: UnsafePointer<Element>, _ rowCount: Int, _ columnCount: Int, _ rowStride: Int,
        _ columnStride: Int
    ) {
        self.base = base
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.rowStride = rowStride
        self.columnStride = columnStride
    }

    /// A matrix whose rows are `stride` elements apart; one after the other by default.
    package init(
        _ base: UnsafePointer<Element>, rows: Int, columns: Int, stride: Int? = nil
    ) {
        self.init(base, rows, columns, stride ?? columns, 1)
    }

    /// Its transpose.
    package var transposed: MatrixView {
        MatrixView(base, columnCount, rowCount, columnStride, rowStride)
    }

    /// Some rows and columns of it.
    package func part(rows: Range<Int>, columns: Range<Int>) -> MatrixView {
        precondition(
            rows.lowerBound >= 0 && rows.upperBound <= rowCount && columns.lowerBound >= 0
                && columns.upperBound <= columnCount, "a part beyond the matrix")
        return MatrixView(
            base + rows.lowerBound * rowStride + columns.lowerBound * columnStride, rows.count,
            columns.count, rowStride, columnStride)
    }
}

/// A matrix in memory that somebody else owns, to write to; its rows are `stride` elements apart.
///
/// `@unchecked Sendable`: whoever hands it to several threads gives each its own part to write.
package struct MutableMatrixView<Element: OrderedElement>: @unchecked Sendable {
    /// The element in row 0, column 0.
    package let base: UnsafeMutablePointer<Element>
    /// The number of rows.
    package let rowCount: Int
    /// The number of columns.
    package let columnCount: Int
    /// The elements from row to row.
    package let stride: Int

    /// A matrix whose rows are `stride` elements apart; one after the other by default.
    package init(
        _ base: UnsafeMutablePointer<Element>, rows: Int, columns: Int, stride: Int? = nil
    ) {
        self.base = base
        rowCount = rows
        columnCount = columns
        self.stride = stride ?? columns
    }

    /// To read only.
    package var view: MatrixView<Element> {
        MatrixView(base, rows: rowCount, columns: columnCount, stride: stride)
    }

    /// Some rows and columns of it.
    package func part(rows: Range<Int>, columns: Range<Int>) -> MutableMatrixView {
        precondition(
            rows.lowerBound >= 0 && rows.upperBound <= rowCount && columns.lowerBound >= 0
                && columns.upperBound <= columnCount, "a part beyond the matrix")
        return MutableMatrixView(
            base + rows.lowerBound * stride + columns.lowerBound, rows: rows.count,
            columns: columns.count, stride: stride)
    }
}
