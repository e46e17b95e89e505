import Architectures
import CKernels
import TensorCore

/// One block of a decoder: its mechanisms, laid out in a buffer of weights.
///
/// Matrices that take the same input are stacked (queries, keys, values; gate, up), so that one
/// product serves them all. The weights of experts are not in this buffer: each has its own, of
/// which two are in memory at a time.
struct Block: Sendable {
    /// The feed-forward branch.
    enum Branch: Sendable {
        case dense(FeedForward)
        case experts(Experts)
        case channelMix(ChannelMix)
        case absent
    }

    let description: BlockDescription
    let layout: WeightLayout
    private let mixerNorms: BranchNorms
    private let mixer: (any Mixer)?
    /// The norm of what its output layer takes in.
    private let mixedNorm: Norm?
    /// A mixer beside that: it takes the same rows, and what it makes is added too, without a norm.
    private let parallelMixer: (any Mixer)?
    private let feedForwardNorm: Norm?
    /// Norms of the residual rows after the mixer and after the network.
    private let sumNorms: BranchNorms
    let feedForward: Branch
    /// Places of numbers that multiply the mixer's output and the embedding that is added.
    private let mixerGain: Int?
    private let embeddingGain: Int?
    private let alternatingUpdates: AlternatingUpdates?
    private let laurel: Laurel?
    private let layerInput: LayerInput?
    private let outputScale: Int?
    /// Where the parts' inputs come from and their outputs go, where there are several streams.
    private let streams: BlockStreams?

    /// Lays out a block; every shape is checked against the description.
    init(
        _ description: BlockDescription, width: Int, tensors: TensorIndex,
        matrices: MatrixStorage
    ) throws(InferenceError) {
        var layout = WeightLayout(tensors: tensors, matrices: matrices)
        self.description = description
        mixerNorms = BranchNorms(
            before: try layout.norm(description.attentionNorm, count: width),
            after: try layout.norm(description.postAttentionNorm, count: width))
        let norms = BranchNorms(
            before: try layout.norm(description.feedForwardNorm, count: width),
            after: try layout.norm(description.postFeedForwardNorm, count: width))
        feedForwardNorm = norms.before
        sumNorms = BranchNorms(
            before: try layout.norm(description.mixerSumNorm, count: width),
            after: try layout.norm(description.feedForwardSumNorm, count: width))
        let mixer = try layout.mixer(description.mixer)
        self.mixer = mixer
        mixedNorm = try layout.norm(description.mixedNorm, count: mixer?.output.inputs ?? 0)
        parallelMixer = try description.parallelMixer.map { mixer throws(InferenceError) in
            try layout.mixer(mixer)
        }
        feedForward =
            switch description.feedForward {
            case .dense(let network):
                .dense(
                    try FeedForward(
                        network, norms: norms, gain: description.feedForwardGain, &layout))
            case .experts(let experts):
                .experts(
                    try Experts(
                        experts, norms: norms, residualScale: description.residualScale, &layout))
            case .channelMix(let mix):
                .channelMix(try ChannelMix(mix, norm: norms.before, width: width, &layout))
            case .absent: .absent
            }
        mixerGain = try layout.tensor(ifNamed: description.mixerGain, shape: [1])
        embeddingGain = try layout.tensor(ifNamed: description.embeddingGain, shape: [1])
        alternatingUpdates = try AlternatingUpdates(
            description.alternatingUpdates, width: width, &layout)
        laurel = try Laurel(description.laurel, width: width, &layout)
        layerInput = try LayerInput(description.layerInput, width: width, &layout)
        outputScale = try layout.tensor(ifNamed: description.outputScale, shape: [1])
        streams = try description.streams.map { streams throws(InferenceError) in
            try BlockStreams(streams, width: width, &layout)
        }
        self.layout = layout
    }

    /// What carries over from position to position.
    var mixers: [any Mixer] { [mixer, parallelMixer].compactMap { $0 } }

    /// All linear layers, those of an expert among them.
    var stacks: [LinearStack] {
        let branch: [LinearStack] =
            switch feedForward {
            case .dense(let feedForward): feedForward.stacks
            case .experts(let experts): experts.stacks
            case .channelMix(let mix): mix.stacks
            case .absent: []
            }
        return mixers.flatMap(\.stacks) + branch + (layerInput?.stacks ?? [])
            + (alternatingUpdates?.stacks ?? []) + (laurel?.stacks ?? [])
            + (streams?.stacks ?? [])
    }

    /// The matrices that are not linear layers; see `Mixer`.
    var otherMatrices: [String] {
        mixers.flatMap(\.otherMatrices) + (alternatingUpdates?.headMatrices ?? []).map(\.tensor)
    }

    /// Those of them that have a matrix for each head.
    var headMatrices: [HeadMatrices] {
        mixers.flatMap(\.headMatrices) + (alternatingUpdates?.headMatrices ?? [])
    }

    /// The rows that a token has where they are updated alternately.
    var alternateCount: Int { alternatingUpdates?.count ?? 1 }

    /// What is kept of a sequence of up to `capacity` positions.
    func state(capacity: Int, _ types: CacheTypes) throws(InferenceError) -> BlockState {
        var state = BlockState()
        for mixer in mixers { try mixer.prepare(&state, capacity: capacity, types) }
        if case .channelMix(let mix) = feedForward { try mix.prepare(&state) }
        return state
    }

    /// The bytes of that; `nil` beyond what can be addressed.
    func stateByteCount(capacity: Int, _ types: CacheTypes) -> Int? {
        var count: Int? = 0
        if case .channelMix(let mix) = feedForward { count = mix.stateByteCount }
        for mixer in mixers {
            guard let own = mixer.stateByteCount(capacity: capacity, types) else { return nil }
            count = count?.adding(checked: own)
        }
        return count
    }

    /// What a worker needs for groups of rows.
    func room(for load: Workspace.Load, _ activations: Activations) -> Workspace.Room {
        var room = Workspace.Room()
        let rowCount = load.rowCount
        room.need([.normed: rowCount * load.width])
        for mixer in mixers { mixer.reserve(&room, for: load) }
        if parallelMixer != nil { room.need([.parallel: rowCount * load.width]) }
        var roundedRows = rowCount
        switch feedForward {
        case .dense(let feedForward): feedForward.reserve(&room, for: load)
        case .experts(let experts):
            experts.reserve(&room, for: load)
            roundedRows = max(rowCount, ExpertPass.chunkRows)
        case .channelMix(let mix): mix.reserve(&room, for: load)
        case .absent: break
        }
        layerInput?.reserve(&room, for: load)
        alternatingUpdates?.reserve(&room, for: load)
        laurel?.reserve(&room, for: load)
        streams?.reserve(&room, for: load)
        if mixerNorms.after != nil || description.postFeedForwardNorm != nil
            || description.residualScale != 1 || description.mixerGain != nil
            || description.feedForwardGain != nil
        {
            room.need([.branch: rowCount * load.width])
        }
        if activations == .q8 {
            (room.roundedRows, room.roundedLength) = (
                roundedRows, stacks.map(\.inputs).max() ?? 0
            )
        }
        return room
    }

    // MARK: Steps

    /// What comes before all parts of the block.
    func begin(_ rows: RowGroup) { alternatingUpdates?.begin(rows) }

    /// Takes a group of rows through the block, up to the end of the feed-forward branch, which may
    /// only start there.
    ///
    /// - Parameter feedForward: Runs the branch, on the normed rows given or those that it makes.
    func apply(
        _ given: RowGroup, feedForward: (UnsafePointer<Float>?) throws -> Void
    ) rethrows {
        // A network that looks back on rows wants all of them.
        var rows = given
        if case .channelMix = self.feedForward { rows = given.keepingAll }
        let normed = rows.workspace[.normed]
        streams?.mixer.collect(rows, count: rows.rowCount)
        rows.normalise(mixerNorms.before, rows: rows.rowCount, into: normed)
        if streams != nil { rows.clearResidual(rows.rowCount) }
        if let parallelMixer {
            parallelMixer.mix(normed, rows)
            rows.linear.apply(
                parallelMixer.output, to: rows.workspace[.mixed], rows: rows.wantedCount,
                into: rows.workspace[.parallel],
                strides: (parallelMixer.output.inputs, rows.width))
        }
        mixer?.mix(normed, rows)
        if rows.dropsRows {
            rows.gather(rows.residual, length: rows.width, into: rows.residual)
            rows.gather(normed, length: rows.width, into: normed)
            rows.streams?.gather(rows)
        }
        guard let mixer else { return try feedForward(nil) }
        switch description.arrangement {
        case .sequential:
            laurel?.prepare(normed, rows)
            pass(normed, rows)
            addMixed(mixer, rows)
            laurel?.add(rows)
            if let streams {
                streams.mixer.distribute(rows)
                streams.feedForward.collect(rows, count: rows.wantedCount)
                rows.normalise(feedForwardNorm, rows: rows.wantedCount, into: normed)
                rows.clearResidual(rows.wantedCount)
                return try feedForward(UnsafePointer(normed))
            }
            normaliseSum(sumNorms.before, rows)
            guard description.skipScale != nil else { return try feedForward(nil) }
            rows.normalise(feedForwardNorm, rows: rows.wantedCount, into: normed)
            pass(normed, rows)
            try feedForward(UnsafePointer(normed))
        case .parallel:
            // The network's input is there before the mixer's output is added.
            try feedForward(feedForwardNorm == nil ? UnsafePointer(normed) : nil)
            addMixed(mixer, rows)
        }
    }

    /// Where normed rows go past a part, lets them.
    private func pass(_ normed: UnsafePointer<Float>, _ rows: RowGroup) {
        guard let scale = description.skipScale else { return }
        let count = rows.wantedCount * rows.width
        rows.residual.update(from: normed, count: count)
        ingot_scale(rows.residual, scale, count)
    }

    /// Normalises the residual rows themselves.
    private func normaliseSum(_ norm: Norm?, _ rows: RowGroup) {
        norm?.apply(rows.weights, to: rows.residual, count: rows.wantedCount, stride: rows.width)
    }

    private func addMixed(_ mixer: any Mixer, _ rows: RowGroup) {
        mixedNorm?.apply(
            rows.weights, to: rows.workspace[.mixed], count: rows.wantedCount,
            stride: mixer.output.inputs)
        rows.add(
            mixer.output, of: rows.workspace[.mixed], stride: mixer.output.inputs,
            norm: mixerNorms.after, gain: mixerGain)
        guard parallelMixer != nil else { return }
        ingot_add_scaled(
            rows.residual, rows.workspace[.parallel], rows.residualScale,
            rows.wantedCount * rows.width)
    }

    /// The end of the block: what it makes of the tokens' rows for it, and its scale.
    ///
    /// - Parameters:
    ///   - layerRows: The row for this block of the group's first token, or the token's embedding; `nil`
    ///     without.
    ///   - stride: The floats from one token's row to the next's.
    func finish(_ layerRows: UnsafePointer<Float>?, stride: Int, _ rows: RowGroup) {
        normaliseSum(sumNorms.after, rows)
        if let streams {
            streams.feedForward.distribute(rows)
            streams.head?.collect(rows)
        }
        if let alternatingUpdates {
            alternatingUpdates.finish(layerInput, layerRows, stride: stride, rows)
        } else if let layerInput, let layerRows {
            layerInput.apply(layerRows, stride: stride, rows)
        }
        if let embeddingGain, let layerRows {
            let gain = rows.weights[embeddingGain]
            for stretch in rows.stretches {
                ingot_add_scaled(
                    rows.residual + stretch.wantedRow * rows.width,
                    layerRows + (stretch.row + stretch.wanted.lowerBound) * stride, gain,
                    stretch.wanted.count * rows.width)
            }
        }
        let scale = (outputScale.map { rows.weights[$0] } ?? 1) * description.outputFactor
        if scale != 1 { ingot_scale(rows.residual, scale, rows.wantedCount * rows.width) }
    }
}
