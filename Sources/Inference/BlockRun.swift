import Architectures
import CKernels

/// One block applied to some windows of tokens by one worker.
///
/// Legend: M rows (tokens of all windows of the run), E the width of the residual stream. The
/// residual rows are changed in place. Where the block has experts, the run ends with their choice:
/// `ExpertRun` applies them to the whole batch.
struct BlockRun {
    /// Query rows that attention works on at a time: few enough that the scores stay in cache and
    /// little of the masked triangle is computed, enough for the matrix product.
    static let queryRows = 128

    let plan: BlockPlan
    /// The block's weights, laid out as the plan says.
    let weights: UnsafePointer<Float>
    /// Residual rows, `(window, position, E)`.
    let residual: UnsafeMutablePointer<Float>
    let windowCount: Int
    let windowLength: Int
    /// The positions in a window that are wanted after this block; the residual rows of the others
    /// are dropped, and those of these are moved together: `(window, queries, E)`.
    let queries: Range<Int>
    let width: Int
    let rotary: RotaryTable?
    /// Keys and values of the positions before, for the one window; the run adds its own.
    let cache: KeyValueCache?
    /// The keys and values of the run's windows, where another block takes them or this one takes
    /// another's.
    let kept: UnsafeMutablePointer<Float>?
    /// What a recurrence remembers of the positions before; the run makes the state after it.
    let state: RecurrentState?
    /// Where the rows for the experts go, and their choice.
    let expertRows: ExpertRows?
    let workspace: Workspace
    let observer: LinearObserver?

    var rowCount: Int { windowCount * windowLength }
    var queryCount: Int { windowCount * queries.count }
    var linear: LinearLayer {
        LinearLayer(weights: weights, workspace: workspace, observer: observer)
    }
    /// The position of a window's first row.
    var start: Int { cache?.count ?? 0 }

    func run() throws {
        let normed = workspace.normed.base
        normalise(plan.attentionNorm, residual, rows: rowCount, into: normed)
        switch plan.description.mixer {
        case .attention:
            if let recurrence = plan.recurrence {
                recur(recurrence, normed)
                linear.apply(
                    recurrence.output, to: workspace.heads.base, rows: queryCount,
                    into: workspace.beside.base, strides: (recurrence.output.inputs, width))
            }
            projectHeads(normed)
            projectGates(normed)
            prepareHeads()
            for window in 0..<windowCount { attend(window: window) }
            gateHeads()
        case .recurrence:
            if let recurrence = plan.recurrence { recur(recurrence, normed) }
            if queries.count < windowLength { keepQueries(normed) }
        case .absent:
            if queries.count < windowLength { keepQueries(normed) }
            return try feedForward(normed: nil)
        }
        switch plan.description.arrangement {
        case .sequential:
            addAttention()
            try feedForward(normed: nil)
        case .parallel:
            // The network's input is there before attention's output is added.
            try feedForward(normed: plan.feedForwardNorm == nil ? normed : nil)
            addAttention()
        }
    }

    private func addAttention() {
        addOutput(
            of: workspace.heads.base, stride: plan.mixerOutput.inputs, plan.mixerOutput,
            norm: plan.postAttentionNorm)
        guard plan.description.beside != nil else { return }
        ingot_add_scaled(
            residual, workspace.beside.base, plan.description.residualScale, queryCount * width)
    }

    /// Normalised rows; a copy where there is no norm.
    func normalise(
        _ norm: NormPlan?, _ input: UnsafePointer<Float>, rows: Int,
        into output: UnsafeMutablePointer<Float>
    ) {
        guard let norm else {
            output.update(from: input, count: rows * width)
            return
        }
        for row in 0..<rows {
            norm.apply(weights, input + row * width, into: output + row * width)
        }
    }

    /// `residual += scale · norm(W x + b)`; the sum is left to the product where nothing is between.
    func addOutput(
        of input: UnsafePointer<Float>, stride: Int, _ stack: Stack, norm: NormPlan?
    ) {
        let scale = plan.description.residualScale
        if norm == nil, scale == 1 {
            linear.apply(
                stack, to: input, rows: queryCount, into: residual, strides: (stride, width),
                keep: 1)
            return
        }
        let output = workspace.branch.base
        linear.apply(stack, to: input, rows: queryCount, into: output, strides: (stride, width))
        for row in 0..<queryCount {
            let values = output + row * width
            norm?.apply(weights, values, into: values)
            ingot_add_scaled(residual + row * width, values, scale, width)
        }
    }
}
