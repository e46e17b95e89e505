import Quantization
import TestSupport

/// A Hessian that is the Kronecker product of two small dense ones, and so is its factor: no large
/// matrix has to be inverted for it.
struct TiedColumns {
    let columnCount: Int
    let factor: FeedbackFactor
    let importance: [Float]
    private let outer: [[Double]]
    private let inner: [[Double]]
    private let isDead: [Bool]

    private static let innerCount = 16

    init(columnCount: Int, seed: UInt64, dead: [Int] = []) {
        var random = SeededRandom(seed: seed)
        self.columnCount = columnCount
        let (outer, inner) = (
            Self.matrix(columnCount / Self.innerCount, &random),
            Self.matrix(Self.innerCount, &random)
        )
        let (outerFactor, innerFactor) = (Self.factor(outer), Self.factor(inner))
        var isDead = [Bool](repeating: false, count: columnCount)
        for column in dead { isDead[column] = true }
        var values = [Float](repeating: 0, count: columnCount * columnCount)
        for row in 0..<columnCount {
            for column in row..<columnCount {
                let outerValue = outerFactor[row / Self.innerCount][column / Self.innerCount]
                let innerValue = innerFactor[row % Self.innerCount][column % Self.innerCount]
                // What no input reaches is tied to nothing.
                let isTied = !isDead[row] && !isDead[column]
                values[row * columnCount + column] =
                    isTied ? Float(outerValue * innerValue) : row == column ? 1 : 0
            }
        }
        factor = FeedbackFactor(columnCount: columnCount, values: values)
        importance = (0..<columnCount).map {
            isDead[$0]
                ? 0
                : Float(
                    outer[$0 / Self.innerCount][$0 / Self.innerCount]
                        * inner[$0 % Self.innerCount][$0 % Self.innerCount])
        }
        (self.outer, self.inner, self.isDead) = (outer, inner, isDead)
    }

    private init(_ other: TiedColumns) {
        columnCount = other.columnCount
        factor = FeedbackFactor(columnCount: other.columnCount, values: other.factor.values)
        (importance, outer, inner, isDead) = (
            other.importance, other.outer, other.inner, other.isDead
        )
    }

    /// The same with nothing made yet.
    var anew: TiedColumns { TiedColumns(self) }

    func hessian(_ row: Int, _ column: Int) -> Double {
        outer[row / Self.innerCount][column / Self.innerCount]
            * inner[row % Self.innerCount][column % Self.innerCount]
    }

    func encode(
        _ format: Format, _ rows: [Float], _ effort: RoundingEffort
    ) -> [UInt8] { encode(format, rows, effort, importance: importance) }

    func encode(
        _ format: Format, _ rows: [Float], _ effort: RoundingEffort, importance: [Float]?
    ) -> [UInt8] {
        let rowCount = rows.count / columnCount
        let count = format.byteCount(rowLength: columnCount, rowCount: rowCount) ?? 0
        var bytes = [UInt8](repeating: 0, count: count)
        func run(_ importance: UnsafePointer<Float>?) {
            format.encode(
                rows: rows, rowCount: rowCount, factor: factor, importance: importance,
                effort: effort, into: &bytes)
        }
        if let importance {
            importance.withUnsafeBufferPointer { run($0.baseAddress) }
        } else {
            run(nil)
        }
        return bytes
    }

    /// Σ over rows of δ H δᵀ: the product of the outer matrix, the errors as a matrix, and the inner.
    func objective(_ rows: [Float], _ decoded: [Float]) -> Double {
        let (count, width) = (outer.count, Self.innerCount)
        var sum = 0.0
        for first in stride(from: 0, to: rows.count, by: columnCount) {
            let errors = (0..<columnCount).map {
                isDead[$0] ? 0 : Double(rows[first + $0]) - Double(decoded[first + $0])
            }
            var product = [Double](repeating: 0, count: columnCount)
            for place in 0..<columnCount {
                let (i, j) = (place / width, place % width)
                for k in 0..<width { product[place] += errors[i * width + k] * inner[k][j] }
            }
            for i in 0..<count {
                for k in 0..<count {
                    for j in 0..<width {
                        sum += outer[i][k] * errors[i * width + j] * product[k * width + j]
                    }
                }
            }
        }
        return sum
    }

    /// Random, symmetric, positive definite, with strong ties.
    private static func matrix(_ count: Int, _ random: inout SeededRandom) -> [[Double]] {
        let inputs = (0..<2 * count).map { _ -> [Double] in
            let common = Double(random.normal())
            return (0..<count).map { _ in Double(random.normal()) + common }
        }
        return (0..<count).map { row in
            (0..<count).map { column in
                inputs.reduce(row == column ? 0.1 * Double(count) : 0) {
                    $0 + $1[row] * $1[column]
                } / Double(2 * count)
            }
        }
    }

    /// The upper U of H⁻¹ = UᵀU: the inverse of the upper V of H = VVᵀ.
    private static func factor(_ matrix: [[Double]]) -> [[Double]] {
        let count = matrix.count
        var v = matrix.map { $0.map { _ in 0.0 } }
        var u = v
        for column in (0..<count).reversed() {
            for row in (0...column).reversed() {
                var sum = matrix[row][column]
                for k in column + 1..<max(count, column + 1) { sum -= v[row][k] * v[column][k] }
                v[row][column] = row == column ? sum.squareRoot() : sum / v[column][column]
            }
        }
        for row in (0..<count).reversed() {
            u[row][row] = 1 / v[row][row]
            for column in row + 1..<max(count, row + 1) {
                var sum = 0.0
                for k in row + 1...column { sum += v[row][k] * u[k][column] }
                u[row][column] = -sum / v[row][row]
            }
        }
        return u
    }
}
