import Architectures
import CKernels

/// A block's feed-forward branch with a mixture of experts (MoE): a router chooses some networks for
/// each token, and their weighted outputs are added; a shared network may go with them.
///
/// The steps: `route` rates and chooses for a group of rows; `ExpertPass` applies the experts to the
/// whole batch; `finish` adds what a group's rows got to the residual stream.
struct Experts: Sendable {
    let description: BlockDescription.Experts
    private let norms: BranchNorms
    private let router: LinearStack
    private let choiceBias: Int?
    /// The experts of every token, where they go by it.
    private let table: ExpertTable?
    /// The network that every token takes.
    private let shared: Network?
    private let sharedGate: LinearStack?
    /// The norms of experts beside the shared network rather than with it.
    private let separateNorms: SeparateNorms?
    /// What makes experts' rows shorter, and the norm of their sum and what makes that longer.
    private let narrowing: (down: LinearStack, norm: Norm?, up: LinearStack)?
    /// One expert, in a buffer of its own.
    let network: Network
    /// The layout of an expert's buffer.
    let layout: WeightLayout
    /// Whether rows are summed apart from the residual stream, since something comes between.
    let hasSum: Bool

    /// What `BlockDescription.Experts.SeparateNorms` names.
    private struct SeparateNorms: Sendable {
        let routerNorm: Norm?
        let routerScale: Float
        let weightScales: Int?
        let inputNorm: Norm?
        let outputNorm: Norm?
        let sharedNorm: Norm?

        init?(
            _ experts: BlockDescription.Experts, _ layout: inout WeightLayout
        ) throws(InferenceError) {
            guard let norms = experts.separateNorms else { return nil }
            let width = experts.router.inputs
            routerNorm = try layout.norm(norms.routerNorm, count: width)
            routerScale = norms.routerScale
            weightScales = try layout.tensor(ifNamed: norms.weightScales, shape: [experts.count])
            inputNorm = try layout.norm(norms.inputNorm, count: width)
            outputNorm = try layout.norm(norms.outputNorm, count: width)
            sharedNorm = try layout.norm(norms.sharedNorm, count: width)
        }
    }

    init(
        _ experts: BlockDescription.Experts, norms: BranchNorms, residualScale: Float,
        _ block: inout WeightLayout
    ) throws(InferenceError) {
        description = experts
        self.norms = norms
        router = try block.stack([experts.router])
        choiceBias = try block.tensor(ifNamed: experts.choiceBias, shape: [experts.count])
        table = try experts.table.map { name throws(InferenceError) in
            try ExpertTable(name, experts, block.tensors)
        }
        sharedGate = try block.stack(experts.sharedGate)
        separateNorms = try SeparateNorms(experts, &block)
        narrowing = try experts.narrowing.map { narrowing throws(InferenceError) in
            (
                try block.stack([narrowing.down]),
                try block.norm(narrowing.norm, count: narrowing.up.inputs),
                try block.stack([narrowing.up])
            )
        }
        var layout = WeightLayout(
            tensors: block.tensors, matrices: block.matrices, expertCount: experts.count)
        network = try Network(experts.network, &layout)
        self.layout = layout
        shared = try experts.shared.map { shared throws(InferenceError) in
            try Network(shared, &block)
        }
        hasSum =
            norms.after != nil || residualScale != 1 || experts.separateNorms != nil
            || experts.sumScale != 1 || experts.narrowing != nil
    }

    var stacks: [LinearStack] {
        network.stacks + (shared?.stacks ?? []) + [router]
            + [sharedGate, narrowing?.down, narrowing?.up].compactMap { $0 }
    }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        let chunk = ExpertPass.chunkRows
        room.need([
            .normed: chunk * load.width, .projected: load.rowCount * router.outputs,
            .branch: max(chunk, load.rowCount) * load.width,
        ])
        network.reserve(&room, rowCount: chunk)
        shared?.reserve(&room, rowCount: load.rowCount)
    }

    // MARK: Choice

    /// Chooses experts for the wanted rows, and starts their sums.
    ///
    /// - Parameter normed: The input where it is there already; `nil` to normalise the residual.
    func route(
        _ normed: UnsafePointer<Float>?, into experts: ExpertRows, _ rows: RowGroup
    ) throws {
        let count = rows.wantedCount * rows.width
        // The rows are kept for the experts, which take them when the whole batch is here.
        let input = experts.input
        if let separateNorms {
            let rated = rows.workspace[.normed]
            rows.normalise(separateNorms.routerNorm, rows: rows.wantedCount, into: rated)
            ingot_scale(rated, separateNorms.routerScale, count)
            try choose(rated, into: experts, rows)
            rows.normalise(separateNorms.inputNorm, rows: rows.wantedCount, into: input)
            experts.sum?.update(repeating: 0, count: count)
            return
        }
        if let normed {
            input.update(from: normed, count: count)
        } else {
            rows.normalise(norms.before, rows: rows.wantedCount, into: input)
        }
        if !description.ratesBlockInput { try choose(input, into: experts, rows) }
        addShared(input, into: experts, rows)
        narrow(input, rows)
    }

    /// Makes the rows that experts take shorter, where they take such; their places stay.
    private func narrow(_ input: UnsafeMutablePointer<Float>, _ rows: RowGroup) {
        guard let narrowing else { return }
        let (width, length) = (rows.width, narrowing.down.outputs)
        let short = rows.workspace[.branch]
        rows.linear.apply(
            narrowing.down, to: input, rows: rows.wantedCount, into: short,
            strides: (width, length))
        for row in 0..<rows.wantedCount {
            (input + row * width).update(from: short + row * length, count: length)
        }
    }

    /// Before the mixer: chooses experts by the block's input, where they are rated by it.
    func rateBlockInput(into experts: ExpertRows, _ rows: RowGroup) throws {
        guard description.ratesBlockInput else { return }
        let input = rows.workspace[.branch]
        rows.gather(rows.residual, length: rows.width, into: input)
        try choose(input, into: experts, rows)
    }

    /// Rates the experts for every row and notes the best.
    private func choose(
        _ input: UnsafePointer<Float>, into experts: ExpertRows, _ rows: RowGroup
    ) throws {
        let ratings = rows.workspace[.projected]
        let count = router.outputs
        rows.linear.apply(
            router, to: input, rows: rows.wantedCount, into: ratings, strides: (rows.width, count))
        guard ingot_all_finite(ratings, rows.wantedCount * count) else {
            throw NotFinite(what: "the ratings of its experts")
        }
        var choice = ExpertChoice(
            description, bias: choiceBias.map { rows.weights + $0 },
            scales: separateNorms?.weightScales.map { rows.weights + $0 })
        for stretch in rows.stretches {
            for index in 0..<stretch.wanted.count {
                let row = stretch.wantedRow + index
                choice.choose(
                    ratings + row * count, experts: experts.experts(row: row),
                    weights: experts.weights(row: row),
                    given: table?.experts(of: stretch.tokens[stretch.wanted.lowerBound + index]))
            }
        }
    }

    /// Starts the rows' sums with what the shared network gives.
    private func addShared(
        _ input: UnsafePointer<Float>, into experts: ExpertRows, _ rows: RowGroup
    ) {
        let (count, width) = (rows.wantedCount, rows.width)
        // Shorter rows are summed apart.
        if narrowing != nil { experts.sum?.update(repeating: 0, count: count * width) }
        let sum = narrowing == nil ? experts.sum ?? rows.residual : rows.residual
        if let shared, sharedGate == nil {
            shared.apply(
                to: input, rows: count, into: sum, keep: sum == experts.sum ? 0 : 1, rows.linear)
            return
        }
        if sum == experts.sum { sum.update(repeating: 0, count: count * width) }
        guard let shared, let sharedGate else { return }
        let output = rows.workspace[.branch]
        shared.apply(to: input, rows: count, into: output, rows.linear)
        let gates = rows.workspace[.projected]
        rows.linear.apply(sharedGate, to: input, rows: count, into: gates, strides: (width, 1))
        for row in 0..<count {
            ingot_add_scaled(sum + row * width, output + row * width, sigmoid(gates[row]), width)
        }
    }

    // MARK: End

    /// When the experts are done: the rows' sums go to the residual stream, if they are not there
    /// already.
    func finish(_ experts: ExpertRows, _ rows: RowGroup) {
        guard let sum = experts.sum else { return }
        let (count, width) = (rows.wantedCount, rows.width)
        let output = rows.workspace[.branch]
        if let narrowing {
            narrowing.norm?.apply(rows.weights, to: sum, count: count, stride: width)
            rows.linear.apply(
                narrowing.up, to: sum, rows: count, into: rows.residual, strides: (width, width),
                keep: 1)
            return
        }
        if separateNorms != nil, let shared {
            shared.apply(
                to: rows.input(nil, norms.before), rows: count, into: output, rows.linear)
        }
        for row in 0..<count {
            let values = sum + row * width
            if let separateNorms {
                let other = output + row * width
                separateNorms.outputNorm?.apply(rows.weights, values, into: values)
                separateNorms.sharedNorm?.apply(rows.weights, other, into: other)
                ingot_add(values, other, width)
            }
            if description.sumScale != 1 { ingot_scale(values, description.sumScale, width) }
            norms.after?.apply(rows.weights, values, into: values)
            ingot_add_scaled(rows.residual + row * width, values, rows.residualScale, width)
        }
    }
}

/// A value that is NaN or infinite, found where its block is not known.
struct NotFinite: Error {
    let what: String
}
