import Architectures
import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Rows between a token's normed row and that of the token before, one for each part of a time mix.
struct TokenShift: Sendable {
    private let shift: BlockDescription.TimeMix.Shift
    /// The length of a row.
    let width: Int
    private let factors: Int
    private let learnedFactors: Int?
    /// Makes the short rows of all parts.
    let first: LinearStack?
    /// Makes what is added to the factors of them, part by part.
    let second: HeadMatrices?

    init(
        _ shift: BlockDescription.TimeMix.Shift, width: Int, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        self.shift = shift
        self.width = width
        factors = try layout.tensor(shift.factors, shape: [shift.parts.count, 1, 1, width])
        learnedFactors = try layout.tensor(ifNamed: shift.learned?.factors, shape: [width])
        first = try layout.stack(shift.learned?.first)
        second = try shift.learned.map { learned throws(InferenceError) in
            try layout.headMatrices(
                learned.second, headCount: shift.parts.count, outputs: width,
                inputs: learned.first.outputs / shift.parts.count, isDecoded: false)
        }
    }

    func reserve(_ room: inout Workspace.Room, for load: Workspace.Load) {
        room.need([
            .shared: load.rowCount * width, .branch: load.rowCount * width,
            .latent: load.rowCount * (first?.outputs ?? 0),
            .absorbed: load.rowCount * (first == nil ? 0 : shift.parts.count * width),
        ])
    }

    /// Leaves the differences from the rows before in the workspace's `shared`, and keeps the last row
    /// of every sequence in front of its recurrent state.
    func prepare(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let differences = rows.workspace[.shared]
        for stretch in rows.stretches {
            let kept = rows.state(of: stretch)?.recurrent
            let (own, result) = (normed + stretch.row * width, differences + stretch.row * width)
            for index in 0..<width { result[index] = (kept?.base[index] ?? 0) - own[index] }
            for index in width..<max(width, stretch.count * width) {
                result[index] = own[index - width] - own[index]
            }
            kept?.next.update(from: own + (stretch.count - 1) * width, count: width)
        }
        if let first { learn(first, normed, rows) }
    }

    /// Makes the rows of all parts at once, part after part in a row of the workspace's `absorbed`.
    private func learn(_ first: LinearStack, _ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        let (mixed, short) = (rows.workspace[.branch], rows.workspace[.latent])
        let (all, differences) = (rows.workspace[.absorbed], rows.workspace[.shared])
        mix(normed, rows, by: rows.weights + (learnedFactors ?? 0), into: mixed)
        rows.linear.apply(
            first, to: mixed, rows: rows.rowCount, into: short, strides: (width, first.outputs))
        for index in 0..<rows.rowCount * first.outputs { short[index] = tanh(short[index]) }
        let (count, rank) = (shift.parts.count, first.outputs / shift.parts.count)
        let made = HeadMatrices.Rows(
            input: short, result: all, count: rows.rowCount,
            inputStrides: (first.outputs, rank), resultStrides: (count * width, width))
        second?.tell(rows.observer, made, place: rows.group.row)
        second?.apply(made, rows.weights, rows.workspace.products)
        for row in 0..<rows.rowCount {
            for part in 0..<count {
                let place = all + (row * count + part) * width
                let known = rows.weights + factors + part * width
                for index in 0..<width {
                    place[index] =
                        normed[row * width + index]
                        + differences[row * width + index] * (place[index] + known[index])
                }
            }
        }
    }

    private func mix(
        _ normed: UnsafePointer<Float>, _ rows: RowGroup, by factors: UnsafePointer<Float>,
        into result: UnsafeMutablePointer<Float>
    ) {
        let differences = rows.workspace[.shared]
        for row in 0..<rows.rowCount {
            for index in 0..<width {
                let place = row * width + index
                result[place] = normed[place] + differences[place] * factors[index]
            }
        }
    }

    /// The rows that a part is made of, and the floats from one to the next.
    func rows(
        for part: BlockDescription.TimeMix.Part, _ normed: UnsafePointer<Float>, _ rows: RowGroup
    ) -> (base: UnsafePointer<Float>, stride: Int) {
        let number = shift.parts.firstIndex(of: part) ?? 0
        guard first == nil else {
            return (
                UnsafePointer(rows.workspace[.absorbed] + number * width),
                shift.parts.count * width
            )
        }
        let result = rows.workspace[.branch]
        mix(normed, rows, by: rows.weights + factors + number * width, into: result)
        return (UnsafePointer(result), width)
    }
}

/// A matrix of two factors, with a function between and a row that is added.
struct LowRankStack: Sendable {
    /// What the short row goes through.
    enum Function { case identity, tanh, sigmoid }

    private let first: LinearStack
    private let second: LinearStack
    private let base: Int?

    init(
        _ description: BlockDescription.TimeMix.LowRank, _ layout: inout WeightLayout
    ) throws(InferenceError) {
        first = try layout.stack([description.first])
        second = try layout.stack([description.second])
        base = try layout.tensor(ifNamed: description.base, shape: [description.second.outputs])
    }

    var stacks: [LinearStack] { [first, second] }
    /// The length of the short row.
    var rank: Int { first.outputs }

    /// Takes all rows through both matrices; short rows are in the workspace's `latent`.
    func apply(
        _ function: Function, to input: UnsafePointer<Float>, stride: Int,
        into result: UnsafeMutablePointer<Float>, _ resultStride: Int, _ rows: RowGroup
    ) {
        let short = rows.workspace[.latent]
        rows.linear.apply(
            first, to: input, rows: rows.rowCount, into: short, strides: (stride, rank))
        for index in 0..<rows.rowCount * rank {
            switch function {
            case .identity: break
            case .tanh: short[index] = tanhf(short[index])
            case .sigmoid: short[index] = Inference.sigmoid(short[index])
            }
        }
        rows.linear.apply(
            second, to: short, rows: rows.rowCount, into: result, strides: (rank, resultStride))
        guard let base else { return }
        for row in 0..<rows.rowCount {
            ingot_add(result + row * resultStride, rows.weights + base, second.outputs)
        }
    }
}
