import Architectures
import CKernels

/// The rows of some stretches in one block, in the hands of one worker: what the block's mechanisms
/// work on.
///
/// Legend: E the width of the residual stream. The residual rows are changed in place.
struct RowGroup {
    /// The number of the block.
    let block: Int
    /// The block's weights, laid out as its mechanisms say.
    let weights: UnsafePointer<Float>
    /// Residual rows, `(row, E)`.
    let residual: UnsafeMutablePointer<Float>
    /// The tokens' residual streams, where they have several: `residual` is then a part's input, and what
    /// it makes of it.
    let streams: StreamRows?
    /// E.
    let width: Int
    /// What the outputs of the block's branches are multiplied by before they are added.
    let residualScale: Float
    var group: StretchGroup
    /// Rows of the batch that other blocks take, by the block that makes them.
    let sharedRows: [Int: FloatBuffer]
    /// All rows of tokens that are updated alternately, `(row, alternate, E)`.
    let alternates: UnsafeMutablePointer<Float>?
    let workspace: Workspace
    /// The threads beside the worker's, where one worker takes all rows.
    let workers: ResidentWorkers?
    let observer: LinearObserver?

    var stretches: [StretchRows] { group.stretches }
    /// The rows that the block takes.
    var rowCount: Int { group.rowCount }
    /// The rows that are wanted after it.
    var wantedCount: Int { group.wantedCount }
    /// Applies the block's linear layers.
    var linear: LinearLayer {
        LinearLayer(
            weights: weights, workspace: workspace, observer: observer, place: group.row,
            choices: group.adapters)
    }

    /// What the sequence keeps for this block.
    func state(of stretch: StretchRows) -> BlockState? { stretch.state?.blocks[block] }

    /// The same when all rows are wanted.
    var keepingAll: RowGroup {
        var rows = self
        rows.group = group.keepingAll
        return rows
    }

    /// Where a block's rows of a stretch are for other blocks, `width` floats to a token; `nil` where
    /// no block takes them.
    func sharedRows(
        of stretch: StretchRows, block: Int, width: Int
    ) -> UnsafeMutablePointer<Float>? {
        sharedRows[block].map { $0.base + (group.row + stretch.row) * width }
    }

    /// Moves the wanted of rows that are `length` long together; `output` may be `input`.
    func gather(
        _ input: UnsafePointer<Float>, length: Int, into output: UnsafeMutablePointer<Float>
    ) {
        for stretch in stretches {
            // The places may overlap, but the destination never lies behind its source.
            (output + stretch.wantedRow * length).update(
                from: input + (stretch.row + stretch.wanted.lowerBound) * length,
                count: stretch.wanted.count * length)
        }
    }

    /// Starts what a part makes, where it is not added to residual rows.
    func clearResidual(_ count: Int) { residual.update(repeating: 0, count: count * width) }

    /// Whether some rows are dropped.
    var dropsRows: Bool { wantedCount < rowCount }

    /// Normalised residual rows; a copy where there is no norm.
    func normalise(_ norm: Norm?, rows: Int, into output: UnsafeMutablePointer<Float>) {
        guard let norm else {
            output.update(from: residual, count: rows * width)
            return
        }
        workers.share(rows: rows, length: width) { rows in
            for row in rows {
                norm.apply(weights, residual + row * width, into: output + row * width)
            }
        }
    }

    /// `residual += scale · gain · norm(W x + b)`; the sum is left to the product where nothing is
    /// between.
    ///
    /// - Parameter gain: The place of a number among the weights.
    func add(
        _ stack: LinearStack, of input: UnsafePointer<Float>, stride: Int, norm: Norm?,
        gain: Int? = nil
    ) {
        let scale = residualScale * (gain.map { weights[$0] } ?? 1)
        if norm == nil, gain == nil, residualScale == 1 {
            linear.apply(
                stack, to: input, rows: wantedCount, into: residual, strides: (stride, width),
                keep: 1)
            return
        }
        let output = workspace[.branch]
        linear.apply(stack, to: input, rows: wantedCount, into: output, strides: (stride, width))
        workers.share(rows: wantedCount, length: width) { rows in
            for row in rows {
                let values = output + row * width
                norm?.apply(weights, values, into: values)
                ingot_add_scaled(residual + row * width, values, scale, width)
            }
        }
    }
}
