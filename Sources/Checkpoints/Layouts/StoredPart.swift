package import Safetensors

/// One of the tensors that a quantized matrix is stored as.
package struct StoredPart: Sendable {
    /// What stands after the module's name: `.weight_packed`.
    package let suffix: String
    /// The type; `nil` for scales of the model's type.
    package let dataType: DataType?
    /// The dimensions for a matrix.
    package let shape: @Sendable (_ matrix: MatrixShape) -> [Int]
    /// Writes rows of the tensor (along its first dimension; the only one for scalars).
    package let fill:
        @Sendable (
            _ matrix: CodedMatrix, _ rows: Range<Int>, _ destination: UnsafeMutableRawPointer
        ) -> Void
    /// What a part that is no function of the codes is: a scale of the layer's inputs.
    var activation: ActivationScale?
    /// Whether it is made at once: a row of it comes of all rows of the matrix.
    var isWhole = false

    init(
        _ suffix: String, _ dataType: DataType?,
        shape: @escaping @Sendable (MatrixShape) -> [Int],
        fill: @escaping @Sendable (CodedMatrix, Range<Int>, UnsafeMutableRawPointer) -> Void
    ) {
        self.suffix = suffix
        self.dataType = dataType
        self.shape = shape
        self.fill = fill
    }

    /// A scale of what the layer takes in.
    init(_ suffix: String, _ activation: ActivationScale, isScalar: Bool = false) {
        self.suffix = suffix
        dataType = activation.dataType
        shape = { _ in isScalar ? [] : [1] }
        fill = { _, _, _ in }
        self.activation = activation
    }
}

/// How a scale of activations is made of their largest magnitude.
struct ActivationScale: Sendable, Hashable {
    /// The largest magnitude over this is the scale.
    let divisor: Float
    /// Whether the scale's inverse is stored.
    var isInverse = false
    /// The type; `nil` for the model's.
    var dataType: DataType?

    /// The number that is stored.
    func value(largest: Float) -> Float {
        let largest = largest > 0 ? largest : 1
        return isInverse ? divisor / largest : largest / divisor
    }
}

/// The size of a matrix and of what shares a scale in it.
package struct MatrixShape: Sendable, Hashable {
    let rows: Int
    let columns: Int
    let grid: WeightGrid

    package init(rows: Int, columns: Int, grid: WeightGrid) {
        (self.rows, self.columns, self.grid) = (rows, columns, grid)
    }

    /// Rows of cells.
    var scaleRows: Int { ceiling(rows, grid.cell(rows: rows, columns: columns).rows) }
    /// Cells of a row.
    var scaleColumns: Int { ceiling(columns, grid.cell(rows: rows, columns: columns).columns) }

    private func ceiling(_ count: Int, _ step: Int) -> Int { (count + step - 1) / step }
}

/// The tensors that a quantized matrix is stored as.
package struct CheckpointLayout: Sendable {
    package let parts: [StoredPart]
}
