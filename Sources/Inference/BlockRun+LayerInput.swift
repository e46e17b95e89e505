import CKernels

extension BlockRun {
    /// The end of a block: what it makes of the tokens' rows for it, and its scale.
    ///
    /// - Parameters:
    ///   - rows: The row for this block of the run's first token; `nil` without.
    ///   - stride: The floats from one token's row to the next's.
    func finishRows(_ rows: UnsafePointer<Float>?, stride: Int) {
        if let input = plan.layerInput, let rows {
            let gates = workspace.wide.base
            let count = input.gate.outputs
            linear.apply(
                input.gate, to: residual, rows: queryCount, into: gates, strides: (width, count))
            for window in 0..<windowCount {
                for index in 0..<queries.count {
                    let token = window * windowLength + queries.lowerBound + index
                    ingot_gelu_tanh(
                        gates + (window * queries.count + index) * count, rows + token * stride,
                        count)
                }
            }
            let changes = workspace.branch.base
            linear.apply(
                input.output, to: gates, rows: queryCount, into: changes, strides: (count, width))
            for row in 0..<queryCount {
                let change = changes + row * width
                input.norm?.apply(weights, change, into: change)
                ingot_add(residual + row * width, change, width)
            }
        }
        if let scale = plan.outputScale {
            ingot_scale(residual, weights[scale], queryCount * width)
        }
    }
}
