import Quantization
import TensorCore

/// What rounding errors cost: Σ ΔW H ΔWᵀ over rows, for a Hessian H per unit of its tokens' weight.
struct ErrorMetric: Sendable {
    private let columnCount: Int
    /// H, whole.
    private let values: [Float]

    /// The metric of a Hessian that is finished.
    init(_ hessian: Hessian) {
        columnCount = hessian.columnCount
        let scale = hessian.weight > 0 ? 1 / hessian.weight : 0
        values = hessian.sums.symmetric(scale: scale)
    }

    /// The cost of errors, `(row, column)`.
    ///
    /// - Complexity: O(rows · columns²).
    func cost(of errors: [Float]) -> Double {
        guard columnCount > 0 else { return 0 }
        let rowCount = errors.count / columnCount
        var products = [Float](repeating: 0, count: errors.count)
        errors.withUnsafeBufferPointer { errors in
            values.withUnsafeBufferPointer { values in
                products.withUnsafeMutableBufferPointer { products in
                    guard let left = errors.baseAddress, let right = values.baseAddress,
                        let result = products.baseAddress
                    else { return }
                    OrderedProduct.multiply(
                        MatrixView(left, rows: rowCount, columns: columnCount),
                        MatrixView(right, rows: columnCount, columns: columnCount),
                        into: MutableMatrixView(result, rows: rowCount, columns: columnCount),
                        scratch: ScratchBuffer())
                }
            }
        }
        return zip(errors, products).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
}

extension SquareMatrix {
    /// The whole matrix in F32, times a number.
    func symmetric(scale: Double = 1) -> [Float] {
        [Float](unsafeUninitializedCapacity: count * count) { buffer, initialized in
            initialized = count * count
            for row in 0..<count {
                let line = self.row(row)
                for column in row..<count {
                    let value = Float(line[column] * scale)
                    buffer[row * count + column] = value
                    buffer[column * count + row] = value
                }
            }
        }
    }
}
