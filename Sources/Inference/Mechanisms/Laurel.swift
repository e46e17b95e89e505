import Architectures
import CKernels

/// A short way past a block's mixer (LAuReL).
struct Laurel: Sendable {
    private let left: LinearStack
    private let right: LinearStack
    private let norm: Norm?

    init?(
        _ description: BlockDescription.Laurel?, width: Int, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        guard let description else { return nil }
        left = try layout.stack([description.left])
        right = try layout.stack([description.right])
        norm = try layout.norm(description.norm, count: width)
    }

    var stacks: [LinearStack] { [left, right] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .latent: load.rowCount * left.outputs, .parallel: load.rowCount * load.width,
        ])
    }

    /// Makes of the wanted normed rows what goes past the mixer, in the workspace's `parallel`.
    func prepare(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let (short, result) = (rows.workspace[.latent], rows.workspace[.parallel])
        let (count, width) = (rows.wantedCount, rows.width)
        rows.linear.apply(
            left, to: normed, rows: count, into: short, strides: (width, left.outputs))
        rows.linear.apply(
            right, to: short, rows: count, into: result, strides: (left.outputs, width))
        norm?.apply(rows.weights, to: result, count: count, stride: width)
        ingot_add(result, normed, count * width)
    }

    /// Adds it to the residual rows, and divides the sums by √2.
    func add(_ rows: RowGroup) {
        let count = rows.wantedCount * rows.width
        ingot_add(rows.residual, rows.workspace[.parallel], count)
        ingot_scale(rows.residual, Float(0.5).squareRoot(), count)
    }
}
