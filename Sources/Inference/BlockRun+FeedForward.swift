import Architectures
import CKernels

extension BlockRun {
    /// The network, and the choice of experts.
    ///
    /// - Parameter normed: The input where it is there already; `nil` to normalise the residual.
    func feedForward(normed given: UnsafeMutablePointer<Float>?) throws {
        guard let experts = plan.experts, let expertRows else {
            let input = given ?? workspace.normed.base
            if given == nil {
                normalise(plan.feedForwardNorm, residual, rows: queryCount, into: input)
            }
            guard let network = plan.network else { return }
            addOutput(
                of: hidden(of: network, input), stride: network.input.outputs, network.output,
                norm: plan.postFeedForwardNorm)
            return
        }
        // The rows are kept for the experts, which take them when the whole batch is here.
        let input = expertRows.input
        if let beside = experts.beside {
            let normed = workspace.normed.base
            normalise(beside.ratingNorm, residual, rows: queryCount, into: normed)
            ingot_scale(normed, beside.ratingScale, queryCount * width)
            try route(experts, normed, into: expertRows)
            normalise(beside.inputNorm, residual, rows: queryCount, into: input)
            expertRows.sum?.update(repeating: 0, count: queryCount * width)
            return
        }
        if let given {
            input.update(from: given, count: queryCount * width)
        } else {
            normalise(plan.feedForwardNorm, residual, rows: queryCount, into: input)
        }
        try route(experts, input, into: expertRows)
        addShared(experts, input, into: expertRows)
    }

    /// The hidden rows of a network, in the workspace's wide rows, `network.input.outputs` apart.
    private func hidden(
        of network: BlockPlan.Network, _ input: UnsafePointer<Float>
    ) -> UnsafeMutablePointer<Float> {
        let wide = workspace.wide.base
        let stride = network.input.outputs
        linear.apply(
            network.input, to: input, rows: queryCount, into: wide, strides: (width, stride))
        network.activate(wide, rows: queryCount)
        return wide
    }

    /// Rates the experts for every row and notes the best.
    private func route(
        _ experts: ExpertPlan, _ input: UnsafePointer<Float>, into expertRows: ExpertRows
    ) throws {
        let ratings = workspace.wide.base
        let count = experts.router.outputs
        linear.apply(
            experts.router, to: input, rows: queryCount, into: ratings, strides: (width, count))
        guard ingot_all_finite(ratings, queryCount * count) else {
            throw NotFinite(what: "the ratings of its experts")
        }
        var choice = ExpertChoice(
            experts.description, bias: experts.choiceBias.map { weights + $0 },
            scales: experts.beside?.weightScales.map { weights + $0 })
        for row in 0..<queryCount {
            choice.choose(
                ratings + row * count, experts: expertRows.experts(row: row),
                weights: expertRows.weights(row: row))
        }
    }

    /// Starts the rows' sums with what the shared network gives.
    private func addShared(
        _ experts: ExpertPlan, _ input: UnsafePointer<Float>, into expertRows: ExpertRows
    ) {
        // The sum is the residual itself where nothing comes between.
        let isDirect = expertRows.sum == nil
        let sum = expertRows.sum ?? residual
        guard let network = plan.network else {
            if !isDirect { sum.update(repeating: 0, count: queryCount * width) }
            return
        }
        let rows = hidden(of: network, input)
        let stride = network.input.outputs
        guard let gate = experts.sharedGate else {
            linear.apply(
                network.output, to: rows, rows: queryCount, into: sum, strides: (stride, width),
                keep: isDirect ? 1 : 0)
            return
        }
        let output = workspace.branch.base
        linear.apply(
            network.output, to: rows, rows: queryCount, into: output, strides: (stride, width))
        let gates = workspace.wide.base
        linear.apply(gate, to: input, rows: queryCount, into: gates, strides: (width, 1))
        if !isDirect { sum.update(repeating: 0, count: queryCount * width) }
        for row in 0..<queryCount {
            ingot_add_scaled(
                sum + row * width, output + row * width, ExpertChoice.sigmoid(gates[row]), width)
        }
    }

    /// The end of a block with experts: the rows' sums go to the residual stream, if they are not
    /// there already.
    func addExperts() {
        guard let sum = expertRows?.sum else { return }
        let beside = plan.experts?.beside
        let shared = workspace.branch.base
        if beside != nil, let network = plan.network {
            let normed = workspace.normed.base
            normalise(plan.feedForwardNorm, residual, rows: queryCount, into: normed)
            linear.apply(
                network.output, to: hidden(of: network, normed), rows: queryCount, into: shared,
                strides: (network.input.outputs, width))
        }
        for row in 0..<queryCount {
            let values = sum + row * width
            if let beside {
                beside.outputNorm?.apply(weights, values, into: values)
                beside.sharedNorm?.apply(
                    weights, shared + row * width, into: shared + row * width)
                ingot_add(values, shared + row * width, width)
            }
            plan.postFeedForwardNorm?.apply(weights, values, into: values)
            ingot_add_scaled(residual + row * width, values, plan.description.residualScale, width)
        }
    }
}

/// A value that is NaN or infinite, found where its block is not known.
struct NotFinite: Error {
    let what: String
}

extension BlockPlan.Network {
    /// Applies the activation to rows of a gate followed by as many others, or of hidden values
    /// alone; the result takes the place of the first.
    func activate(_ rows: UnsafeMutablePointer<Float>, rows count: Int) {
        let hidden = output.inputs
        for row in 0..<count {
            let gate = rows + row * input.outputs
            let up = description.isGated ? gate + hidden : nil
            switch description.activation {
            case .silu: ingot_silu(gate, up, hidden)
            case .geluTanh: ingot_gelu_tanh(gate, up, hidden)
            case .gelu: ingot_gelu(gate, up, hidden)
            case .relu: ingot_relu(gate, up, hidden)
            case .reluSquared: ingot_relu_squared(gate, up, hidden)
            case .clampedSwiGLU(let alpha, let limit):
                ingot_clamped_swiglu(gate, up, alpha, limit, hidden)
            case .xIELU(let quadratic, let exponential, let linear, let limit):
                ingot_xielu(gate, up, quadratic, exponential, linear, limit, hidden)
            }
        }
    }
}
