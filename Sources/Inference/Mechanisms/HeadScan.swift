import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A selective scan with one step and one decay for all channels of a head (PLaMo 2).
struct HeadScan: Recurrence {
    private let scan: BlockDescription.HeadScan
    let input: LinearStack
    let output: LinearStack
    let convolution: CausalConvolution
    /// Makes B, C and the short row of steps of x.
    private let parameters: LinearStack
    /// Makes a step for each head.
    private let steps: LinearStack
    private let decay: Int
    private let skip: Int
    /// The norms of what `parameters` makes, in its order.
    private let norms: [Norm]

    var stateCount: Int { scan.width * scan.stateLength }
    /// Room for a row on its way into another order, and for the steps of a row.
    var stepCount: Int { max(2 * scan.width, scan.headCount) }

    init(
        _ recurrence: BlockDescription.Recurrence, _ scan: BlockDescription.HeadScan,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.scan = scan
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        decay = try layout.tensor(scan.decay, shape: [scan.headCount])
        skip = try layout.tensor(scan.skip, shape: [scan.headCount])
        var norms: [Norm] = []
        let counts = [scan.stateLength, scan.stateLength, scan.steps.inputs]
        for (norm, count) in zip(scan.norms, counts) {
            if let norm = try layout.norm(norm, count: count) { norms.append(norm) }
        }
        self.norms = norms
        parameters = try layout.stack([scan.parameters])
        steps = try layout.stack([scan.steps])
        convolution = try CausalConvolution(scan.convolution, channelCount: scan.width, &layout)
    }

    var stacks: [LinearStack] { [input, output, parameters, steps] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .projected: load.rowCount * input.outputs,
            .latent: load.stretchLength * parameters.outputs,
            .mixed: load.rowCount * output.inputs, .state: stateCount + stepCount,
        ])
    }

    func run(_ stretch: RecurrentScan, _ rows: RowGroup) {
        let (stride, width) = (stretch.stride, scan.width)
        for index in 0..<stretch.count { separate(stretch.parts + index * stride, stretch.spare) }
        convolution.apply(stretch, offset: width, rows.weights)
        for index in 0..<stretch.count {
            ingot_silu(stretch.parts + index * stride + width, nil, width)
        }
        let short = rows.workspace[.latent]
        rows.linear.apply(
            parameters, to: stretch.parts + width, rows: stretch.count, into: short,
            strides: (stride, parameters.outputs))
        for index in 0..<stretch.count {
            var part = short + index * parameters.outputs
            for norm in norms {
                norm.apply(rows.weights, part, into: part)
                part += norm.count
            }
        }
        for index in 0..<stretch.count {
            let taken = short + index * parameters.outputs
            rows.linear.apply(
                steps, to: taken + 2 * scan.stateLength, rows: 1, into: stretch.spare,
                strides: (parameters.outputs, scan.headCount))
            let (gate, result) = (
                stretch.parts + index * stride, stretch.result + index * width
            )
            step(
                gate + width, taken, steps: stretch.spare, state: stretch.state, into: result,
                rows.weights)
            ingot_silu(gate, result, width)
            result.update(from: gate, count: width)
        }
    }

    /// Puts the gates of all heads first, then every head's x.
    private func separate(
        _ row: UnsafeMutablePointer<Float>, _ spare: UnsafeMutablePointer<Float>
    ) {
        let length = scan.headLength
        spare.update(from: row, count: 2 * scan.width)
        for head in 0..<scan.headCount {
            (row + head * length).update(from: spare + 2 * head * length, count: length)
            (row + scan.width + head * length).update(
                from: spare + (2 * head + 1) * length, count: length)
        }
    }

    /// All heads of one token.
    private func step(
        _ values: UnsafePointer<Float>, _ taken: UnsafePointer<Float>,
        steps: UnsafePointer<Float>, state: UnsafeMutablePointer<Float>,
        into result: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>
    ) {
        let (length, count) = (scan.headLength, scan.stateLength)
        for head in 0..<scan.headCount {
            let step = softplus(steps[head])
            ingot_state_step(
                state + head * length * count, exp(step * weights[decay + head]), step,
                weights[skip + head], values + head * length, taken, taken + count, length, count,
                result + head * length)
        }
    }
}
