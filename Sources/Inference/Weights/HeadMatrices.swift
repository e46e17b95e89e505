import TensorCore

/// A tensor with a matrix for each head, each applied to rows of its own; numbers are taken as they
/// are whatever the activations.
struct HeadMatrices: Sendable {
    /// Where the weights are.
    enum Storage: Sendable {
        /// Decoded, from here on in the block's buffer, head after head.
        case floats(offset: Int)
        /// In memory for as long as the model runs.
        case resident(ResidentMatrices, ResidentMatrix)
    }

    /// The tensor's name, and its number in the source.
    let tensor: String
    let number: Int
    let headCount: Int
    let outputs: Int
    let inputs: Int
    let storage: Storage

    var isResident: Bool { if case .resident = storage { true } else { false } }

    /// Rows of all heads, or of one after the other.
    struct Rows {
        /// Of the first row, and of the first head.
        let input: UnsafePointer<Float>
        let result: UnsafeMutablePointer<Float>
        let count: Int
        /// The floats from row to row, and from head to head.
        let inputStrides: (row: Int, head: Int)
        let resultStrides: (row: Int, head: Int)
    }

    /// Tells an observer what every head's matrix takes in.
    ///
    /// - Parameter place: The row of the batch that the rows start with.
    func tell(_ observer: LinearObserver?, _ rows: Rows, place: Int) {
        guard let observer else { return }
        for head in 0..<headCount {
            observer(
                LinearInput(
                    tensors: [tensor], part: head, place: place, rowCount: rows.count,
                    rowLength: inputs, base: rows.input + head * rows.inputStrides.head,
                    stride: rows.inputStrides.row))
        }
    }

    /// `result = W x` for every head of every row.
    ///
    /// - Parameter weights: The block's buffer.
    func apply(
        _ rows: Rows, _ weights: UnsafePointer<Float>, _ products: MatrixProducts
    ) {
        switch storage {
        case .floats(let offset):
            for head in 0..<headCount {
                products.timesTransposed(
                    rows.input + head * rows.inputStrides.head,
                    weights + offset + head * outputs * inputs,
                    into: rows.result + head * rows.resultStrides.head, rows: rows.count,
                    columns: outputs, inner: inputs,
                    strides: (rows.inputStrides.row, inputs, rows.resultStrides.row))
            }
        case .resident(let matrices, let matrix):
            matrices.multiplyHeads(
                matrix,
                ResidentMatrices.Rows(
                    input: rows.input, stride: rows.inputStrides.row, count: rows.count,
                    result: rows.result, resultStride: rows.resultStrides.row, keep: false),
                steps: (rows.inputStrides.head, rows.resultStrides.head))
        }
    }
}
