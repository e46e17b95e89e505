import Architectures
import CKernels

/// One block applied to some windows of tokens by one worker.
///
/// Legend: T positions of a window, M rows (tokens of all windows of the run), E the width of the
/// residual stream. The residual rows are changed in place.
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
    /// The positions that are wanted after this block; the residual rows of the others are
    /// dropped, and those of these are moved together: `(window, queries, E)`.
    let queries: Range<Int>
    let width: Int
    let rotary: RotaryTable?
    let workspace: Workspace

    private var rowCount: Int { windowCount * windowLength }
    private var queryCount: Int { windowCount * queries.count }

    func run() {
        let normed = workspace.normed.base
        normalise(plan.attentionNorm, residual, rows: rowCount, into: normed)
        projectHeads(normed)
        prepareHeads()
        for window in 0..<windowCount { attend(window: window) }
        addOutput(
            of: workspace.heads.base, stride: plan.attentionOutput.inputs, plan.attentionOutput,
            norm: plan.postAttentionNorm)

        normalise(plan.feedForwardNorm, residual, rows: queryCount, into: normed)
        let wide = workspace.wide.base
        let input = plan.feedForwardInput
        multiply(normed, rows: queryCount, by: input, outputs: 0..<input.outputs, into: wide)
        let hidden = plan.feedForwardOutput.inputs
        activate(wide, stride: input.outputs, hidden: hidden)
        addOutput(
            of: wide, stride: input.outputs, plan.feedForwardOutput, norm: plan.postFeedForwardNorm)
    }

    // MARK: Parts

    /// Normalised rows; a copy where there is no norm.
    private func normalise(
        _ norm: BlockPlan.Norm?, _ input: UnsafePointer<Float>, rows: Int,
        into output: UnsafeMutablePointer<Float>
    ) {
        guard let norm else {
            output.update(from: input, count: rows * width)
            return
        }
        for row in 0..<rows {
            apply(norm, input + row * width, into: output + row * width)
        }
    }

    private func apply(
        _ norm: BlockPlan.Norm, _ input: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>
    ) {
        let weight = norm.weight.map { weights + $0 }
        switch norm.kind {
        case .rootMeanSquare: ingot_rms_norm(input, weight, norm.epsilon, norm.count, output)
        case .layer:
            ingot_layer_norm(
                input, weight, norm.bias.map { weights + $0 }, norm.epsilon, norm.count, output)
        }
    }

    /// Some outputs of a stack of matrices for `rows` rows, with their biases.
    ///
    /// Rows of the result are as long as all outputs, each output in its place.
    private func multiply(
        _ input: UnsafePointer<Float>, rows: Int, by stack: BlockPlan.Stack, outputs: Range<Int>,
        into result: UnsafeMutablePointer<Float>
    ) {
        let destination = result + outputs.lowerBound
        MatrixProduct.timesTransposed(
            input, weights + stack.offset + outputs.lowerBound * stack.inputs, into: destination,
            rows: rows, columns: outputs.count, inner: stack.inputs,
            strides: (stack.inputs, stack.inputs, stack.outputs))
        guard let bias = stack.bias else { return }
        for row in 0..<rows {
            ingot_add(
                destination + row * stack.outputs, weights + bias + outputs.lowerBound,
                outputs.count)
        }
    }

    /// Queries, keys and values, `(M, queries | keys | values)`; queries only where wanted, their
    /// rows moved together.
    private func projectHeads(_ normed: UnsafeMutablePointer<Float>) {
        let stack = plan.attentionInput
        let wide = workspace.wide.base
        guard queries.count < windowLength else {
            multiply(normed, rows: rowCount, by: stack, outputs: 0..<stack.outputs, into: wide)
            return
        }
        let queryWidth = plan.description.attention.queryWidth
        multiply(normed, rows: rowCount, by: stack, outputs: queryWidth..<stack.outputs, into: wide)
        for window in 0..<windowCount {
            let from = (window * windowLength + queries.lowerBound) * width
            let to = window * queries.count * width
            // The places may overlap, but the destination never lies behind its source.
            (residual + to).update(from: residual + from, count: queries.count * width)
            (normed + to).update(from: normed + from, count: queries.count * width)
        }
        multiply(normed, rows: queryCount, by: stack, outputs: 0..<queryWidth, into: wide)
    }

    /// Norms and rotation of every query and key head.
    private func prepareHeads() {
        let attention = plan.description.attention
        let stride = plan.attentionInput.outputs
        for window in 0..<windowCount {
            for index in 0..<queries.count {
                let row = workspace.wide.base + (window * queries.count + index) * stride
                prepare(
                    row, heads: attention.headCount, norm: plan.queryNorm,
                    position: queries.lowerBound + index)
            }
            for position in 0..<windowLength {
                let row = workspace.wide.base + (window * windowLength + position) * stride
                prepare(
                    row + attention.queryWidth, heads: attention.headCountKV, norm: plan.keyNorm,
                    position: position)
            }
        }
    }

    private func prepare(
        _ row: UnsafeMutablePointer<Float>, heads: Int, norm: BlockPlan.Norm?, position: Int
    ) {
        let attention = plan.description.attention
        for head in 0..<heads {
            let values = row + head * attention.keyLength
            if let norm { apply(norm, values, into: values) }
            guard let rotary, let pairing = attention.rotary?.pairing else { continue }
            let (cosines, sines) = (rotary.cosines(at: position), rotary.sines(at: position))
            switch pairing {
            case .interleaved: ingot_rotate_interleaved(values, cosines, sines, rotary.pairCount)
            case .halves: ingot_rotate_halves(values, cosines, sines, rotary.pairCount)
            }
        }
    }

    /// Causal attention of one window, head by head, some query rows at a time; only the keys that
    /// these rows may see take part.
    private func attend(window: Int) {
        let attention = plan.description.attention
        let stride = plan.attentionInput.outputs
        let keyRows = workspace.wide.base + window * windowLength * stride + attention.queryWidth
        let valueRows = keyRows + attention.keyWidth
        let queryRows = workspace.wide.base + window * queries.count * stride
        let outputStride = attention.headCount * attention.valueLength
        let outputRows = workspace.heads.base + window * queries.count * outputStride
        let scores = workspace.scores.base
        let group = attention.headCount / attention.headCountKV
        for first in Swift.stride(from: 0, to: queries.count, by: BlockRun.queryRows) {
            let rows = min(BlockRun.queryRows, queries.count - first)
            let position = queries.lowerBound + first
            let keys = earliest(seenFrom: position)..<position + rows
            for head in 0..<attention.headCount {
                let shared = head / group
                MatrixProduct.timesTransposed(
                    queryRows + first * stride + head * attention.keyLength,
                    keyRows + keys.lowerBound * stride + shared * attention.keyLength, into: scores,
                    rows: rows, columns: keys.count, inner: attention.keyLength,
                    strides: (stride, stride, keys.count), scale: attention.scale)
                for row in 0..<rows {
                    weigh(scores + row * keys.count, keys: keys, position: position + row)
                }
                MatrixProduct.times(
                    scores, valueRows + keys.lowerBound * stride + shared * attention.valueLength,
                    into: outputRows + first * outputStride + head * attention.valueLength,
                    rows: rows, columns: attention.valueLength, inner: keys.count,
                    strides: (keys.count, stride, outputStride))
            }
        }
    }

    /// The first position that a query at `position` sees.
    private func earliest(seenFrom position: Int) -> Int {
        guard let window = plan.description.attention.window else { return 0 }
        return max(0, position - window + 1)
    }

    /// Turns the scores of one query into weights, zero for keys that it does not see.
    private func weigh(_ scores: UnsafeMutablePointer<Float>, keys: Range<Int>, position: Int) {
        let seen = earliest(seenFrom: position) - keys.lowerBound..<position + 1 - keys.lowerBound
        if let cap = plan.description.attention.softCap {
            ingot_soft_cap(scores + seen.lowerBound, cap, seen.count)
        }
        ingot_softmax(scores + seen.lowerBound, seen.count)
        scores.update(repeating: 0, count: seen.lowerBound)
        (scores + seen.upperBound).update(repeating: 0, count: keys.count - seen.upperBound)
    }

    /// Applies the activation to rows of `hidden` gates followed by `hidden` others, or of `hidden`
    /// values alone; the result takes the place of the first `hidden`.
    private func activate(_ rows: UnsafeMutablePointer<Float>, stride: Int, hidden: Int) {
        let (activation, gated) =
            switch plan.description.feedForward {
            case .gated(let activation, _, _): (activation, true)
            case .plain(let activation, _, _): (activation, false)
            }
        for row in 0..<queryCount {
            let gate = rows + row * stride
            let up = gated ? gate + hidden : nil
            switch activation {
            case .silu: ingot_silu(gate, up, hidden)
            case .geluTanh: ingot_gelu_tanh(gate, up, hidden)
            }
        }
    }

    /// `residual += scale · norm(W x + b)`; the sum is left to the product where nothing is between.
    private func addOutput(
        of input: UnsafePointer<Float>, stride: Int, _ stack: BlockPlan.Stack, norm: BlockPlan.Norm?
    ) {
        let scale = plan.description.residualScale
        let bias = stack.bias.map { weights + $0 }
        let direct = norm == nil && scale == 1
        let output = direct ? residual : workspace.branch.base
        MatrixProduct.timesTransposed(
            input, weights + stack.offset, into: output, rows: queryCount, columns: width,
            inner: stack.inputs, strides: (stride, stack.inputs, width), keep: direct ? 1 : 0)
        for row in 0..<queryCount {
            let values = output + row * width
            if let bias { ingot_add(values, bias, width) }
            guard !direct else { continue }
            if let norm { apply(norm, values, into: values) }
            ingot_add_scaled(residual + row * width, values, scale, width)
        }
    }
}
