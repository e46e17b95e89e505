import Architectures
import CKernels
import GGUF
import TensorCore

/// One model's blocks applied to a batch of windows.
///
/// A block takes one round of the worker pool: groups of windows run through it while the next is
/// decoded. A block with experts takes a round for every expert and a last one to add what they
/// gave.
struct BlockPass {
    let decoder: Decoder
    /// The number of the model.
    let model: Int
    let windows: [[Int32]]
    /// The positions of each window whose rows are wanted in the end.
    let scored: Range<Int>
    var observer: LinearObserver?
    /// The positions before the one window, for all blocks.
    var session: Session?

    /// What stays from one stretch of a text to the next.
    struct Session: Sendable {
        let caches: [KeyValueCache]
        /// What recurrences remember; `nil` for blocks with attention.
        let states: [RecurrentState?]
        let tables: [BlockDescription.Rotary: RotaryTable]
        var start: Int { caches.first?.count ?? 0 }
    }

    private var length: Int { windows[0].count }

    /// Takes the windows through all blocks; leaves the normalised rows of the scored positions in
    /// the decoder's `hidden[model]`.
    func run() throws {
        let length = length
        precondition(windows.allSatisfy { $0.count == length }, "windows of different lengths")
        precondition(scored.lowerBound >= 0 && scored.upperBound <= length, "scored positions")
        let model = decoder.models[model]
        try check(model)
        let width = model.description.embeddingLength
        let perGroup = max(1, Decoder.groupTokens / length)
        let groups = stride(from: 0, to: windows.count, by: perGroup).map {
            $0..<min(windows.count, $0 + perGroup)
        }
        try prepareWorkspaces(model, tokens: min(windows.count, perGroup) * length)
        let residual = try FloatBuffer.room(
            for: windows.count * length * width, in: &decoder.residual)
        let hidden = try FloatBuffer.room(
            for: windows.count * scored.count * width, in: &decoder.hidden[self.model])
        var tables = session?.tables ?? [:]
        if session == nil { tables = try RotaryTable.tables(of: model, positionCount: length) }

        try embed(model, into: residual)
        let workspaces = decoder.workspaces
        var current = try room(for: model.blocks.first, slot: 0)
        try decode(model, model.blocks.first, into: current)
        for number in model.blocks.indices {
            let isLast = number == model.blocks.count - 1
            let next = isLast ? nil : model.blocks[number + 1]
            let following = try room(for: next, slot: (number + 1) % 2)
            let plan = model.blocks[number]
            let rotary = plan.description.rotary
            let step = BlockStep(
                model: model, number: number, plan: plan, weights: current, groups: groups,
                length: length, queries: isLast ? scored : 0..<length, residual: residual,
                hidden: isLast ? hidden : nil, table: rotary.flatMap { tables[$0] },
                cache: session?.caches[number], state: session?.states[number],
                batch: try expertBatch(plan, width: width), observer: observer)
            try step.run(
                pool: decoder.pool, workspaces: workspaces, next: next, into: following)
            if let experts = plan.experts {
                try step.runExperts(
                    experts, pool: decoder.pool, workspaces: workspaces,
                    buffers: &decoder.expertWeights)
            }
            current = following
        }
    }

    // MARK: Before the blocks

    private func check(_ model: Model) throws(InferenceError) {
        for window in windows {
            for token in window where token < 0 || Int(token) >= model.vocabularyCount {
                throw InferenceError(
                    .unknownToken(token, vocabularyCount: model.vocabularyCount), path: model.path)
            }
        }
        let end = (session?.start ?? 0) + length
        if let positions = model.positionEmbedding, end > positions.rowCount {
            throw InferenceError(
                .tooManyPositions(end, limit: positions.rowCount), path: model.path,
                place: model.description.positionEmbedding)
        }
    }

    private func prepareWorkspaces(_ model: Model, tokens: Int) throws(InferenceError) {
        let extent = Workspace.Extent(
            model, tokens: tokens, windowLength: length, keyCount: (session?.start ?? 0) + length)
        if let first = decoder.workspaces.first, extent.fits(in: first.extent) { return }
        decoder.workspaces = []
        for _ in 0..<decoder.pool.threadCount {
            decoder.workspaces.append(try Workspace(extent, decoder.activations))
        }
    }

    private func room(for plan: BlockPlan?, slot: Int) throws(InferenceError) -> FloatBuffer {
        try FloatBuffer.room(for: plan?.floatCount ?? 0, in: &decoder.weights[slot])
    }

    private func expertBatch(
        _ plan: BlockPlan, width: Int
    ) throws(InferenceError) -> ExpertBatch? {
        guard let experts = plan.experts else { return nil }
        let rowCount = windows.count * length
        let (used, hasSum) = (experts.description.usedCount, !plan.addsFeedForwardDirectly)
        if let batch = decoder.expertBatch,
            batch.fits(rowCount: rowCount, width: width, usedCount: used, hasSum: hasSum)
        {
            return batch
        }
        decoder.expertBatch = nil
        let batch = try ExpertBatch(
            rowCount: rowCount, width: width, usedCount: used, hasSum: hasSum)
        decoder.expertBatch = batch
        return batch
    }

    /// Embeddings of all tokens, `(window, position, E)`.
    private func embed(_ model: Model, into residual: FloatBuffer) throws {
        let width = model.description.embeddingLength
        let workspaces = decoder.workspaces
        let scale = model.description.embeddingScale
        let start = session?.start ?? 0
        let windows = windows
        try decoder.pool.run(jobCount: windows.count) { worker, window in
            let (scratch, positionRow) = (
                workspaces[worker].scratch, workspaces[worker].normed.base
            )
            var row = residual.base + window * windows[window].count * width
            for (index, token) in windows[window].enumerated() {
                try model.source.readRows(
                    Int(token)..<Int(token) + 1, ofTensor: model.tokenEmbedding, into: row,
                    scratch: scratch)
                guard ingot_all_finite(row, width) else {
                    throw InferenceError(
                        .notFinite(what: "row \(token)"), path: model.path,
                        place: model.description.tokenEmbedding)
                }
                if scale != 1 { ingot_scale(row, scale, width) }
                if let positions = model.positionEmbedding {
                    try model.source.readRows(
                        start + index..<start + index + 1, ofTensor: positions.number,
                        into: positionRow, scratch: scratch)
                    ingot_add(row, positionRow, width)
                }
                model.embeddingNorm?.apply(row, into: row)
                row += width
            }
        }
    }

    /// Decodes a whole block with all workers.
    private func decode(_ model: Model, _ plan: BlockPlan?, into buffer: FloatBuffer) throws {
        guard let plan else { return }
        let jobs = plan.decodingJobs
        let workspaces = decoder.workspaces
        try decoder.pool.run(jobCount: jobs.count) { worker, job in
            try jobs[job].decode(model, into: buffer, workspaces[worker])
        }
        buffer.clear(plan.zeros)
    }
}
