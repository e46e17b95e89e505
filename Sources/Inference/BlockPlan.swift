import Architectures
import GGUF
import TensorCore

/// Where the weights of one block lie in a buffer of floats, and which tensors they come from.
///
/// Matrices that take the same input are stacked (queries, keys, values; gate, up), so that one
/// product serves them all. The weights of experts are not in this buffer: each has its own, of
/// which two are in memory at a time.
struct BlockPlan: Sendable {
    /// A feed-forward network.
    struct Network: Sendable {
        let description: BlockDescription.Network
        let input: Stack
        let output: Stack

        init(
            _ description: BlockDescription.Network, _ layout: inout BlockLayout
        ) throws(InferenceError) {
            self.description = description
            input = try layout.stack(description.input)
            output = try layout.stack([description.output])
        }
    }

    /// How latent rows become queries, keys and values.
    struct Latent: Sendable {
        let description: BlockDescription.Latent
        let queryNorm: NormPlan?
        let queries: Stack?
        let norm: NormPlan?
        /// The matrix of keys and values together, or of keys.
        let keys: Int
        /// The matrix of values, where it is apart.
        let values: Int?

        init(
            _ description: BlockDescription.Latent, _ attention: BlockDescription.Attention,
            _ layout: inout BlockLayout
        ) throws(InferenceError) {
            self.description = description
            let rank = description.rank
            queryNorm = try layout.norm(
                description.queryNorm, count: description.queries?.inputs ?? 0)
            queries = try description.queries.map { projection throws(InferenceError) in
                try layout.stack([projection])
            }
            norm = try layout.norm(description.norm, count: rank)
            let staying = attention.keyLength - description.rotatedLength
            switch description.expansion {
            case .together(let name):
                keys = try layout.tensor(
                    name, shape: [attention.headCount * (staying + attention.valueLength), rank])
                values = nil
            case .apart(let keyName, let valueName):
                keys = try layout.tensor(keyName, shape: [attention.headCount, rank, staying])
                values = try layout.tensor(
                    valueName, shape: [attention.headCount, attention.valueLength, rank])
            }
        }
    }

    let description: BlockDescription
    /// What to decode.
    let pieces: [Piece]
    /// Biases that a stack has room for and the model does not have.
    let zeros: [Range<Int>]
    /// The length of the buffer.
    let floatCount: Int
    let attentionNorm: NormPlan?
    let queryNorm: NormPlan?
    let keyNorm: NormPlan?
    let valueNorm: NormPlan?
    let postAttentionNorm: NormPlan?
    let feedForwardNorm: NormPlan?
    let postFeedForwardNorm: NormPlan?
    /// What the mixer works on.
    let mixerInput: Stack
    let latent: Latent?
    /// The mixer, or what is beside it.
    let recurrence: RecurrencePlan?
    let mixerOutput: Stack
    /// What makes gates of the heads' results.
    let gate: Stack?
    let sinks: Int?
    /// The network that every token takes: the block's only one, or that beside the experts.
    let network: Network?
    let experts: ExpertPlan?
    /// What takes in the token's row for the block.
    let layerInput: (gate: Stack, output: Stack, norm: NormPlan?)?
    let outputScale: Int?

    /// Lays out a block; every shape is checked against the description.
    init(
        _ description: BlockDescription, width: Int, catalogue: Catalogue,
        matrices: MatrixLayout
    ) throws(InferenceError) {
        var layout = BlockLayout(catalogue: catalogue, matrices: matrices)
        attentionNorm = try layout.norm(description.attentionNorm, count: width)
        postAttentionNorm = try layout.norm(description.postAttentionNorm, count: width)
        feedForwardNorm = try layout.norm(description.feedForwardNorm, count: width)
        postFeedForwardNorm = try layout.norm(description.postFeedForwardNorm, count: width)
        switch description.mixer {
        case .attention(let attention):
            (queryNorm, keyNorm) = try BlockPlan.headNorms(attention, &layout)
            mixerInput = try layout.stack(attention.input)
            latent = try attention.latent.map { latent throws(InferenceError) in
                try Latent(latent, attention, &layout)
            }
            mixerOutput = try layout.stack([attention.output])
            gate = try attention.gate.map { gate throws(InferenceError) in
                try layout.stack([gate])
            }
            sinks = try attention.sinks.map { name throws(InferenceError) in
                try layout.tensor(name, shape: [attention.headCount])
            }
            valueNorm = try layout.norm(attention.valueNorm, count: attention.valueLength)
            recurrence = try description.beside.map { beside throws(InferenceError) in
                try RecurrencePlan(beside, &layout)
            }
        case .recurrence(let description):
            let plan = try RecurrencePlan(description, &layout)
            (mixerInput, mixerOutput, recurrence) = (plan.input, plan.output, plan)
            (queryNorm, keyNorm, valueNorm, latent, sinks) = (nil, nil, nil, nil, nil)
            gate = nil
        case .absent:
            (mixerInput, mixerOutput) = (.empty, .empty)
            (queryNorm, keyNorm, valueNorm, latent, sinks) = (nil, nil, nil, nil, nil)
            (recurrence, gate) = (nil, nil)
        }
        switch description.feedForward {
        case .dense(let network):
            self.network = try Network(network, &layout)
            experts = nil
        case .experts(let experts):
            self.experts = try ExpertPlan(experts, &layout)
            network = try experts.shared.map { shared throws(InferenceError) in
                try Network(shared, &layout)
            }
        case .absent:
            network = nil
            experts = nil
        }
        layerInput = try description.layerInput.map { input throws(InferenceError) in
            (
                gate: try layout.stack([input.gate]), output: try layout.stack([input.output]),
                norm: try layout.norm(input.norm, count: width)
            )
        }
        outputScale = try description.outputScale.map { name throws(InferenceError) in
            try layout.tensor(name, shape: [1])
        }
        pieces = layout.pieces
        zeros = layout.zeros
        floatCount = layout.floatCount
        self.description = description
    }

    private static func headNorms(
        _ attention: BlockDescription.Attention, _ layout: inout BlockLayout
    ) throws(InferenceError) -> (NormPlan?, NormPlan?) {
        let length = attention.keyLength
        return switch attention.normScope {
        case .head:
            (
                try layout.norm(attention.queryNorm, count: length),
                try layout.norm(attention.keyNorm, count: length)
            )
        case .eachHead:
            (
                try layout.norm(attention.queryNorm, count: length, heads: attention.headCount),
                try layout.norm(attention.keyNorm, count: length, heads: attention.headCountKV)
            )
        case .row:
            (
                try layout.norm(attention.queryNorm, count: attention.queryWidth),
                try layout.norm(attention.keyNorm, count: attention.keyWidth)
            )
        }
    }

    /// The floats of a position's queries, keys and values, or of what a recurrence works on.
    var headsWidth: Int {
        switch description.mixer {
        case .attention(let attention):
            attention.queryWidth
                + (attention.source == nil ? attention.keyWidth + attention.valueWidth : 0)
        case .recurrence, .absent: mixerInput.outputs
        }
    }

    /// The floats of a position that later positions attend to.
    var cacheWidth: Int {
        switch description.mixer {
        case .attention(let attention):
            attention.source == nil ? attention.keyWidth + attention.valueWidth : 0
        case .recurrence, .absent: 0
        }
    }

    /// All stacks of matrices, those of an expert among them.
    var stacks: [Stack] {
        var stacks = [mixerInput, mixerOutput].filter { !$0.parts.isEmpty }
        stacks += recurrence?.stacks ?? []
        if description.beside != nil, let recurrence {
            stacks += [recurrence.input, recurrence.output]
        }
        if let queries = latent?.queries { stacks.append(queries) }
        if let gate { stacks.append(gate) }
        for network in [network, experts?.network] {
            if let network { stacks += [network.input, network.output] }
        }
        if let experts {
            stacks.append(experts.router)
            if let gate = experts.sharedGate { stacks.append(gate) }
        }
        if let layerInput { stacks += [layerInput.gate, layerInput.output] }
        return stacks
    }

    /// Whether what the network and the experts give is added to the residual stream as it is.
    var addsFeedForwardDirectly: Bool {
        postFeedForwardNorm == nil && description.residualScale == 1 && experts?.beside == nil
    }

    /// The pieces cut into jobs of about a millisecond.
    var decodingJobs: [DecodingJob] { DecodingJob.jobs(of: pieces) }
}

/// Some rows of a piece.
struct DecodingJob: Sendable {
    var piece: Piece
    var rows: Range<Int>

    /// Decodes the rows to their place, or makes panels of their codes where the workspace is for
    /// products in integers; of a tensor with parts (experts), those of one part.
    func decode(
        _ model: Model, part: Int = 0, into buffer: FloatBuffer, _ workspace: Workspace
    ) throws {
        let first = part * piece.rowCount
        if workspace.rounded != nil, let coded = piece.coded {
            try coded.read(
                rows, of: model.source, tensor: piece.tensor, first: first,
                into: buffer.base + piece.offset, workspace)
            return
        }
        try model.source.readRows(
            first + rows.lowerBound..<first + rows.upperBound, ofTensor: piece.tensor,
            into: buffer.base + piece.offset + rows.lowerBound * piece.rowLength,
            scratch: workspace.scratch)
    }

    /// The rows of a job of about a millisecond: whole panels.
    static func jobRows(rowLength: Int) -> Int {
        let panel = CodedMatrix.panelRows
        return max(panel, (1 << 18) / max(1, rowLength) / panel * panel)
    }

    /// Pieces cut into jobs of about a millisecond.
    static func jobs(of pieces: [Piece]) -> [DecodingJob] {
        pieces.flatMap { piece in
            let rows = jobRows(rowLength: piece.rowLength)
            return stride(from: 0, to: piece.rowCount, by: rows).map {
                DecodingJob(piece: piece, rows: $0..<min(piece.rowCount, $0 + rows))
            }
        }
    }
}

/// The router of a block's experts, and where the weights of one expert lie in a buffer of its own.
struct ExpertPlan: Sendable {
    let description: BlockDescription.Experts
    /// In the block's buffer, as are the next two.
    let router: Stack
    let choiceBias: Int?
    let sharedGate: Stack?
    /// The norms of experts beside the shared network.
    let beside: Beside?
    /// In an expert's buffer.
    let network: BlockPlan.Network
    /// What to decode for expert 0; the rows of the others follow in the same tensors.
    let pieces: [Piece]
    let zeros: [Range<Int>]
    /// The length of an expert's buffer.
    let floatCount: Int

    /// What `BlockDescription.Experts.Beside` names, in the block's buffer.
    struct Beside: Sendable {
        let ratingNorm: NormPlan?
        let ratingScale: Float
        let weightScales: Int?
        let inputNorm: NormPlan?
        let outputNorm: NormPlan?
        let sharedNorm: NormPlan?
    }

    init(
        _ experts: BlockDescription.Experts, _ block: inout BlockLayout
    ) throws(InferenceError) {
        description = experts
        router = try block.stack([experts.router])
        choiceBias = try experts.choiceBias.map { name throws(InferenceError) in
            try block.tensor(name, shape: [experts.count])
        }
        sharedGate = try experts.sharedGate.map { gate throws(InferenceError) in
            try block.stack([gate])
        }
        beside = try experts.beside.map { beside throws(InferenceError) in
            let width = experts.router.inputs
            return Beside(
                ratingNorm: try block.norm(beside.ratingNorm, count: width),
                ratingScale: beside.ratingScale,
                weightScales: try beside.weightScales.map { name throws(InferenceError) in
                    try block.tensor(name, shape: [experts.count])
                }, inputNorm: try block.norm(beside.inputNorm, count: width),
                outputNorm: try block.norm(beside.outputNorm, count: width),
                sharedNorm: try block.norm(beside.sharedNorm, count: width))
        }
        var layout = BlockLayout(
            catalogue: block.catalogue, matrices: block.matrices, expertCount: experts.count)
        network = try BlockPlan.Network(experts.network, &layout)
        pieces = layout.pieces
        zeros = layout.zeros
        floatCount = layout.floatCount
    }

    /// The pieces of one expert cut into jobs.
    var decodingJobs: [DecodingJob] { DecodingJob.jobs(of: pieces) }
}
