internal import CKernels
import Synchronization

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
    private let matrix: Matrix

    /// H, made when it is first asked for.
    private final class Matrix: Sendable {
        let values: Mutex<[Float]?>
        init(_ values: [Float]?) { self.values = Mutex(values) }
    }

    /// Takes a factor.
    ///
    /// - Parameters:
    ///   - values: `columnCount` × `columnCount` numbers, finite, positive on the diagonal.
    ///   - hessian: H, symmetric and whole, where it is at hand. Efforts above `fast` need it and
    ///     otherwise make it from the factor, in about `columnCount³` products.
    public init(columnCount: Int, values: [Float], hessian: [Float]? = nil) {
        precondition(columnCount >= 0 && values.count == columnCount * columnCount)
        precondition(hessian.map { $0.count == values.count } ?? true)
        self.columnCount = columnCount
        self.values = values
        matrix = Matrix(hessian)
    }

    /// H = (UᵀU)⁻¹.
    package var hessian: [Float] {
        matrix.values.withLock { known in
            if let known { return known }
            let made = Self.hessian(columnCount, values)
            known = made
            return made
        }
    }

    /// Runs `body` with weights for the columns: `importance`, or what an error costs that all later
    /// columns make up for.
    func withWeights(
        _ importance: UnsafePointer<Float>?, _ body: (UnsafePointer<Float>) -> Void
    ) {
        if let importance { return body(importance) }
        withScratch(columnCount, of: Float.self) { weights in
            for column in 0..<columnCount {
                let pivot = values[column * columnCount + column]
                weights[column] = pivot > 0 ? 1 / (pivot * pivot) : 1
            }
            body(weights)
        }
    }

    /// V = U⁻¹, then H = VVᵀ, sixteen rows of each at a time.
    private static func hessian(_ count: Int, _ factor: [Float]) -> [Float] {
        let isa = InstructionSet.current.isa
        let width = Int(INGOT_PANEL)
        let stretch = FeedbackPanels.stretchLength
        let inverse = transposed(count) { rows, panel in
            for row in rows { panel[row * width + row - rows.lowerBound] = 1 }
            factor.withUnsafeBufferPointer { factor in
                guard let factor = factor.baseAddress else { return }
                // Rows of V are zeros up to the diagonal.
                let first = rows.lowerBound / stretch * stretch
                for start in Swift.stride(from: first, to: count, by: stretch) {
                    let end = min(start + stretch, count)
                    let (values, solved) = (factor + start * count, panel + start * width)
                    _ = ingot_panel_solve(isa, values + start, count, end - start, solved)
                    _ = ingot_panel_subtract(
                        isa, solved, end - start, values + end, count, count - end,
                        panel + end * width)
                }
            }
        }
        return transposed(count) { rows, panel in
            inverse.withUnsafeBufferPointer { inverse in
                guard let inverse = inverse.baseAddress else { return }
                withScratch(count * width, of: Float.self) { negated in
                    negated.update(repeating: 0, count: count * width)
                    for column in 0..<count {
                        for row in rows {
                            negated[column * width + row - rows.lowerBound] =
                                -inverse[column * count + row]
                        }
                    }
                    let first = rows.lowerBound
                    _ = ingot_panel_subtract(
                        isa, negated + first * width, count - first, inverse + first * count, count,
                        count, panel)
                }
            }
        }
    }

    /// The transpose of a square matrix of which `body` makes sixteen rows at a time, as a panel.
    private static func transposed(
        _ count: Int, _ body: (_ rows: Range<Int>, _ panel: UnsafeMutablePointer<Float>) -> Void
    ) -> [Float] {
        let width = Int(INGOT_PANEL)
        var result = [Float](repeating: 0, count: count * count)
        withScratch(count * width, of: Float.self) { panel in
            for first in Swift.stride(from: 0, to: count, by: width) {
                let rows = first..<min(first + width, count)
                panel.update(repeating: 0, count: count * width)
                body(rows, panel)
                for column in 0..<count {
                    for row in rows {
                        result[column * count + row] = panel[column * width + row - first]
                    }
                }
            }
        }
        return result
    }
}
