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
    var hessian: [Float] {
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

    /// V = U⁻¹ by panels of its rows, then H = VVᵀ in the same way.
    private static func hessian(_ count: Int, _ factor: [Float]) -> [Float] {
        let width = Int(INGOT_PANEL)
        let isa = InstructionSet.current.isa
        var inverse = [Float](repeating: 0, count: count * count)
        var transposed = inverse
        var panel = [Float](repeating: 0, count: count * width)
        for first in stride(from: 0, to: count, by: width) {
            panel.withUnsafeMutableBufferPointer { panel in
                guard let panel = panel.baseAddress else { return }
                panel.update(repeating: 0, count: count * width)
                for lane in 0..<min(width, count - first) {
                    panel[(first + lane) * width + lane] = 1
                }
                factor.withUnsafeBufferPointer { factor in
                    guard let factor = factor.baseAddress else { return }
                    for start in stride(from: first / 256 * 256, to: count, by: 256) {
                        let length = min(256, count - start)
                        let (end, part) = (start + length, panel + start * width)
                        _ = ingot_panel_solve(
                            isa, factor + start * count + start, count, length, part)
                        _ = ingot_panel_subtract(
                            isa, part, length, factor + start * count + end, count, count - end,
                            panel + end * width)
                    }
                }
            }
            for lane in 0..<min(width, count - first) {
                for column in first + lane..<count {
                    inverse[(first + lane) * count + column] = panel[column * width + lane]
                    transposed[column * count + first + lane] = panel[column * width + lane]
                }
            }
        }
        var result = inverse
        for first in stride(from: 0, to: count, by: width) {
            var sums = [Float](repeating: 0, count: count * width)
            for lane in 0..<min(width, count - first) {
                for column in 0..<count {
                    panel[column * width + lane] = -inverse[(first + lane) * count + column]
                }
            }
            // Rows of V are zeros up to the diagonal.
            _ = panel.withUnsafeBufferPointer { panel in
                transposed.withUnsafeBufferPointer { transposed in
                    ingot_panel_subtract(
                        isa, panel.baseAddress! + first * width, count - first,
                        transposed.baseAddress! + first * count, count, count, &sums)
                }
            }
            for lane in 0..<min(width, count - first) {
                for column in 0..<count {
                    result[(first + lane) * count + column] = sums[column * width + lane]
                }
            }
        }
        return result
    }
}
