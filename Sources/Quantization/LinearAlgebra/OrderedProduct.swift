package import TensorCore

/// Products of matrices with a fixed order of operations: the same bits on every instruction set and
/// every number of threads, whatever rows and columns are computed together.
///
/// An output is the sum, over stretches of 256 terms, of sums that start at zero and take one term
/// after the other by fused multiply-add.
package enum OrderedProduct {
    /// `c = scale · a b`, or `c += scale · a b`, on the calling thread.
    ///
    /// - Parameters:
    ///   - a: Rows × depth.
    ///   - b: Depth × columns; the transpose of a matrix of columns × depth where it is stored so.
    ///   - c: Shares no memory with `a` and `b`.
    ///   - keep: Whether the product is added to what is there.
    /// - Complexity: O(rows · columns · depth).
    package static func multiply<Element: OrderedElement>(
        _ a: MatrixView<Element>, _ b: MatrixView<Element>, into c: MutableMatrixView<Element>,
        scale: Element = 1, keep: Bool = false, scratch: ScratchBuffer
    ) {
        check(a, b, c)
        let kernels = Element.orderedKernels
        guard let room = scratch.bytes(kernels.scratchByteCount).baseAddress else { return }
        kernels.product(a, b, scale, keep, c, room)
    }

    /// The same, shared out between threads by parts of the output.
    package static func multiply<Element: OrderedElement>(
        _ a: MatrixView<Element>, _ b: MatrixView<Element>, into c: MutableMatrixView<Element>,
        scale: Element = 1, keep: Bool = false, pool: WorkerPool
    ) {
        check(a, b, c)
        let kernels = Element.orderedKernels
        let tiles = Tile.tiles(rows: c.rowCount, columns: c.columnCount, pool)
        let scratch = (0..<pool.threadCount).map { _ in WorkerScratch() }
        pool.runAll(jobCount: tiles.count) { worker, job in
            let tile = tiles[job]
            guard let room = scratch[worker].buffer.bytes(kernels.scratchByteCount).baseAddress
            else { return }
            kernels.product(
                a.part(rows: tile.rows, columns: 0..<a.columnCount),
                b.part(rows: 0..<b.rowCount, columns: tile.columns), scale, keep,
                c.part(rows: tile.rows, columns: tile.columns), room)
        }
    }

    /// Products in F32 with the instruction set that is current when it is made, on any thread; each
    /// takes the room it needs for as long as it runs.
    package struct Multiplier: Sendable {
        private let kernels = Float.orderedKernels

        /// Takes the current instruction set.
        package init() {}

        /// `c = scale · a b`, or `c += scale · a b`.
        package func multiply(
            _ a: MatrixView<Float>, _ b: MatrixView<Float>, into c: MutableMatrixView<Float>,
            scale: Float = 1, keep: Bool = false
        ) {
            check(a, b, c)
            withUnsafeTemporaryAllocation(byteCount: kernels.scratchByteCount, alignment: 64) {
                guard let room = $0.baseAddress else { return }
                kernels.product(a, b, scale, keep, c, room)
            }
        }
    }

    private static func check<Element: OrderedElement>(
        _ a: MatrixView<Element>, _ b: MatrixView<Element>, _ c: MutableMatrixView<Element>
    ) {
        precondition(
            a.rowCount == c.rowCount && b.columnCount == c.columnCount
                && a.columnCount == b.rowCount, "matrices that do not fit each other")
    }
}

/// A part of a matrix that a thread works on.
struct Tile: Sendable {
    var rows: Range<Int>
    var columns: Range<Int>

    /// Rows and columns of a tile: whole panels of every kind, enough of both that packing costs
    /// little.
    static let rowCount = 240
    static let columnCount = 512

    /// Tiles of a whole matrix: smaller ones where there would not be some for every thread.
    static func tiles(rows: Int, columns: Int, _ pool: WorkerPool) -> [Tile] {
        guard pool.threadCount > 1 else { return [Tile(rows: 0..<rows, columns: 0..<columns)] }
        var columnCount = columnCount
        while columnCount > 64,
            (rows + rowCount - 1) / rowCount
                * ((columns + columnCount - 1) / columnCount) < 2 * pool.threadCount
        {
            columnCount /= 2
        }
        return stride(from: 0, to: rows, by: rowCount).flatMap { row in
            stride(from: 0, to: columns, by: columnCount).map {
                Tile(
                    rows: row..<min(rows, row + rowCount),
                    columns: $0..<min(columns, $0 + columnCount))
            }
        }
    }

    /// The tiles that hold a part of the upper triangle, the diagonal included; those with most work
    /// are not later than others.
    static func upperTriangle(of count: Int) -> [Tile] {
        stride(from: 0, to: count, by: rowCount).flatMap { row in
            stride(from: row / columnCount * columnCount, to: count, by: columnCount).map {
                Tile(
                    rows: row..<min(count, row + rowCount),
                    columns: $0..<min(count, $0 + columnCount))
            }
        }
    }
}

/// A worker's scratch.
///
/// `@unchecked Sendable`: a worker pool gives each worker to one thread at a time.
final class WorkerScratch: @unchecked Sendable {
    let buffer = ScratchBuffer()
}

extension WorkerPool {
    /// `run` for jobs that cannot fail.
    package func runAll(
        jobCount: Int, _ body: @Sendable (_ worker: Int, _ job: Int) -> Void
    ) {
        // What does not throw is not thrown.
        try? run(jobCount: jobCount) { worker, job in body(worker, job) }
    }
}
