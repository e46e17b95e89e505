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
    /// Makes a step for every element of the keys of a short row; `nil` where the input makes them.
    private let steps: LinearStack?
    /// Makes the gates of the results of another.
    private let gates: LinearStack?
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
        steps = try layout.stack(delta.steps)
        gates = try layout.stack(delta.gates)
        decay = try layout.tensor(
            delta.decay,
            shape: delta.isDecayFlat
                ? [delta.headCount]
                : delta.bound == nil ? [1, 1, delta.headCount, 1] : [delta.headCount, 1])
        stepBias = try layout.tensor(delta.stepBias, shape: [delta.width])
        norm = try layout.norm(delta.norm, count: delta.headLength)
        convolution = try CausalConvolution(
            delta.convolutions, channelCount: delta.width, &layout)
    }

    var stacks: [LinearStack] { [input, output] + [steps, gates].compactMap { $0 } }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .projected: load.rowCount * input.outputs,
            .latent: load.stretchLength * 2 * delta.width,
            .mixed: load.rowCount * output.inputs, .state: stateCount + stepCount,
        ])
    }

    /// Numbers for every element of the heads, and the floats from one position's to the next's.
    private typealias ElementRows = (base: UnsafePointer<Float>, stride: Int)

    /// What a matrix makes of short rows, or these themselves where they are not short.
    private func elements(
        _ matrix: LinearStack?, of short: UnsafeMutablePointer<Float>,
        into place: UnsafeMutablePointer<Float>, _ scan: RecurrentScan, _ rows: RowGroup
    ) -> ElementRows {
        guard let matrix else { return (UnsafePointer(short), scan.stride) }
        rows.linear.apply(
            matrix, to: short, rows: scan.count, into: place,
            strides: (scan.stride, delta.width))
        return (UnsafePointer(place), delta.width)
    }

    func run(_ scan: RecurrentScan, _ rows: RowGroup) {
        let width = delta.width
        let short = scan.parts + convolution.channelCount
        let place = rows.workspace[.latent]
        let stepRows = elements(steps, of: short, into: place, scan, rows)
        let gateRows = elements(
            gates, of: short + (steps?.inputs ?? width), into: place + scan.count * width, scan,
            rows)
        convolution.apply(scan, rows.weights)
        let root = Float(delta.headLength).squareRoot()
        for index in 0..<scan.count {
            let row = scan.parts + index * scan.stride
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
        _ scan: RecurrentScan, head: Int, steps: ElementRows, gates: ElementRows,
        _ weights: UnsafePointer<Float>
    ) {
        let (width, length) = (delta.width, delta.headLength)
        let beta =
            convolution.channelCount + (self.steps?.inputs ?? width)
            + (self.gates?.inputs ?? width) + head
        let (decay, biases) = (weights[self.decay + head], weights + stepBias + head * length)
        let state = scan.state + head * length * length
        for index in 0..<scan.count {
            let row = scan.parts + index * scan.stride
            let query = row + head * length
            let output = scan.result + index * width + head * length
            let steps = steps.base + index * steps.stride + head * length
            for element in 0..<length {
                let step = steps[element] + biases[element]
                let logarithm =
                    if let bound = delta.bound {
                        bound * sigmoid(abs(decay) * step)
                    } else {
                        decay * softplus(step)
                    }
                ingot_scale(state + element * length, exp(logarithm), length)
            }
            ingot_delta_step(
                state, query, query + width, query + 2 * width, 1, sigmoid(row[beta]), length,
                length, scan.spare, output)
            norm?.apply(weights, output, into: output)
            let gates = gates.base + index * gates.stride + head * length
            for element in 0..<length { output[element] *= sigmoid(gates[element]) }
        }
    }
}
