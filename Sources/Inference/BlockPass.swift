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
        /// The matrices, where they are in memory.
        var stored: StoredMatrices?
        var start: Int { caches.first?.count ?? 0 }
    }

    private var length: Int { windows[0].count }
    /// Products with matrices in memory use all threads themselves.
    private var pool: WorkerPool {
        session?.stored == nil ? decoder.pool : WorkerPool(threadCount: 1)
    }
    private var blocks: [BlockPlan] { session?.stored?.blocks ?? decoder.plans[model] }

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

        let blocks = blocks
        let first = decoder.firstOwnBlocks[self.model]
        guard first < blocks.count else { return takeOver(hidden, scored.count * width) }
        if first == 0 {
            try embed(model, into: residual)
        } else {
            guard let junction = decoder.junctions[first] else {
                preconditionFailure("the first model runs first, and keeps its rows")
            }
            residual.base.update(from: junction.base, count: windows.count * length * width)
        }
        let layerRows = try embedForLayers(model, residual)
        let kept = try keptKeys(model)
        let workspaces = decoder.workspaces
        for workspace in workspaces { workspace.stored = session?.stored }
        var current = try room(for: blocks[first], slot: first % 2)
        try decode(model, blocks[first], into: current)
        for number in first..<blocks.count {
            try keepJunction(before: number, residual, width: width)
            let isLast = number == blocks.count - 1
            let next = isLast ? nil : blocks[number + 1]
            let following = try room(for: next, slot: (number + 1) % 2)
            let plan = blocks[number]
            let rotary = plan.description.rotary
            let step = BlockStep(
                model: model, number: number, plan: plan, weights: current, groups: groups,
                length: length, queries: isLast ? scored : 0..<length, residual: residual,
                hidden: isLast ? hidden : nil, table: rotary.flatMap { tables[$0] },
                cache: session?.caches[plan.description.keySource ?? number],
                state: session?.states[number], kept: kept[plan.description.keySource ?? number],
                layerRows: layerRows,
                batch: try expertBatch(plan, width: width), observer: observer)
            try step.run(
                pool: pool, workspaces: workspaces, next: next, into: following)
            if let experts = plan.experts {
                try step.runExperts(
                    experts, pool: pool, workspaces: workspaces,
                    buffers: &decoder.expertWeights)
            }
            current = following
        }
    }

    // MARK: Blocks that models share

    /// Keeps the first model's residual rows where another model leaves it.
    private func keepJunction(
        before block: Int, _ residual: FloatBuffer, width: Int
    ) throws(InferenceError) {
        guard model == 0, block > 0, decoder.firstOwnBlocks.contains(block) else { return }
        let count = windows.count * length * width
        let rows = try FloatBuffer.room(for: count, in: &decoder.junctions[block])
        rows.base.update(from: residual.base, count: count)
    }

    /// The rows of a model that differs from the first in the output matrix alone.
    private func takeOver(_ hidden: FloatBuffer, _ rowWidth: Int) {
        guard let shared = decoder.hidden[0] else { return }
        hidden.base.update(from: shared.base, count: windows.count * rowWidth)
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
        try pool.run(jobCount: windows.count) { worker, window in
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

    /// Room for the keys and values of blocks whose keys others take; a session has them in its
    /// caches.
    private func keptKeys(_ model: Model) throws(InferenceError) -> [Int: FloatBuffer] {
        guard session == nil else { return [:] }
        var kept: [Int: FloatBuffer] = [:]
        for source in Set(model.description.blocks.compactMap(\.keySource)) {
            guard let tokens = windows.count.multiplied(checkedBy: length),
                let floats = tokens.multiplied(checkedBy: model.blocks[source].cacheWidth)
            else { throw InferenceError(.outOfMemory(byteCount: .max), path: model.path) }
            kept[source] = try FloatBuffer(count: floats)
        }
        return kept
    }

    /// The tokens' rows for all blocks, `(window, position, block, length)`; `nil` without.
    private func embedForLayers(_ model: Model, _ residual: FloatBuffer) throws -> FloatBuffer? {
        guard let layers = model.layerEmbedding else { return nil }
        let (width, length) = (model.description.embeddingLength, layers.description.length)
        let stride = model.blocks.count * length
        let windows = windows
        let tokenCount = windows.count * self.length
        guard let floats = tokenCount.multiplied(checkedBy: stride) else {
            throw InferenceError(.outOfMemory(byteCount: .max), path: model.path)
        }
        let rows = try FloatBuffer.room(for: floats, in: &decoder.layerRows)
        let workspaces = decoder.workspaces
        let description = layers.description
        // A job for every block's part of the projection.
        try decoder.pool.run(jobCount: model.blocks.count) { worker, block in
            let part = try FloatBuffer(count: length * width)
            try model.source.readRows(
                block * length..<(block + 1) * length, ofTensor: layers.projection,
                into: part.base, scratch: workspaces[worker].scratch)
            MatrixProduct.timesTransposed(
                residual.base, part.base, into: rows.base + block * length, rows: tokenCount,
                columns: length, inner: width, strides: (width, width, stride),
                scale: description.projectionScale)
        }
        try decoder.pool.run(jobCount: windows.count) { worker, window in
            let embedding = try FloatBuffer(count: stride)
            let count = windows[window].count
            for (index, token) in windows[window].enumerated() {
                try model.source.readRows(
                    Int(token)..<Int(token) + 1, ofTensor: layers.embedding,
                    into: embedding.base, scratch: workspaces[worker].scratch)
                let row = rows.base + (window * count + index) * stride
                for block in 0..<model.blocks.count {
                    layers.norm?.apply(row + block * length, into: row + block * length)
                }
                ingot_add_scaled(row, embedding.base, description.embeddingScale, stride)
                ingot_scale(row, description.sumScale, stride)
            }
            guard ingot_all_finite(rows.base + window * count * stride, count * stride) else {
                throw InferenceError(
                    .notFinite(what: "the rows for blocks"), path: model.path,
                    place: description.embedding)
            }
        }
        return rows
    }

    /// Decodes a whole block with all workers.
    private func decode(_ model: Model, _ plan: BlockPlan?, into buffer: FloatBuffer) throws {
        guard let plan else { return }
        let jobs = plan.decodingJobs
        let workspaces = decoder.workspaces
        try pool.run(jobCount: jobs.count) { worker, job in
            try jobs[job].decode(model, into: buffer, workspaces[worker])
        }
        buffer.clear(plan.zeros)
    }
}
