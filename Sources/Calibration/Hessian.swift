import Quantization
import TensorCore

/// The second moments of what a linear layer takes in: Σ w x xᵀ over the tokens, which is the Hessian
/// of the layer's output error up to a factor of 2.
package final class Hessian {
    /// The number of its columns.
    let columnCount: Int
    private let firstColumn: Int
    private let rowLength: Int
    /// The sum of the tokens' weights.
    private(set) var weight = 0.0
    /// How many tokens it is of.
    package private(set) var rowCount = 0
    private var gram: GramMatrix?
    private var finished: SquareMatrix?

    /// No tokens.
    convenience init(columnCount: Int) throws {
        try self.init(columns: 0..<columnCount, ofRowLength: columnCount)
    }

    /// No tokens, of some columns of the layer's matrices.
    init(columns: Range<Int>, ofRowLength rowLength: Int) throws {
        columnCount = columns.count
        firstColumn = columns.lowerBound
        self.rowLength = rowLength
        gram = try GramMatrix(count: columns.count)
    }

    /// Adds the products of pieces, in their order.
    func add(_ pieces: [InputRecorder.Piece], pool: WorkerPool) {
        for piece in pieces {
            weight += piece.weight
            rowCount += piece.rowCount
            piece.rows.withUnsafeBufferPointer { rows in
                guard let base = rows.baseAddress else { return }
                gram?.add(
                    base + firstColumn, rowCount: piece.rowCount, stride: rowLength, pool: pool)
            }
        }
    }

    /// Ends the adding of tokens: the sums, of which the upper triangle counts.
    @discardableResult
    func finish(pool: WorkerPool) -> SquareMatrix {
        if let finished { return finished }
        guard let sums = gram?.finish(pool: pool) else { preconditionFailure("no sums") }
        finished = sums
        // Its room for rows goes.
        gram = nil
        return sums
    }

    /// The sums; finished before.
    var sums: SquareMatrix {
        guard let finished else { preconditionFailure("sums that are not finished") }
        return finished
    }

    /// The mean square of every column.
    package var diagonal: [Float] {
        let scale = weight > 0 ? 1 / weight : 0
        return (0..<columnCount).map { Float(sums.row($0)[$0] * scale) }
    }

    /// Adds another's tokens; both are finished.
    package func merge(_ other: Hessian) {
        weight += other.weight
        rowCount += other.rowCount
        for row in 0..<columnCount {
            let (line, added) = (sums.row(row), other.sums.row(row))
            for column in row..<columnCount { line[column] += added[column] }
        }
    }

    /// Makes the sums those of rows whose columns are multiplied by factors; finished before.
    package func scaleColumns(by factors: [Float]) {
        precondition(factors.count == columnCount)
        for row in 0..<columnCount {
            let (line, own) = (sums.row(row), Double(factors[row]))
            for column in row..<columnCount { line[column] *= own * Double(factors[column]) }
        }
    }

    /// Says what the sums weigh.
    func setWeight(_ weight: Double) { self.weight = weight }
}
