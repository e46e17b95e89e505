import Inference
import TensorCore

/// The second moments of what a linear layer takes in: Σ w x xᵀ over the tokens, the Hessian of the
/// layer's output error (up to a factor of 2).
///
/// `@unchecked Sendable`: tiles are written by one thread each, and read when they are done.
final class Hessian: @unchecked Sendable {
    /// The number of columns of the layer's matrices.
    let columnCount: Int
    /// The sum of the tokens' weights.
    private(set) var weight = 0.0
    /// How many tokens it is of.
    private(set) var rowCount = 0
    /// `columnCount` × `columnCount`, row by row; the upper triangle counts.
    let values: UnsafeMutablePointer<Float>

    /// No tokens.
    init(columnCount: Int) {
        self.columnCount = columnCount
        values = .allocate(capacity: columnCount * columnCount)
        values.initialize(repeating: 0, count: columnCount * columnCount)
    }

    deinit { values.deallocate() }

    /// The rows of a tile.
    static let tileRows = 256
    /// The number of tiles.
    var tileCount: Int { (columnCount + Hessian.tileRows - 1) / Hessian.tileRows }

    /// Counts the tokens of pieces whose products are added to the tiles.
    func count(_ pieces: [InputRecorder.Piece]) {
        for piece in pieces {
            weight += piece.weight
            rowCount += piece.rowCount
        }
    }

    /// Adds the products of pieces, in their order, to one tile.
    func add(_ pieces: [InputRecorder.Piece], tile: Int) {
        let first = tile * Hessian.tileRows
        let count = min(Hessian.tileRows, columnCount - first)
        for piece in pieces {
            piece.rows.withUnsafeBufferPointer { rows in
                guard let base = rows.baseAddress else { return }
                SecondMoments.add(
                    base + first, base + first, rowCount: piece.rowCount,
                    columns: (count, columnCount - first), stride: columnCount,
                    to: values + first * columnCount + first)
            }
        }
    }

    /// The mean square of every column.
    var diagonal: [Float] {
        let scale = weight > 0 ? 1 / weight : 0
        return (0..<columnCount).map {
            Float(Double(values[$0 * columnCount + $0]) * scale)
        }
    }

    /// Adds another's tokens.
    func add(_ other: Hessian) {
        weight += other.weight
        rowCount += other.rowCount
        for index in 0..<columnCount * columnCount { values[index] += other.values[index] }
    }

    /// What rounding errors cost: Σ ΔW H ΔWᵀ over rows, per unit of the tokens' weight.
    ///
    /// - Parameter errors: `(row, column)`.
    func cost(of errors: [Float]) -> Double {
        var cost = 0.0
        let count = columnCount
        errors.withUnsafeBufferPointer { errors in
            guard let base = errors.baseAddress else { return }
            for row in 0..<errors.count / count {
                let error = base + row * count
                for column in 0..<count {
                    let line = values + column * count
                    var sum = line[column] * error[column] * 0.5
                    var lanes = SIMD8<Float>()
                    var index = column + 1
                    while index + 8 <= count {
                        let left = UnsafeRawPointer(line + index)
                            .loadUnaligned(as: SIMD8<Float>.self)
                        let right = UnsafeRawPointer(error + index)
                            .loadUnaligned(as: SIMD8<Float>.self)
                        lanes += left * right
                        index += 8
                    }
                    for lane in 0..<8 { sum += lanes[lane] }
                    while index < count {
                        sum += line[index] * error[index]
                        index += 1
                    }
                    cost += 2 * Double(sum) * Double(error[column])
                }
            }
        }
        return weight > 0 ? cost / weight : 0
    }
}
