import TensorCore

/// A quantized matrix in memory: a byte for each code, a number for each scale.
///
/// `value = (code − zero point) · scale · unit` for integers, whose codes count from the lowest, and
/// `float(code) · scale · unit` for floats. Memory: rows · columns bytes and the scales.
///
/// `@unchecked Sendable`: whoever hands it to several threads gives each its own rows to write.
package final class CodedMatrix: @unchecked Sendable {
    package let grid: WeightGrid
    package let rowCount: Int
    package let columnCount: Int
    /// The rows and columns that share a scale.
    package let cell: (rows: Int, columns: Int)
    /// The scales of a row of cells.
    package let scaleColumns: Int
    /// The rows of cells.
    package let scaleRows: Int
    /// What all scales are multiplied by: 1 without a scale for the matrix.
    package var unit: Float = 1
    package let codes: UnsafeMutablePointer<UInt8>
    package let scales: UnsafeMutablePointer<Float>
    /// One for each scale; those of symmetric integers are the middle code.
    package let zeros: UnsafeMutablePointer<UInt8>

    package init(_ grid: WeightGrid, rows: Int, columns: Int) {
        self.grid = grid
        rowCount = rows
        columnCount = columns
        cell = grid.cell(rows: rows, columns: columns)
        scaleColumns = (columns + cell.columns - 1) / cell.columns
        scaleRows = (rows + cell.rows - 1) / cell.rows
        let count = max(1, scaleRows * scaleColumns)
        codes = .allocate(capacity: max(1, rows * columns))
        codes.initialize(repeating: 0, count: max(1, rows * columns))
        scales = .allocate(capacity: count)
        scales.initialize(repeating: 1, count: count)
        zeros = .allocate(capacity: count)
        zeros.initialize(repeating: UInt8(1 << (grid.bits - 1)), count: count)
    }

    deinit {
        codes.deallocate()
        scales.deallocate()
        zeros.deallocate()
    }

    /// The number of a place's scale.
    package func place(row: Int, column: Int) -> Int {
        row / cell.rows * scaleColumns + column / cell.columns
    }

    /// The value at a place.
    package func value(row: Int, column: Int) -> Float {
        let (code, place) = (codes[row * columnCount + column], place(row: row, column: column))
        let number: Float =
            switch grid.codes {
            case .integers: Float(Int(code) - Int(zeros[place]))
            case .e4m3: EightBitFloat.value(of: code)
            case .e2m1: FourBitFloat.value(of: code)
            }
        return number * scales[place] * unit
    }
}
