import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Two layers with an activation between (MLP): a block's network, an expert, or the network that
/// every token takes beside the experts.
struct Network: Sendable {
    private let description: BlockDescription.Network
    /// Makes gate and up, or up alone.
    let input: LinearStack
    let output: LinearStack
    /// The norm of what `output` takes in.
    private let hiddenNorm: Norm?

    init(
        _ description: BlockDescription.Network, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.description = description
        input = try layout.stack(description.input)
        output = try layout.stack([description.output])
        hiddenNorm = try layout.norm(description.hiddenNorm, count: description.output.inputs)
    }

    var stacks: [LinearStack] { [input, output] }

    func reserve(_ room: inout Workspace.Room, rowCount: Int) {
        room.need([.projected: rowCount * input.outputs])
    }

    /// The hidden rows, in the workspace's `projected`, `input.outputs` apart.
    ///
    /// - Parameter values: The input, `(row, inputs)`.
    func hidden(
        _ values: UnsafePointer<Float>, rows: Int, _ linear: LinearLayer
    ) -> UnsafeMutablePointer<Float> {
        let hidden = linear.workspace[.projected]
        linear.apply(
            input, to: values, rows: rows, into: hidden, strides: (input.inputs, input.outputs))
        input.workers.share(rows: rows, length: input.outputs) { rows in
            let own = hidden + rows.lowerBound * input.outputs
            activate(own, rows: rows.count)
            hiddenNorm?.apply(linear.weights, to: own, count: rows.count, stride: input.outputs)
        }
        return hidden
    }

    /// What the network makes of rows; may be added to what is there.
    func apply(
        to values: UnsafePointer<Float>, rows: Int, into result: UnsafeMutablePointer<Float>,
        keep: Float = 0, _ linear: LinearLayer
    ) {
        linear.apply(
            output, to: hidden(values, rows: rows, linear), rows: rows, into: result,
            strides: (input.outputs, output.outputs), keep: keep)
    }

    /// Applies the activation to rows of a gate followed by as many others, or of hidden values
    /// alone; the result takes the place of the first.
    private func activate(_ rows: UnsafeMutablePointer<Float>, rows count: Int) {
        let hidden = output.inputs
        for row in 0..<count {
            let gate = rows + row * input.outputs
            let up = description.isGated ? gate + hidden : nil
            if let cutoff = description.cutoff { keepLargest(gate, hidden, above: cutoff) }
            switch description.activation {
            case .silu: ingot_silu(gate, up, hidden)
            case .geluTanh: ingot_gelu_tanh(gate, up, hidden)
            case .gelu: ingot_gelu(gate, up, hidden)
            case .relu: ingot_relu(gate, up, hidden)
            case .reluSquared: ingot_relu_squared(gate, up, hidden)
            case .clampedSwiGLU(let alpha, let limit):
                ingot_clamped_swiglu(gate, up, alpha, limit, hidden)
            case .limitedSwiGLU(let limit):
                ingot_silu(gate, nil, hidden)
                for index in 0..<hidden {
                    let other = up.map { max(min($0[index], limit), -limit) } ?? 1
                    gate[index] = min(gate[index], limit) * other
                }
            case .cutSwiGLU(let limit):
                for index in 0..<hidden { gate[index] = min(gate[index], limit) }
                ingot_silu(gate, nil, hidden)
                for index in 0..<hidden {
                    gate[index] *= up.map { max(min($0[index], limit), -limit) } ?? 1
                }
            case .situ(let beta, let linear):
                for index in 0..<hidden {
                    let value = gate[index]
                    var other = up?[index] ?? 1
                    if linear > 0 { other = linear * tanh(other / linear) }
                    gate[index] = beta * tanh(value / beta) * sigmoid(value) * other
                }
            case .xIELU(let quadratic, let exponential, let linear, let limit):
                ingot_xielu(gate, up, quadratic, exponential, linear, limit, hidden)
            }
        }
    }
}

/// Leaves of each number what it has more than some standard deviations above the mean of all.
private func keepLargest(
    _ values: UnsafeMutablePointer<Float>, _ count: Int, above deviations: Float
) {
    var (sum, squares): (Double, Double) = (0, 0)
    for index in 0..<count { sum += Double(values[index]) }
    let mean = sum / Double(count)
    for index in 0..<count {
        let distance = Double(values[index]) - mean
        squares += distance * distance
    }
    let cutoff = Float(mean + Double(deviations) * (squares / Double(count)).squareRoot())
    for index in 0..<count { values[index] = max(values[index] - cutoff, 0) }
}

/// A block's feed-forward branch: one network for all tokens.
struct FeedForward: Sendable {
    private let network: Network
    let norms: BranchNorms
    /// The place of a number that the output is multiplied by.
    private let gain: Int?

    init(
        _ description: BlockDescription.Network, norms: BranchNorms, gain: String?,
        _ layout: inout WeightLayout
    ) throws(InferenceError) {
        network = try Network(description, &layout)
        self.norms = norms
        self.gain = try layout.tensor(ifNamed: gain, shape: [1])
    }

    var stacks: [LinearStack] { network.stacks }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        network.reserve(&room, rowCount: load.rowCount)
    }

    /// Adds what the network makes of the wanted rows to the residual stream.
    ///
    /// - Parameter normed: The input where it is there already; `nil` to normalise the residual.
    func apply(_ normed: UnsafePointer<Float>?, _ rows: RowGroup) {
        let input = rows.input(normed, norms.before)
        rows.add(
            network.output, of: network.hidden(input, rows: rows.wantedCount, rows.linear),
            stride: network.input.outputs, norm: norms.after, gain: gain)
    }
}

/// The norms around a branch of a block: of what it takes in, and of what it makes.
struct BranchNorms: Sendable {
    var before: Norm?
    var after: Norm?
}

extension RowGroup {
    /// The rows that a feed-forward branch takes in: those that are there already, or the residual
    /// rows, normalised to the workspace's `normed`.
    func input(_ given: UnsafePointer<Float>?, _ norm: Norm?) -> UnsafePointer<Float> {
        if let given { return given }
        let normed = workspace[.normed]
        normalise(norm, rows: wantedCount, into: normed)
        return UnsafePointer(normed)
    }
}
