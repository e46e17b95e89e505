import Architectures
import CKernels
import TensorCore

/// One block of a window's rows: forward with what the way back needs, and backward.
///
/// Its matrices are decoded for as long as it lives.
struct BlockGradient {
    private let description: BlockDescription
    private let attention: AttentionGradient
    private let network: NetworkGradient
    private let attentionNorm: NormGradient?
    private let postAttentionNorm: NormGradient?
    private let feedForwardNorm: NormGradient?
    private let postFeedForwardNorm: NormGradient?

    /// What the way back needs.
    struct Tape {
        /// The rows before the block.
        var input: Rows
        /// The rows that the network takes its input of.
        var middle: Rows
        var attention: AttentionGradient.Tape
        var network: NetworkGradient.Tape
        /// What the branches give before the norms of that.
        var mixed: Rows?
        var fed: Rows?
    }

    /// Decodes a block without obstacles.
    init(
        _ description: BlockDescription, _ model: Model, _ rotaries: RotaryTables,
        _ pool: WorkerPool
    ) throws {
        guard case .attention(let attention) = description.mixer,
            case .dense(let network) = description.feedForward
        else { preconditionFailure("a block that has no backward pass") }
        let width = model.description.embeddingLength
        self.description = description
        self.attention = try AttentionGradient(attention, model, rotaries, pool)
        self.network = try NetworkGradient(network, model, pool)
        attentionNorm = try NormGradient(description.attentionNorm, count: width, model)
        postAttentionNorm = try NormGradient(description.postAttentionNorm, count: width, model)
        feedForwardNorm = try NormGradient(description.feedForwardNorm, count: width, model)
        postFeedForwardNorm = try NormGradient(
            description.postFeedForwardNorm, count: width, model)
    }

    /// The numbers of a block's matrices, of its rows and those of their way back.
    static func floatCount(_ description: BlockDescription, rows: Int, width: Int) -> Int {
        guard case .attention(let attention) = description.mixer,
            case .dense(let network) = description.feedForward
        else { return 0 }
        let projections =
            attention.input + [attention.output] + network.input + [network.output]
        let weights = projections.reduce(0) { $0 + $1.inputs * $1.outputs }
        // A row of each layer there and once more back; of the network's, which are copied for their
        // slopes, twice. Attention's weights, and their slopes of the heads that are at work.
        let heads = attention.input.reduce(0) { $0 + $1.outputs } + attention.output.inputs
        let hidden = network.input.reduce(0) { $0 + $1.outputs } + network.output.inputs
        return weights + rows * (2 * heads + 3 * hidden + 12 * width)
            + 2 * attention.headCount * rows * rows
    }

    private func normalise(
        _ norm: NormGradient?, _ rows: Rows, _ norms: NormWeights
    ) throws(InferenceError) -> Rows {
        let result = try Rows(copying: rows)
        norm?.apply(
            rows.base, into: result.base, rows: rows.count, strides: (rows.length, rows.length),
            norms)
        return result
    }

    private func add(_ rows: Rows, to sum: Rows, scale: Float = 1) {
        ingot_add_scaled(sum.base, rows.base, scale, rows.elementCount)
    }

    /// Takes rows through the block.
    func apply(
        _ input: Rows, _ norms: NormWeights, _ pool: WorkerPool
    ) throws(InferenceError) -> (result: Rows, tape: Tape) {
        let isParallel = description.arrangement == .parallel
        let normed = try normalise(attentionNorm, input, norms)
        let (mixed, attentionTape) = try attention.apply(normed, norms, pool)
        let middle = try Rows(copying: input)
        add(
            try normalise(postAttentionNorm, mixed, norms), to: middle,
            scale: description.residualScale)
        let source = isParallel ? input : middle
        let own =
            isParallel && feedForwardNorm == nil
            ? normed : try normalise(feedForwardNorm, source, norms)
        let (fed, networkTape) = try network.apply(own, pool)
        let result = try Rows(copying: middle)
        add(
            try normalise(postFeedForwardNorm, fed, norms), to: result,
            scale: description.residualScale)
        return (
            result,
            Tape(
                input: input, middle: source, attention: attentionTape, network: networkTape,
                mixed: postAttentionNorm == nil ? nil : mixed,
                fed: postFeedForwardNorm == nil ? nil : fed)
        )
    }

    private func backward(
        _ norm: NormGradient?, _ input: Rows?, _ gradient: Rows, _ norms: NormWeights
    ) {
        guard let norm, let input else { return }
        norm.backward(
            input.base, gradient.base, rows: gradient.count,
            strides: (input.length, gradient.length), norms)
    }

    /// The gradient of the rows before the block, of that of the rows after it.
    func backward(
        _ gradient: Rows, _ tape: Tape, _ norms: NormWeights, _ pool: WorkerPool
    ) throws(InferenceError) -> Rows {
        let isParallel = description.arrangement == .parallel
        let fed = try scaled(gradient)
        backward(postFeedForwardNorm, tape.fed, fed, norms)
        let own = try network.backward(fed, tape.network, pool)
        let shares = isParallel && feedForwardNorm == nil
        if !shares { backward(feedForwardNorm, tape.middle, own, norms) }
        // The network took the rows between, or those before the block.
        let middle = try Rows(copying: gradient)
        if !isParallel { add(own, to: middle) }
        let mixed = try scaled(middle)
        backward(postAttentionNorm, tape.mixed, mixed, norms)
        let normed = try attention.backward(mixed, tape.attention, norms, pool)
        if shares { add(own, to: normed) }
        backward(attentionNorm, tape.input, normed, norms)
        add(normed, to: middle)
        if isParallel, !shares { add(own, to: middle) }
        return middle
    }

    /// What a branch gets of the residual stream's gradient.
    private func scaled(_ gradient: Rows) throws(InferenceError) -> Rows {
        let result = try Rows(copying: gradient)
        if description.residualScale != 1 {
            ingot_scale(result.base, description.residualScale, result.elementCount)
        }
        return result
    }
}
