import Quantization
import TensorCore

/// The second moments of what a linear layer takes in: Σ w x xᵀ over the tokens, which is the Hessian
/// of the layer's output error up to a factor of 2.
final class Hessian {
    /// The number of columns of the layer's matrices.
    let columnCount: Int
    /// The sum of the tokens' weights.
    private(set) var weight = 0.0
    /// How many tokens it is of.
    private(set) var rowCount = 0
    private let gram: GramMatrix
    private var finished: SquareMatrix?

    /// No tokens.
    init(columnCount: Int) throws {
        self.columnCount = columnCount
        gram = try GramMatrix(count: columnCount)
    }

    /// Adds the products of pieces, in their order.
    func add(_ pieces: [InputRecorder.Piece], pool: WorkerPool) {
        for piece in pieces {
            weight += piece.weight
            rowCount += piece.rowCount
            piece.rows.withUnsafeBufferPointer { rows in
                guard let base = rows.baseAddress else { return }
                gram.add(base, rowCount: piece.rowCount, stride: columnCount, pool: pool)
            }
        }
    }

    /// Ends the adding of tokens: the sums, of which the upper triangle counts.
    @discardableResult
    func finish(pool: WorkerPool) -> SquareMatrix {
        if let finished { return finished }
        let sums = gram.finish(pool: pool)
        finished = sums
        return sums
    }

    /// The sums; finished before.
    var sums: SquareMatrix {
        guard let finished else { preconditionFailure("sums that are not finished") }
        return finished
    }

    /// The mean square of every column.
    var diagonal: [Float] {
        let scale = weight > 0 ? 1 / weight : 0
        return (0..<columnCount).map { Float(sums.row($0)[$0] * scale) }
    }

    /// Adds another's tokens; both are finished.
    func merge(_ other: Hessian) {
        weight += other.weight
        rowCount += other.rowCount
        for row in 0..<columnCount {
            let (line, added) = (sums.row(row), other.sums.row(row))
            for column in row..<columnCount { line[column] += added[column] }
        }
    }

    /// Says what the sums weigh.
    func setWeight(_ weight: Double) { self.weight = weight }

    /// What rounding errors cost: Σ ΔW H ΔWᵀ over rows, per unit of the tokens' weight.
    ///
    /// - Parameter errors: `(row, column)`.
    func cost(of errors: [Float]) -> Double {
        let (count, sums) = (columnCount, sums)
        var cost = 0.0
        for row in 0..<errors.count / max(1, count) {
            let error = errors[row * count..<(row + 1) * count].map { Double($0) }
            error.withUnsafeBufferPointer { error in
                guard let base = error.baseAddress else { return }
                for column in 0..<count where base[column] != 0 {
                    let line = sums.row(column)
                    let tail = column + 1
                    let behind = dot(line + tail, base + tail, count - tail)
                    cost += base[column] * (line[column] * base[column] + 2 * behind)
                }
            }
        }
        return weight > 0 ? cost / weight : 0
    }
}

/// Σ aᵢ bᵢ, in a fixed order.
private func dot(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int
) -> Double {
    var lanes = (SIMD8<Double>(), SIMD8<Double>())
    var index = 0
    while index + 16 <= count {
        let (x, y) = (UnsafeRawPointer(a + index), UnsafeRawPointer(b + index))
        lanes.0 +=
            x.loadUnaligned(as: SIMD8<Double>.self) * y.loadUnaligned(as: SIMD8<Double>.self)
        lanes.1 +=
            (x + 64).loadUnaligned(as: SIMD8<Double>.self)
            * (y + 64).loadUnaligned(as: SIMD8<Double>.self)
        index += 16
    }
    var sum = (lanes.0 + lanes.1).sum()
    while index < count {
        sum += a[index] * b[index]
        index += 1
    }
    return sum
}
