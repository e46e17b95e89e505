import Architectures
import CKernels

/// What a block makes, in the end, of the rows that the tokens have for it (per-layer embeddings).
struct LayerInput: Sendable {
    private let gate: LinearStack
    private let output: LinearStack
    private let norm: Norm?

    init?(
        _ description: BlockDescription.LayerInput?, width: Int, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        guard let description else { return nil }
        gate = try layout.stack([description.gate])
        output = try layout.stack([description.output])
        norm = try layout.norm(description.norm, count: width)
    }

    var stacks: [LinearStack] { [gate, output] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([.projected: load.rowCount * gate.outputs, .branch: load.rowCount * load.width])
    }

    /// Adds it to the wanted residual rows.
    ///
    /// - Parameters:
    ///   - layerRows: The row for this block of the group's first token.
    ///   - stride: The floats from one token's row to the next's.
    func apply(_ layerRows: UnsafePointer<Float>, stride: Int, _ rows: RowGroup) {
        let changes = changes(of: rows.residual, layerRows, stride: stride, rows)
        ingot_add(rows.residual, changes, rows.wantedCount * rows.width)
    }

    /// What it makes of wanted rows, `(row, E)`, in the workspace's `branch`.
    func changes(
        of input: UnsafePointer<Float>, _ layerRows: UnsafePointer<Float>, stride: Int,
        _ rows: RowGroup
    ) -> UnsafePointer<Float> {
        let (gates, changes) = (rows.workspace[.projected], rows.workspace[.branch])
        let (count, width) = (gate.outputs, rows.width)
        rows.linear.apply(
            gate, to: input, rows: rows.wantedCount, into: gates, strides: (width, count))
        for stretch in rows.stretches {
            for index in 0..<stretch.wanted.count {
                let token = stretch.row + stretch.wanted.lowerBound + index
                ingot_gelu_tanh(
                    gates + (stretch.wantedRow + index) * count, layerRows + token * stride, count)
            }
        }
        rows.linear.apply(
            output, to: gates, rows: rows.wantedCount, into: changes, strides: (count, width))
        norm?.apply(rows.weights, to: changes, count: rows.wantedCount, stride: width)
        return UnsafePointer(changes)
    }
}
