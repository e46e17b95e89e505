import Architectures
import CKernels
import GGUF
public import TensorCore

/// Runs one model, or several side by side, over batches of context windows.
///
/// Work is in F32 with F32 accumulation. A block's weights are decoded once for a batch, while the
/// block before it runs; tokens are shared out between the workers, so that a block needs no
/// waiting inside. Logits are made for scored positions only, some positions and some of the
/// vocabulary at a time, and handed to the caller with those of all models paired.
///
/// Memory: two blocks in F32 (of the largest model), the batch's residual rows, the scored rows of
/// each model, two panels of each output matrix, and buffers for `groupTokens` tokens per worker.
public final class Decoder {
    /// The models; the first is the base that others are compared with.
    public let models: [Model]
    /// The workers.
    public let pool: WorkerPool

    /// Tokens that a worker takes through a block at a time: enough for matrix products at full
    /// speed, few enough that buffers stay small and workers end together.
    static let groupTokens = 512

    private var workspaces: [Workspace] = []
    private var residual: FloatBuffer?
    private var weights: [FloatBuffer?] = [nil, nil]
    private var hidden: [FloatBuffer?]
    private var panels: [FloatBuffer?] = [nil, nil]
    private var tiles: [FloatBuffer?]

    /// Creates a decoder for models with the same vocabulary.
    ///
    /// - Throws: `InferenceError` when the vocabularies differ in size. (The caller compares the
    ///   tokens.)
    public init(models: [Model], pool: WorkerPool = WorkerPool()) throws(InferenceError) {
        precondition(!models.isEmpty, "a decoder needs a model")
        for model in models.dropFirst() where model.vocabularyCount != models[0].vocabularyCount {
            throw InferenceError(
                .vocabulariesDiffer(
                    found: "a vocabulary of \(model.vocabularyCount) tokens",
                    expected: "\(models[0].vocabularyCount)"), path: model.path)
        }
        self.models = models
        self.pool = pool
        hidden = models.map { _ in nil }
        tiles = (0..<pool.threadCount).map { _ in nil }
        MatrixProduct.useCallingThread()
    }

    /// The number of tokens that a batch should have: every weight is decoded once for them all.
    public var batchTokenCount: Int { max(4096, pool.threadCount * Decoder.groupTokens) }

    /// Runs windows of equal length through all models.
    ///
    /// - Parameters:
    ///   - windows: Token ids; every window starts at position 0.
    ///   - scored: The positions of each window whose logits are wanted.
    ///   - consume: Takes the logits, tile after tile; see `LogitsTile` for their order.
    /// - Throws: `InferenceError` for a token that the vocabulary does not have, or when NaN or
    ///   infinity appear: it names the block, or the tensor that holds them.
    public func forward(
        windows: [[Int32]], scored: Range<Int>, consume: @Sendable (LogitsTile) throws -> Void
    ) throws {
        guard let length = windows.first?.count, length > 0, !scored.isEmpty else { return }
        precondition(windows.allSatisfy { $0.count == length }, "windows of different lengths")
        precondition(scored.lowerBound >= 0 && scored.upperBound <= length, "scored positions")
        for window in windows {
            for token in window where token < 0 || Int(token) >= models[0].vocabularyCount {
                throw InferenceError(
                    .unknownToken(token, vocabularyCount: models[0].vocabularyCount),
                    path: models[0].path)
            }
        }
        for index in models.indices {
            try runBlocks(of: index, windows: windows, length: length, scored: scored)
        }
        try OutputRun(
            models: models, hidden: hidden.compactMap { $0 },
            rowCount: windows.count * scored.count,
            pool: pool
        ).run(panels: &panels, tiles: &tiles, workspaces: workspaces, consume: consume)
    }

    // MARK: Blocks

    /// Takes the windows through all blocks; leaves the normalised rows of the scored positions in
    /// `hidden[index]`.
    private func runBlocks(
        of index: Int, windows: [[Int32]], length: Int, scored: Range<Int>
    ) throws {
        let model = models[index]
        let width = model.description.embeddingLength
        let perGroup = max(1, Decoder.groupTokens / length)
        let groups = stride(from: 0, to: windows.count, by: perGroup).map {
            $0..<min(windows.count, $0 + perGroup)
        }
        try prepareWorkspaces(model, tokens: min(windows.count, perGroup) * length, length: length)
        let workspaces = workspaces
        let residual = try FloatBuffer.room(
            for: windows.count * length * width, in: &self.residual)
        let hidden = try FloatBuffer.room(
            for: windows.count * scored.count * width, in: &self.hidden[index])
        let rotary = try rotaryTables(model, length: length)

        try embed(model, windows: windows, into: residual)
        let blocks = model.blocks
        var current = try room(for: blocks.first, slot: 0)
        try decode(model, blocks.first, into: current)
        for number in blocks.indices {
            let plan = blocks[number]
            let isLast = number == blocks.count - 1
            let next = isLast ? nil : blocks[number + 1]
            let following = try room(for: next, slot: (number + 1) % 2)
            let decoding = next?.decodingJobs ?? []
            let table = plan.description.attention.rotary.flatMap { rotary[$0] }
            let weights = current
            // Decoding comes last: its small jobs fill what time is left at the end.
            try pool.run(jobCount: groups.count + decoding.count) { worker, job in
                let workspace = workspaces[worker]
                guard job < groups.count else {
                    let (piece, rows) = decoding[job - groups.count]
                    try Decoder.decode(model, piece, rows, into: following, workspace.scratch)
                    return
                }
                let group = groups[job]
                let start = residual.base + group.lowerBound * length * width
                let queries = isLast ? scored : 0..<length
                BlockRun(
                    plan: plan, weights: UnsafePointer(weights.base), residual: start,
                    windowCount: group.count, windowLength: length, queries: queries, width: width,
                    rotary: table, workspace: workspace
                ).run()
                let rowCount = group.count * queries.count
                guard ingot_all_finite(start, rowCount * width) else {
                    throw Decoder.notFinite(model, block: number, weights: weights)
                }
                guard isLast else { return }
                Decoder.normaliseOutput(
                    model, start, rows: rowCount,
                    into: hidden.base + group.lowerBound * scored.count * width)
            }
            if let next { Decoder.clear(next, in: following) }
            current = following
        }
    }

    private func prepareWorkspaces(
        _ model: Model, tokens: Int, length: Int
    ) throws(InferenceError) {
        let extent = Workspace.Extent(model, tokens: tokens, windowLength: length)
        if let first = workspaces.first, extent.fits(in: first.extent) { return }
        workspaces = []
        for _ in 0..<pool.threadCount { workspaces.append(try Workspace(extent)) }
    }

    private func room(
        for plan: BlockPlan?, slot: Int
    ) throws(InferenceError) -> FloatBuffer {
        try FloatBuffer.room(for: plan?.floatCount ?? 0, in: &weights[slot])
    }

    private func rotaryTables(
        _ model: Model, length: Int
    ) throws(InferenceError) -> [BlockDescription.Rotary: RotaryTable] {
        var tables: [BlockDescription.Rotary: RotaryTable] = [:]
        for block in model.description.blocks {
            guard let rotary = block.attention.rotary, tables[rotary] == nil else { continue }
            tables[rotary] = try RotaryTable(
                rotary, factors: rotary.factors.flatMap { model.rotaryFactors[$0] },
                positionCount: length)
        }
        return tables
    }

    /// Embeddings of all tokens, `(window, position, E)`.
    private func embed(
        _ model: Model, windows: [[Int32]], into residual: FloatBuffer
    ) throws {
        let width = model.description.embeddingLength
        let workspaces = workspaces
        let scale = model.description.embeddingScale
        try pool.run(jobCount: windows.count) { worker, window in
            var row = residual.base + window * windows[window].count * width
            for token in windows[window] {
                try model.source.readRows(
                    Int(token)..<Int(token) + 1, ofTensor: model.tokenEmbedding, into: row,
                    scratch: workspaces[worker].scratch)
                guard ingot_all_finite(row, width) else {
                    throw InferenceError(
                        .notFinite(what: "row \(token)"), path: model.path,
                        place: model.description.tokenEmbedding)
                }
                if scale != 1 { ingot_scale(row, scale, width) }
                row += width
            }
        }
    }

    /// Decodes a whole block with all workers.
    private func decode(_ model: Model, _ plan: BlockPlan?, into buffer: FloatBuffer) throws {
        guard let plan else { return }
        let jobs = plan.decodingJobs
        let workspaces = workspaces
        try pool.run(jobCount: jobs.count) { worker, job in
            let (piece, rows) = jobs[job]
            try Decoder.decode(model, piece, rows, into: buffer, workspaces[worker].scratch)
        }
        Decoder.clear(plan, in: buffer)
    }

    private static func decode(
        _ model: Model, _ piece: BlockPlan.Piece, _ rows: Range<Int>, into buffer: FloatBuffer,
        _ scratch: ScratchBuffer
    ) throws {
        try model.source.readRows(
            rows, ofTensor: piece.tensor,
            into: buffer.base + piece.offset + rows.lowerBound * piece.rowLength, scratch: scratch)
    }

    private static func clear(_ plan: BlockPlan, in buffer: FloatBuffer) {
        for range in plan.zeros {
            (buffer.base + range.lowerBound).update(repeating: 0, count: range.count)
        }
    }

    /// Tells where NaN or infinity come from: a tensor of the block, or its arithmetic.
    private static func notFinite(
        _ model: Model, block: Int, weights: FloatBuffer
    ) -> InferenceError {
        let damaged = model.blocks[block].pieces.first {
            !ingot_all_finite(weights.base + $0.offset, $0.rowCount * $0.rowLength)
        }
        if let damaged {
            return InferenceError(
                .notFinite(what: "its values"), path: model.path,
                place: model.source.tensors[damaged.tensor].name)
        }
        return InferenceError(
            .notFinite(what: "the output of block \(block)"), path: model.path,
            place: "blk.\(block)")
    }

    private static func normaliseOutput(
        _ model: Model, _ rows: UnsafePointer<Float>, rows rowCount: Int,
        into output: UnsafeMutablePointer<Float>
    ) {
        let width = model.description.embeddingLength
        guard let norm = model.description.outputNorm else {
            output.update(from: rows, count: rowCount * width)
            return
        }
        for row in 0..<rowCount {
            let (input, result) = (rows + row * width, output + row * width)
            switch norm.kind {
            case .rootMeanSquare:
                ingot_rms_norm(input, model.outputNormWeight, norm.epsilon, width, result)
            case .layer:
                ingot_layer_norm(
                    input, model.outputNormWeight, model.outputNormBias, norm.epsilon, width, result
                )
            }
        }
    }
}
