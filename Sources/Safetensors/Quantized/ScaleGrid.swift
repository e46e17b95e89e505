import TensorCore

/// Scales, or zero points, one for each block of rows and columns of a matrix.
///
/// A tensor of more than two dimensions is a pile of matrices, each with a grid of its own.
struct ScaleGrid: Sendable {
    /// How many values share a scale.
    enum Block: Sendable, Hashable {
        /// All values of the tensor.
        case tensor
        /// The values of a row.
        case channel
        /// Blocks of so many rows and columns, counted from the first of each matrix.
        case rows(Int, columns: Int)
    }

    private let part: TensorPool.Part
    private let dataType: DataType
    private let rowsPerMatrix: Int
    private let blockRows: Int
    /// The columns that share a scale.
    let blockColumns: Int
    private let gridRows: Int
    /// The scales beside each other.
    let gridColumns: Int
    private let isSingle: Bool

    /// Checks that `part` holds the scales of a tensor of this shape.
    ///
    /// - Parameter isExponent: Whether the scales are powers of two, stored as biased exponents.
    /// - Throws: `SafetensorsError` when its shape or type is another.
    init(
        _ part: TensorPool.Part, of shape: Shape, block: Block, isExponent: Bool = false
    ) throws {
        self.part = part
        dataType = isExponent ? .F8_E8M0 : part.tensor.dataType
        if isExponent { try part.require(.U8, .F8_E8M0, expected: "exponents in U8") }
        guard dataType.isDecodable else {
            throw part.fault(.wrongDataType(found: dataType, expected: "scales"))
        }
        let columns = shape.rowLength
        let rows = shape.rank >= 2 ? shape.dimensions[shape.rank - 2] : 1
        let leading = Array(shape.dimensions.dropLast(2))
        rowsPerMatrix = max(1, rows)
        isSingle = block == .tensor
        let found = part.tensor.shape
        switch block {
        case .tensor:
            (blockRows, blockColumns, gridRows, gridColumns) = (max(1, rows), max(1, columns), 1, 1)
            guard found.elementCount == 1 else {
                throw part.fault(
                    .wrongShape(found: found, expected: "one scale for the whole tensor"))
            }
        case .channel:
            (blockRows, blockColumns, gridRows, gridColumns) = (1, max(1, columns), rows, 1)
            let expected = leading + [rows]
            guard found.dimensions == expected || found.dimensions == expected + [1] else {
                throw part.fault(
                    .wrongShape(found: found, expected: "\(expected + [1]) (a scale for each row)"))
            }
        case .rows(let height, let width):
            (blockRows, blockColumns) = (height, width)
            gridRows = rows.dividedRoundingUp(by: height)
            gridColumns = columns.dividedRoundingUp(by: width)
            // ModelOpt keeps the dimensions that it took the largest values along.
            if found.dimensions == leading + [gridRows, 1, gridColumns, 1] { return }
            try part.require(
                shape: leading + [gridRows, gridColumns],
                "a scale for each block of \(height) × \(width)")
        }
    }

    /// The row of the grid for a row of the tensor, counted over all matrices.
    func gridRow(of row: Int) -> Int {
        isSingle ? 0 : row / rowsPerMatrix * gridRows + row % rowsPerMatrix / blockRows
    }

    /// Reads a row of the grid.
    func read(
        gridRow: Int, into destination: UnsafeMutablePointer<Float>, scratch: ScratchBuffer
    ) throws {
        let width = dataType.bitCount / 8
        let bytes = unsafe scratch.bytes(gridColumns * width)
        try unsafe part.shard.file.read(
            at: part.tensor.offset + gridRow * gridColumns * width, into: bytes)
        if let base = bytes.baseAddress {
            unsafe dataType.decode(base, elementCount: gridColumns, into: destination)
        }
    }
}
