internal import CKernels
package import TensorCore

/// The second moments of rows: Σ x xᵀ, its upper triangle.
///
/// Products are summed in F32 over stretches of 512 rows, counted from the first row on, and then in
/// F64. The result depends on the rows and their order, not on how many come at once, nor on threads
/// or instruction set. Rows that weigh more or less are multiplied with the root of their weight by
/// the caller.
///
/// Memory: 8 n² bytes, and 12 kB for each of the n columns.
package final class GramMatrix {
    /// The length of a row.
    package var count: Int { sums.count }
    /// How many rows have been added.
    package private(set) var rowCount = 0
    private let sums: SquareMatrix
    /// Rows that do not make a stretch yet.
    private let pending: ScratchBuffer
    private var pendingCount = 0

    /// Rows that are summed in F32.
    package static let stretchLength = 512

    /// The sum over no rows.
    ///
    /// - Throws: `LinearAlgebraError` when there is no memory.
    package init(count: Int) throws(LinearAlgebraError) {
        sums = try SquareMatrix(count: count)
        pending = ScratchBuffer()
    }

    /// Adds rows, `stride` floats apart.
    ///
    /// - Complexity: O(rows · n²), shared out between the threads.
    package func add(
        _ rows: UnsafePointer<Float>, rowCount added: Int, stride: Int, pool: WorkerPool
    ) {
        rowCount += added
        var done = 0
        while done < added {
            guard let room = pending.floats(GramMatrix.stretchLength * count).baseAddress else {
                return
            }
            let taken = min(added - done, GramMatrix.stretchLength - pendingCount)
            for row in 0..<taken {
                (room + (pendingCount + row) * count)
                    .update(from: rows + (done + row) * stride, count: count)
            }
            (done, pendingCount) = (done + taken, pendingCount + taken)
            if pendingCount == GramMatrix.stretchLength { flush(pool) }
        }
    }

    /// Ends the adding of rows.
    ///
    /// - Returns: The sums; nothing may be added after that.
    package func finish(pool: WorkerPool) -> SquareMatrix {
        flush(pool)
        return sums
    }

    /// Adds the pending rows' products.
    private func flush(_ pool: WorkerPool) {
        guard pendingCount > 0, count > 0,
            let room = pending.floats(GramMatrix.stretchLength * count).baseAddress
        else { return }
        let rows = MatrixView(room, rows: pendingCount, columns: count)
        let panels = PackedRows(rows, pool)
        let (sums, count) = (sums, count)
        let tiles = Tile.upperTriangle(of: count)
        let scratch = (0..<pool.threadCount).map { _ in WorkerScratch() }
        let isa = InstructionSet.current.isa
        pool.runAll(jobCount: tiles.count) { worker, job in
            let tile = tiles[job]
            let products = scratch[worker].buffer.floats(tile.rows.count * tile.columns.count)
            guard let base = products.baseAddress else { return }
            panels.multiply(
                tile,
                into: MutableMatrixView(
                    base, rows: tile.rows.count, columns: tile.columns.count))
            for row in tile.rows {
                let first = max(row, tile.columns.lowerBound)
                guard first < tile.columns.upperBound else { break }
                let line = base + (row - tile.rows.lowerBound) * tile.columns.count
                ingot_accumulate(
                    isa, line + (first - tile.columns.lowerBound),
                    tile.columns.upperBound - first, sums.base + row * count + first)
            }
        }
        pendingCount = 0
    }
}

/// Rows packed for the products of their columns with each other: once for all tiles.
private struct PackedRows: @unchecked Sendable {
    /// A stretch of rows, as a left and as a right matrix.
    private struct Part {
        let left: ScratchBuffer
        let right: ScratchBuffer
        let depth: Int
    }

    private let kernels = Float.orderedKernels
    private var parts: [Part] = []

    init(_ rows: MatrixView<Float>, _ pool: WorkerPool) {
        let count = rows.columnCount
        // A job packs whole panels of both kinds.
        let chunk = panelRows * kernels.panelColumns
        for first in stride(from: 0, to: rows.rowCount, by: panelDepth) {
            let depth = min(panelDepth, rows.rowCount - first)
            let part = Part(left: ScratchBuffer(), right: ScratchBuffer(), depth: depth)
            let floats = (count + chunk - 1) / chunk * chunk * depth
            guard let left = part.left.floats(floats).baseAddress,
                let right = part.right.floats(floats).baseAddress
            else { continue }
            let (pack, places) = (kernels, (MutablePlace(left), MutablePlace(right)))
            pool.runAll(jobCount: (count + chunk - 1) / chunk) { _, job in
                let columns = job * chunk..<min(count, (job + 1) * chunk)
                let piece = rows.part(rows: first..<first + depth, columns: columns)
                pack.packLeft(piece.transposed, places.0.base + columns.lowerBound * depth)
                pack.packRight(piece, places.1.base + columns.lowerBound * depth)
            }
            parts.append(part)
        }
    }

    /// The products of some columns with others.
    func multiply(_ tile: Tile, into products: MutableMatrixView<Float>) {
        for (index, part) in parts.enumerated() {
            guard let left = part.left.floats(0).baseAddress,
                let right = part.right.floats(0).baseAddress
            else { continue }
            kernels.multiplyPanels(
                left + tile.rows.lowerBound * part.depth,
                right + tile.columns.lowerBound * part.depth, part.depth, 1, index > 0, products)
        }
    }
}

/// An address that several threads write behind, each its own part.
struct MutablePlace<Element>: @unchecked Sendable {
    let base: UnsafeMutablePointer<Element>
    init(_ base: UnsafeMutablePointer<Element>) { self.base = base }
}
