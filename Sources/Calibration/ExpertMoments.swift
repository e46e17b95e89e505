import Quantization
import TensorCore

/// Makes up for the few tokens that some of a block's experts get.
///
/// An expert's moments H become (1 − λ) H + λ H̄ with λ = n / (n + T): H̄ those of all tokens that the
/// block's experts get, n the columns, T the expert's tokens. Between the layers of an expert columns
/// are its own neurons, which are none of another's: there H̄ is the mean square, the same for all
/// columns. An expert without tokens gets the diagonal of H̄, and no feedback.
struct ExpertMoments {
    /// The input's number.
    let number: Int
    let group: InputGroup
    let matrixCount: Int

    init?(_ number: Int, _ group: InputGroup) {
        guard let matrixCount = group.matrixCount else { return nil }
        self.number = number
        self.group = group
        self.matrixCount = matrixCount
    }

    /// Whether the columns mean the same to all experts.
    var sharesColumns: Bool { !group.tensors[0].contains("ffn_down") }

    /// Blends the moments of all experts; all are finished.
    func blend(_ moments: inout [InputRecorder.Key: LayerInputs.Moments], pool: WorkerPool) throws {
        for segment in group.segments.indices { try blend(segment, &moments, pool: pool) }
    }

    private func blend(
        _ segment: Int, _ moments: inout [InputRecorder.Key: LayerInputs.Moments], pool: WorkerPool
    ) throws {
        func key(_ matrix: Int) -> InputRecorder.Key {
            InputRecorder.Key(group: number, matrix: matrix, segment: segment)
        }
        let columnCount = group.segments[segment].count
        let all = try Hessian(columnCount: columnCount)
        all.finish(pool: pool)
        for matrix in 0..<matrixCount {
            guard let own = moments[key(matrix)] else { continue }
            all.merge(own.fitting)
        }
        guard all.weight > 0 else { return }
        if !sharesColumns { all.levelDiagonal() }
        for matrix in 0..<matrixCount {
            guard let own = moments[key(matrix)], own.fitting.weight > 0 else {
                let none = try Hessian(columnCount: columnCount)
                none.finish(pool: pool)
                none.takeDiagonal(of: all)
                moments[key(matrix)] = LayerInputs.Moments(fitting: none, validation: none)
                continue
            }
            let columns = Double(columnCount)
            own.fitting.blend(with: all, share: columns / (columns + Double(own.fitting.rowCount)))
        }
    }
}

extension Hessian {
    /// Leaves the mean of the diagonal on it, and nothing beside it.
    fileprivate func levelDiagonal() {
        let mean = sums.diagonal.reduce(0, +) / Double(max(1, columnCount))
        for row in 0..<columnCount {
            let line = sums.row(row)
            for column in row..<columnCount { line[column] = row == column ? mean : 0 }
        }
    }

    /// Takes another's diagonal and weight; no tokens are counted.
    fileprivate func takeDiagonal(of other: Hessian) {
        for row in 0..<columnCount { sums.row(row)[row] = other.sums.row(row)[row] }
        setWeight(other.weight)
    }

    /// Moves the moments by a share towards another's.
    fileprivate func blend(with other: Hessian, share: Double) {
        let taken = share * weight / other.weight
        for row in 0..<columnCount {
            let (line, source) = (sums.row(row), other.sums.row(row))
            for column in row..<columnCount {
                line[column] = (1 - share) * line[column] + taken * source[column]
            }
        }
    }
}
