import Architectures
import CKernels

/// Mamba's selective scan: a state for every channel that decays and takes in as each token says.
struct SelectiveScan: Recurrence {
    private let stateLength: Int
    let input: LinearStack
    let output: LinearStack
    let convolution: CausalConvolution
    /// Makes the short row of steps, B and C of x.
    private let parameters: LinearStack
    /// Makes a step for each channel.
    private let steps: LinearStack
    private let decay: Int
    private let skip: Int
    /// The norms of the short row's parts, in their order.
    private let norms: [Norm]

    var stateCount: Int { convolution.channelCount * stateLength }

    init(
        _ recurrence: BlockDescription.Recurrence, _ scan: BlockDescription.SelectiveScan,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        let channels = recurrence.output.inputs
        stateLength = scan.stateLength
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        decay = try layout.tensor(scan.decay, shape: [channels, scan.stateLength])
        skip = try layout.tensor(scan.skip, shape: [channels])
        var norms: [Norm] = []
        let parts = [
            (scan.norms?.steps, scan.steps.inputs), (scan.norms?.input, scan.stateLength),
            (scan.norms?.output, scan.stateLength),
        ]
        for (norm, count) in parts {
            if let norm = try layout.norm(norm, count: count) { norms.append(norm) }
        }
        self.norms = norms
        parameters = try layout.stack([scan.parameters])
        steps = try layout.stack([scan.steps])
        convolution = try CausalConvolution(scan.convolution, channelCount: channels, &layout)
    }

    var stacks: [LinearStack] { [input, output, parameters, steps] }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .projected: load.rowCount * input.outputs,
            .latent: load.stretchLength * parameters.outputs,
            .mixed: load.rowCount * output.inputs, .state: stateCount,
        ])
    }

    func run(_ scan: RecurrentScan, _ rows: RowGroup) {
        let (stride, channels) = (scan.stride, convolution.channelCount)
        convolution.apply(scan, rows.weights)
        for index in 0..<scan.count { ingot_silu(scan.parts + index * stride, nil, channels) }
        let short = rows.workspace[.latent]
        rows.linear.apply(
            parameters, to: scan.parts, rows: scan.count, into: short,
            strides: (stride, parameters.outputs))
        for index in 0..<scan.count {
            var part = short + index * parameters.outputs
            for norm in norms {
                norm.apply(rows.weights, part, into: part)
                part += norm.count
            }
        }
        rows.linear.apply(
            steps, to: short, rows: scan.count, into: scan.result,
            strides: (parameters.outputs, channels))
        for index in 0..<scan.count {
            let row = scan.parts + index * stride
            let output = scan.result + index * channels
            for channel in 0..<channels { output[channel] = softplus(output[channel]) }
            let taken = short + index * parameters.outputs + steps.inputs
            ingot_scan_step(
                scan.state, rows.weights + decay, taken, taken + stateLength, output, row, channels,
                stateLength, output)
            for channel in 0..<channels {
                output[channel] += rows.weights[skip + channel] * row[channel]
            }
            ingot_silu(row + channels, output, channels)
            output.update(from: row + channels, count: channels)
        }
    }
}
