import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Kimi delta attention (KDA): the gated delta rule with a decay for every element of a key.
struct KimiDeltaAttention: Recurrence {
    private let delta: BlockDescription.KimiDelta
    let input: LinearStack
    let output: LinearStack
    let convolution: CausalConvolution
    /// Makes a step for every element of the keys of a short row.
    private let steps: LinearStack
    /// Makes the gates of the results of another.
    private let gates: LinearStack
    private let decay: Int
    private let stepBias: Int
    private let norm: Norm?

    var stateCount: Int { delta.width * delta.headLength }
    var stepCount: Int { delta.headLength }

    init(
        _ recurrence: BlockDescription.Recurrence, _ delta: BlockDescription.KimiDelta,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.delta = delta
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        steps = try layout.stack([delta.steps])
        gates = try layout.stack([delta.gates])
        decay = try layout.tensor(delta.decay, shape: [1, 1, delta.headCount, 1])
        stepBias = try layout.tensor(delta.stepBias, shape: [delta.width])
        norm = try layout.norm(delta.norm, count: delta.headLength)
        convolution = try CausalConvolution(
            delta.convolutions, channelCount: delta.width, &layout)
    }

    var stacks: [LinearStack] { [input, output, steps, gates] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .projected: load.rowCount * input.outputs,
            .latent: load.stretchLength * 2 * delta.width,
            .mixed: load.rowCount * output.inputs, .state: stateCount + stepCount,
        ])
    }

    func run(_ scan: RecurrentScan, _ rows: RowGroup) {
        let (width, stride) = (delta.width, scan.stride)
        let short = scan.parts + convolution.channelCount
        let stepRows = rows.workspace[.latent]
        let gateRows = stepRows + scan.count * width
        rows.linear.apply(
            steps, to: short, rows: scan.count, into: stepRows, strides: (stride, width))
        rows.linear.apply(
            gates, to: short + steps.inputs, rows: scan.count, into: gateRows,
            strides: (stride, width))
        convolution.apply(scan, rows.weights)
        let root = Float(delta.headLength).squareRoot()
        for index in 0..<scan.count {
            let row = scan.parts + index * stride
            ingot_silu(row, nil, convolution.channelCount)
            for head in 0..<delta.headCount {
                let query = row + head * delta.headLength
                scaleToUnit(query, delta.headLength, by: 1 / root)
                scaleToUnit(query + width, delta.headLength, by: 1)
            }
        }
        for head in 0..<delta.headCount {
            run(scan, head: head, steps: stepRows, gates: gateRows, rows.weights)
        }
    }

    /// One head from position to position.
    private func run(
        _ scan: RecurrentScan, head: Int, steps: UnsafePointer<Float>,
        gates: UnsafePointer<Float>, _ weights: UnsafePointer<Float>
    ) {
        let (width, length) = (delta.width, delta.headLength)
        let beta = convolution.channelCount + self.steps.inputs + self.gates.inputs + head
        let (decay, biases) = (weights[self.decay + head], weights + stepBias + head * length)
        let state = scan.state + head * length * length
        for index in 0..<scan.count {
            let row = scan.parts + index * scan.stride
            let query = row + head * length
            let own = index * width + head * length
            let output = scan.result + own
            for element in 0..<length {
                let step = softplus(steps[own + element] + biases[element])
                ingot_scale(state + element * length, exp(decay * step), length)
            }
            ingot_delta_step(
                state, query, query + width, query + 2 * width, 1, sigmoid(row[beta]), length,
                length, scan.spare, output)
            norm?.apply(weights, output, into: output)
            for element in 0..<length { output[element] *= sigmoid(gates[own + element]) }
        }
    }
}
