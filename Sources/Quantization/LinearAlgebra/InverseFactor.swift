internal import CKernels
package import TensorCore

/// Cholesky factors of inverses, in F64: of a positive definite A the upper triangular U with
/// A⁻¹ = UᵀU.
///
/// A⁻¹ is not made: with A = R Rᵀ, R upper triangular and found from the last column to the first, U is
/// R⁻¹. Both steps take n³/3 multiply-adds, in blocks of 128 columns, shared out between threads by
/// tiles of the output; every number's operations have a fixed order. Sources: Golub and Van Loan,
/// Matrix Computations, 4.2; Du Croz and Higham, Stability of methods for matrix inversion, 1992.
package enum InverseFactor {
    /// Replaces the upper triangle of A with that of U.
    ///
    /// - Throws: `LinearAlgebraError` with the pivot where A is not positive definite, or holds NaN or
    ///   infinity; the matrix is then neither.
    /// - Complexity: O(n³).
    package static func invert(
        _ matrix: SquareMatrix, pool: WorkerPool
    ) throws(LinearAlgebraError) {
        let steps = Steps(matrix, pool)
        for block in steps.blocks.reversed() { try steps.factor(block) }
        for block in steps.blocks { steps.invert(block) }
    }

    /// U in F32, row after row, zero below the diagonal.
    package static func values(_ factor: SquareMatrix) -> [Float] {
        let count = factor.count
        return [Float](unsafeUninitializedCapacity: count * count) { buffer, initialized in
            initialized = count * count
            guard let base = buffer.baseAddress else { return }
            for row in 0..<count {
                let (line, source) = (base + row * count, factor.row(row))
                line.update(repeating: 0, count: row)
                for column in row..<count { line[column] = Float(source[column]) }
            }
        }
    }
}

/// The steps of a factorization, block of columns by block of columns.
private final class Steps: Sendable {
    private let matrix: SquareMatrix
    private let pool: WorkerPool
    private let kernels = Double.orderedKernels
    private let instructionSet = InstructionSet.current
    /// The inverses of R's blocks on the diagonal, each with its rows `blockLength` apart.
    private let inverses: MutablePlace<Double>
    /// The packed rows and columns of a step.
    private let left: MutablePlace<Double>
    private let right: MutablePlace<Double>

    private static let blockLength = Int(INGOT_FACTOR_BLOCK)
    /// Rows that a job packs: whole panels of both kinds.
    private static let chunk = 96

    init(_ matrix: SquareMatrix, _ pool: WorkerPool) {
        self.matrix = matrix
        self.pool = pool
        let length = Steps.blockLength
        let blockCount = (matrix.count + length - 1) / length
        let padded = (matrix.count / Steps.chunk + 1) * Steps.chunk
        inverses = MutablePlace(.allocate(capacity: max(1, blockCount) * length * length))
        left = MutablePlace(.allocate(capacity: padded * length))
        right = MutablePlace(.allocate(capacity: padded * length))
    }

    deinit {
        inverses.base.deallocate()
        left.base.deallocate()
        right.base.deallocate()
    }

    var blocks: [Range<Int>] {
        stride(from: 0, to: matrix.count, by: Steps.blockLength).map {
            $0..<min(matrix.count, $0 + Steps.blockLength)
        }
    }

    /// The inverse of R's block on the diagonal.
    private func inverse(_ block: Range<Int>) -> MutableMatrixView<Double> {
        MutableMatrixView(
            inverses.base + block.lowerBound * Steps.blockLength, rows: block.count,
            columns: block.count, stride: Steps.blockLength)
    }

    /// Packs a matrix of few columns or rows with all threads; its long side is `range` of the whole
    /// matrix and starts a panel.
    private func pack(
        _ range: Range<Int>,
        _ body: @Sendable (_ piece: Range<Int>, _ scratch: ScratchBuffer) -> Void
    ) {
        let scratch = (0..<pool.threadCount).map { _ in WorkerScratch() }
        pool.runAll(jobCount: (range.count + Steps.chunk - 1) / Steps.chunk) { worker, job in
            let first = range.lowerBound + job * Steps.chunk
            body(first..<min(range.upperBound, first + Steps.chunk), scratch[worker].buffer)
        }
    }

    /// Makes the block's columns of R of what is left of A, and takes their products off the columns
    /// before.
    func factor(_ block: Range<Int>) throws(LinearAlgebraError) {
        let inverse = inverse(block)
        let failed = ingot_factor_block(
            instructionSet.isa, matrix.row(block.lowerBound) + block.lowerBound, matrix.count,
            block.count, inverse.base, inverse.stride)
        guard failed < 0 else { throw .notPositiveDefinite(pivot: block.lowerBound + failed) }
        let (above, view, kernels) = (0..<block.lowerBound, matrix.view, kernels)
        let (left, right, depth) = (left, right, block.count)
        // Rows above: X = A (R⁻¹)ᵀ, packed for what follows.
        pack(above) { rows, scratch in
            let piece = view.part(rows: rows, columns: block)
            copy(piece, scratch) { old, room in
                kernels.product(old, inverse.view.transposed, 1, false, piece, room)
            }
            kernels.packLeft(piece.view, left.base + rows.lowerBound * depth)
            kernels.packRight(piece.view.transposed, right.base + rows.lowerBound * depth)
        }
        let tiles = Tile.upperTriangle(of: above.count)
        pool.runAll(jobCount: tiles.count) { _, job in
            let tile = tiles[job]
            kernels.multiplyPanels(
                left.base + tile.rows.lowerBound * depth,
                right.base + tile.columns.lowerBound * depth, depth, -1, true,
                view.part(rows: tile.rows, columns: tile.columns))
        }
    }

    /// Makes the block's columns of R's inverse, and adds what they give to the columns behind.
    ///
    /// Before the step the rows above are W = −U R of what is inverted already; the block's own rows
    /// become −R⁻¹ R, and W grows by its product with those.
    func invert(_ block: Range<Int>) {
        let (view, kernels, inverse) = (matrix.view, kernels, inverse(block))
        let (above, behind) = (0..<block.lowerBound, block.upperBound..<matrix.count)
        let (left, right, depth) = (left, right, block.count)
        pack(behind) { columns, scratch in
            let piece = view.part(rows: block, columns: columns)
            copy(piece, scratch) { old, room in
                kernels.product(inverse.view, old, -1, false, piece, room)
            }
            kernels.packRight(
                piece.view, right.base + (columns.lowerBound - behind.lowerBound) * depth)
        }
        pack(above) { rows, scratch in
            let piece = view.part(rows: rows, columns: block)
            kernels.packLeft(piece.view, left.base + rows.lowerBound * depth)
            copy(piece, scratch) { old, room in
                kernels.product(old, inverse.view, 1, false, piece, room)
            }
        }
        let tiles = Tile.tiles(rows: above.count, columns: behind.count, pool)
        pool.runAll(jobCount: tiles.count) { _, job in
            let tile = tiles[job]
            kernels.multiplyPanels(
                left.base + tile.rows.lowerBound * depth,
                right.base + tile.columns.lowerBound * depth, depth, 1, true,
                view.part(
                    rows: tile.rows,
                    columns: tile.columns.lowerBound + behind.lowerBound..<tile.columns.upperBound
                        + behind.lowerBound))
        }
        for row in 0..<block.count {
            (matrix.row(block.lowerBound + row) + block.lowerBound + row).update(
                from: inverse.base + row * inverse.stride + row, count: block.count - row)
        }
    }

    /// Calls `body` with a copy of a part, which it may then overwrite, and room for a product.
    private func copy(
        _ part: MutableMatrixView<Double>, _ scratch: ScratchBuffer,
        _ body: (MatrixView<Double>, UnsafeMutableRawPointer) -> Void
    ) {
        let bytes = kernels.scratchByteCount
        let count = part.rowCount * part.columnCount
        guard let room = scratch.bytes(bytes + count * MemoryLayout<Double>.stride).baseAddress
        else { return }
        let old = (room + bytes).bindMemory(to: Double.self, capacity: count)
        for row in 0..<part.rowCount {
            (old + row * part.columnCount)
                .update(from: part.base + row * part.stride, count: part.columnCount)
        }
        body(MatrixView(old, rows: part.rowCount, columns: part.columnCount), room)
    }
}
