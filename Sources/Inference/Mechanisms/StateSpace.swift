import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Mamba-2's state space: a matrix for every head that decays and takes in as each token says.
struct StateSpace: Recurrence {
    private let space: BlockDescription.StateSpace
    let input: LinearStack
    let output: LinearStack
    let convolution: CausalConvolution
    private let decay: Int
    private let stepBias: Int
    private let skip: Int
    /// The norm of each group's results.
    private let norm: Norm?

    var stateCount: Int { space.width * space.stateLength }

    init(
        _ recurrence: BlockDescription.Recurrence, _ space: BlockDescription.StateSpace,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.space = space
        input = try layout.stack(recurrence.input)
        output = try layout.stack([recurrence.output])
        decay = try layout.tensor(space.decay, shape: [space.headCount, 1])
        stepBias = try layout.tensor(space.stepBias, shape: [space.headCount])
        skip = try layout.tensor(space.skip, shape: [space.headCount, 1])
        norm = try layout.norm(
            space.norm, count: space.width / space.groupCount, heads: space.groupCount)
        convolution = try CausalConvolution(
            space.convolution, channelCount: space.channelCount, &layout)
    }

    func run(_ scan: RecurrentScan, _ rows: RowGroup) {
        let width = space.width
        convolution.apply(scan, offset: width, rows.weights)
        for index in 0..<scan.count {
            let gate = scan.parts + index * scan.stride
            let output = scan.result + index * width
            ingot_silu(gate + width, nil, space.channelCount)
            step(gate + width, into: output, state: scan.state, rows.weights)
            // silu(gate) takes the gate's place, times what it lets through.
            ingot_silu(gate, output, width)
            normalise(gate, into: output, rows.weights)
        }
    }

    /// All heads of one token.
    private func step(
        _ values: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        state: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>
    ) {
        let length = space.headLength
        for head in 0..<space.headCount {
            let group = head / (space.headCount / space.groupCount)
            let input = values + space.width + group * space.stateLength
            let step = softplus(values[space.channelCount + head] + weights[stepBias + head])
            ingot_state_step(
                state + head * length * space.stateLength, exp(step * weights[decay + head]),
                step, weights[skip + head], values + head * length, input,
                input + space.groupCount * space.stateLength, length, space.stateLength,
                output + head * length)
        }
    }

    private func normalise(
        _ gated: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        _ weights: UnsafePointer<Float>
    ) {
        guard let norm else {
            output.update(from: gated, count: space.width)
            return
        }
        for group in 0..<space.groupCount {
            let place = group * norm.count
            norm.apply(weights, gated + place, into: output + place, head: group)
        }
    }
}
