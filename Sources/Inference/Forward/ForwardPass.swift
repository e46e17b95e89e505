import Architectures
import CKernels
import GGUF
import TensorCore

/// One model's blocks applied to a batch.
///
/// Weights are decoded once for the batch, a block while the one before it runs; tokens are shared
/// out between the workers, so that a block needs no waiting inside.
struct ForwardPass {
    let model: Model
    /// The model's number among the decoder's.
    let number: Int
    let blocks: [Block]
    let activations: Activations
    let batch: Batch
    let state: ForwardState
    /// The workers of the blocks: one where products with matrices in memory use all threads
    /// themselves.
    let pool: WorkerPool
    private let embeddingPool: WorkerPool
    private let resident: ResidentModel?
    let observer: LinearObserver?

    private let groups: [StretchGroup]
    private var width: Int { model.description.embeddingLength }

    /// Prepares a pass, and its buffers.
    init(
        _ decoder: Decoder, model number: Int, _ batch: Batch, _ state: ForwardState,
        resident: ResidentModel? = nil, observer: LinearObserver? = nil
    ) throws(InferenceError) {
        model = decoder.models[number]
        self.number = number
        blocks = resident?.blocks ?? decoder.blocks[number]
        activations = decoder.activations
        pool = resident == nil ? decoder.pool : WorkerPool(threadCount: 1)
        embeddingPool = decoder.pool
        self.resident = resident
        self.batch = batch
        self.state = state
        self.observer = observer
        for stretch in batch.stretches { try model.check(stretch) }
        groups = try StretchGroup.groups(of: batch, for: model, number: number)
        let load = Workspace.Load(
            rowCount: groups.map(\.rowCount).max() ?? 0,
            stretchLength: batch.stretches.map(\.tokens.count).max() ?? 0,
            keyCount: batch.stretches.map { $0.sequence == nil ? $0.end : 0 }.max() ?? 0,
            width: model.description.embeddingLength)
        // What one model needs for a load grows with it, and steps of one token are many.
        if resident == nil || !state.hasRoom(for: load) {
            var room = Workspace.Room()
            for block in model.blocks { room.need(block.room(for: load, activations)) }
            try state.prepareWorkspaces(
                room, decoder.products, threadCount: decoder.pool.threadCount)
            state.load = resident == nil ? nil : load
        }
        try makeSharedRows()
    }

    /// Takes the tokens through the blocks from `first` on, and leaves the normalised rows of the
    /// scored ones in the state's `hidden`.
    ///
    /// - Parameters:
    ///   - first: The first block that is not the first model's, whose rows are taken over there.
    ///   - forks: Blocks before which the residual rows are kept for other models.
    func run(from first: Int, keepingRowsBefore forks: Set<Int>) throws {
        let hidden = try FloatBuffer.room(
            for: batch.scoredCount * width, in: &state.hidden[number])
        if first >= blocks.count, let shared = state.hidden[0] {
            hidden.base.update(from: shared.base, count: batch.scoredCount * width)
            return
        }
        let residual = try FloatBuffer.room(for: batch.tokenCount * width, in: &state.residual)
        var start = 0
        var layerRows: FloatBuffer?
        if first > 0, let fork = state.forks[first] {
            start = first
            residual.base.update(from: fork.base, count: batch.tokenCount * width)
        } else {
            layerRows = try embed(into: residual)
            try startStreams(residual)
        }
        if let resident {
            for index in blocks.indices {
                let isLast = index == blocks.count - 1
                let weights = resident.weights[index]
                try pass(blocks[index], index, weights, residual, layerRows, isLast: isLast).run(
                    [], into: weights, state
                ) { if isLast { normalise($0, into: hidden) } }
            }
            return
        }
        var current = try weights(of: blocks[start], slot: start % 2)
        try decode(blocks[start], into: current)
        for index in start..<blocks.count {
            if forks.contains(index) { try keep(residual, before: index) }
            let isLast = index == blocks.count - 1
            let next = isLast ? nil : blocks[index + 1]
            let following = try weights(of: next, slot: (index + 1) % 2)
            try pass(blocks[index], index, current, residual, layerRows, isLast: isLast).run(
                next?.layout.decodingJobs ?? [], into: following, state
            ) { if isLast { normalise($0, into: hidden) } }
            if let next { following.clear(next.layout.zeros) }
            current = following
        }
    }

    /// Embeds the tokens.
    ///
    /// - Returns: Their rows for all blocks, where the model has such.
    func embed(into residual: FloatBuffer) throws -> FloatBuffer? {
        let embedding = TokenEmbedding(
            model: model, batch: batch, pool: embeddingPool, workspaces: state.workspaces,
            observer: observer)
        try embedding.embed(into: residual)
        if model.description.keepsEmbeddings {
            let count = batch.tokenCount * width
            let kept = try FloatBuffer.room(for: count, in: &state.layerRows)
            kept.base.update(from: residual.base, count: count)
            return kept
        }
        return try embedding.embedForLayers(residual, in: &state.layerRows)
    }

    /// The tokens' streams; `nil` where they have one.
    private var streamRows: StreamRows? {
        guard let streams = state.streams, let notes = state.streamNotes else { return nil }
        return StreamRows(model.description, streams, notes)
    }

    /// Makes tokens' streams of their embeddings, where they have several.
    func startStreams(_ residual: FloatBuffer) throws(InferenceError) {
        try makeStreams()
        streamRows?.start(
            model.description.streamStart, residual.base, second: model.secondStream,
            rowCount: batch.tokenCount)
    }

    /// Room for tokens' streams.
    func makeStreams() throws(InferenceError) {
        guard model.description.streamCount > 1 else {
            (state.streams, state.streamNotes) = (nil, nil)
            return
        }
        guard
            let floats = batch.tokenCount.multiplied(
                checkedBy: width * model.description.streamCount)
        else { throw InferenceError(.outOfMemory(byteCount: .max), path: model.path) }
        _ = try FloatBuffer.room(for: floats, in: &state.streams)
        _ = try FloatBuffer.room(
            for: batch.tokenCount * StreamRows.noteCount(model.description),
            in: &state.streamNotes)
    }

    /// Takes residual rows through one block alone.
    func run(_ block: Block, _ index: Int, _ residual: FloatBuffer, _ layerRows: FloatBuffer?)
        throws
    {
        let weights = try weights(of: block, slot: 0)
        try decode(block, into: weights)
        try pass(block, index, weights, residual, layerRows, isLast: false).run(
            [], into: weights, state
        ) { _ in }
    }

    /// A block's pass; after the last block only the scored rows are wanted.
    private func pass(
        _ block: Block, _ index: Int, _ weights: FloatBuffer, _ residual: FloatBuffer,
        _ layerRows: FloatBuffer?, isLast: Bool
    ) -> BlockPass {
        BlockPass(
            model: model, number: index, block: block, weights: weights,
            groups: isLast ? groups : groups.map(\.keepingAll), residual: residual,
            sharedRows: state.sharedRows, alternates: state.alternates, streams: streamRows,
            layerRows: layerRows, pool: pool, workspaces: state.workspaces,
            workers: resident?.workers, observer: observer)
    }

    private func weights(of block: Block?, slot: Int) throws(InferenceError) -> FloatBuffer {
        try FloatBuffer.room(for: block?.layout.floatCount ?? 0, in: &state.weights[slot])
    }

    /// Decodes a whole block with all workers.
    private func decode(_ block: Block, into buffer: FloatBuffer) throws {
        let jobs = block.layout.decodingJobs
        let workspaces = state.workspaces
        try pool.run(jobCount: jobs.count) { worker, job in
            try jobs[job].decode(into: buffer, workspaces[worker])
        }
        buffer.clear(block.layout.zeros)
    }

    /// Keeps the residual rows where another model goes its own way.
    private func keep(_ residual: FloatBuffer, before block: Int) throws(InferenceError) {
        let count = batch.tokenCount * width
        let rows = try FloatBuffer.room(for: count, in: &state.forks[block])
        rows.base.update(from: residual.base, count: count)
    }

    /// Room for rows that blocks make for others, and for the rows of tokens that have several.
    ///
    /// Keys and values of sequences are in their caches.
    private func makeSharedRows() throws(InferenceError) {
        let blocks = model.description.blocks
        let hasWindows = batch.stretches.contains { $0.sequence == nil }
        var counts: [Int: Int?] = [:]
        for block in blocks {
            if let source = block.keySource, hasWindows,
                case .attention(let attention) = blocks[source].mixer
            {
                counts[source] = AttentionHeads.sharedCount(attention, rowCount: batch.tokenCount)
            }
            if let source = block.valueSource,
                case .recurrence(let recurrence) = blocks[source].mixer
            {
                counts[source] = batch.tokenCount.multiplied(checkedBy: recurrence.output.inputs)
            }
        }
        state.sharedRows = state.sharedRows.filter { counts[$0.key] != nil }
        for (source, count) in counts {
            guard let count else { throw tooLarge }
            _ = try FloatBuffer.room(for: count, in: &state.sharedRows[source])
        }
        guard let alternates = blocks.first?.alternatingUpdates?.count else { return }
        guard let count = (batch.tokenCount * width).multiplied(checkedBy: alternates) else {
            throw tooLarge
        }
        _ = try FloatBuffer.room(for: count, in: &state.alternates)
    }

    private var tooLarge: InferenceError {
        InferenceError(.outOfMemory(byteCount: .max), path: model.path)
    }

    /// The output norm of a group's scored rows.
    private func normalise(_ rows: RowGroup, into hidden: FloatBuffer) {
        let output = hidden.base + rows.group.wantedRow * width
        guard let norm = model.outputNorm else {
            output.update(from: rows.residual, count: rows.wantedCount * width)
            return
        }
        for row in 0..<rows.wantedCount {
            norm.apply(rows.residual + row * width, into: output + row * width)
        }
    }
}

extension Model {
    /// Whether the model can take a stretch.
    fileprivate func check(_ stretch: Stretch) throws(InferenceError) {
        for token in stretch.tokens where token < 0 || Int(token) >= vocabularyCount {
            throw InferenceError(
                .unknownToken(token, vocabularyCount: vocabularyCount), path: path)
        }
        if let sequence = stretch.sequence, stretch.end > sequence.capacity {
            throw InferenceError(
                .tooManyPositions(stretch.end, limit: sequence.capacity), path: path)
        }
        try checkPositions(stretch.end)
    }

    /// Whether texts can be continued: an encoder's tokens see what follows them.
    func checkContinues() throws(InferenceError) {
        if description.seesAhead {
            throw InferenceError(.encoder(description.architecture), path: path)
        }
    }

    /// Whether the model has learned so many positions, where it learns them.
    func checkPositions(_ count: Int) throws(InferenceError) {
        if let positions = positionEmbedding, count > positions.rowCount {
            throw InferenceError(
                .tooManyPositions(count, limit: positions.rowCount), path: path,
                place: description.positionEmbedding)
        }
    }
}
