import Architectures
import CKernels
public import GGUF
import Quantization
public import TensorCore

/// Runs one model, or several side by side, over batches of tokens.
///
/// Work is in F32 with F32 accumulation; with `Activations.q8` linear layers round what they take in
/// and multiply it with the stored codes in integers. Logits are made for scored positions only, some
/// positions and some of the vocabulary at a time, and handed to the caller with those of all models
/// paired.
///
/// Memory of a step, in its `ForwardState`: two blocks in F32 (of the largest model; without
/// experts), two experts in F32 (with `Activations.q8` matrices that have codes take 1 to 1.5 bytes
/// for a weight) and the batch's rows once or twice more where there are experts, the batch's
/// residual rows, the scored rows of each model, two panels of each output matrix, and buffers for
/// `groupTokens` tokens per worker.
public struct Decoder: Sendable {
    /// The models; the first is the base that others are compared with.
    public let models: [Model]
    /// What linear layers take in.
    public let activations: Activations
    /// The workers.
    public let pool: WorkerPool

    /// Tokens that a worker takes through a block at a time: enough for matrix products at full
    /// speed, few enough that buffers stay small and workers end together.
    static let groupTokens = 512

    let products: MatrixProducts
    /// Each model's blocks.
    let blocks: [[Block]]
    /// The first block of each model that is not the first model's.
    private let firstOwnBlocks: [Int]

    private var matrices: MatrixStorage { activations == .q8 ? .codes : .floats }

    /// Creates a decoder for models with the same vocabulary.
    ///
    /// - Parameter firstOwnBlocks: For each model, the first block that differs from the first
    ///   model's: what comes before, the embedding included, is run once for both. As many as there
    ///   are blocks where only the output matrix differs; 0 where nothing is shared. Memory grows
    ///   by the batch's residual rows for each such place.
    /// - Throws: `InferenceError` when the vocabularies differ in size (the caller compares the
    ///   tokens), or when the system has no library of matrix products.
    public init(
        models: [Model], firstOwnBlocks: [Int]? = nil, activations: Activations = .f32,
        pool: WorkerPool = WorkerPool()
    ) throws(InferenceError) {
        try self.init(
            models: models, firstOwnBlocks: firstOwnBlocks, activations: activations,
            products: .library, pool: pool)
    }

    /// Creates a decoder whose products come from elsewhere.
    package init(
        models: [Model], firstOwnBlocks: [Int]? = nil, activations: Activations = .f32,
        products source: ProductSource, pool: WorkerPool = WorkerPool()
    ) throws(InferenceError) {
        precondition(!models.isEmpty, "a decoder needs a model")
        precondition(
            firstOwnBlocks.map { $0.count == models.count && $0[0] == 0 } ?? true,
            "a first block for each model, all of the first model's its own")
        products = try MatrixProducts.load(source)
        ingot_inference_use(InstructionSet.current.isa)
        for model in models.dropFirst() where model.vocabularyCount != models[0].vocabularyCount {
            throw InferenceError(
                .vocabulariesDiffer(
                    found: "a vocabulary of \(model.vocabularyCount) tokens",
                    expected: "\(models[0].vocabularyCount)"), path: model.path)
        }
        // Keys and rows of layers that come from the first blocks, and streams, are not kept.
        let isPlain =
            !models[0].hasLayerRows && models[0].description.streamCount == 1
            && !models[0].description.blocksShareRows
        self.firstOwnBlocks = models.indices.map { isPlain ? firstOwnBlocks?[$0] ?? 0 : 0 }
        self.models = models
        self.activations = activations
        self.pool = pool
        blocks = try models.map { model throws(InferenceError) in
            try model.blocks(matrices: activations == .q8 ? .codes : .floats)
        }
    }

    /// The bytes of the largest block's weights, of which two are in memory; experts not counted.
    package var blockByteCount: Int { blocks.joined().map { $0.layout.floatCount * 4 }.max() ?? 0 }

    /// About how many bytes a step of `modelCount` models like the first takes that all differ from
    /// it in another block; experts not counted.
    package func memoryByteCount(modelCount: Int, tokenCount: Int) -> Int {
        let width = models[0].description.embeddingLength
        let panels = 2 * modelCount * OutputHead.panelTokens * width
        let tiles = pool.threadCount * modelCount * OutputHead.tileRows * OutputHead.tileTokens
        let rows = (2 * modelCount + 1) * tokenCount * width
        return 2 * blockByteCount + 4 * (panels + tiles + rows)
    }

    /// About how many bytes taking a batch through one block takes besides the batch's rows; experts
    /// not counted.
    package func stepByteCount(windowLength: Int) -> Int {
        let load = Workspace.Load(
            rowCount: Decoder.groupTokens, stretchLength: windowLength, keyCount: windowLength,
            width: models[0].description.embeddingLength)
        var room = Workspace.Room()
        for block in blocks.joined() { room.need(block.room(for: load, activations)) }
        return blockByteCount + 4 * pool.threadCount * room.floatCount
    }

    /// The number of tokens that a batch should have: every weight is decoded once for them all.
    public var batchTokenCount: Int { max(4096, pool.threadCount * Decoder.groupTokens) }

    // MARK: Steps

    /// Runs a batch through all models; sequences then have its tokens.
    ///
    /// - Parameters:
    ///   - state: The step's buffers.
    ///   - consume: Takes the logits, tile after tile; see `LogitsTile` for their order.
    /// - Throws: `InferenceError` for an encoder, for a token that the vocabulary does not have, for
    ///   stretches longer than a table of learned positions or than their sequence has room for, or when NaN or
    ///   infinity appear: it names the block, or the tensor that holds them. Sequences are then what
    ///   they were.
    public func forward(
        _ batch: Batch, in state: ForwardState = ForwardState(),
        consume: @Sendable (LogitsTile) throws -> Void
    ) throws {
        let sequences = batch.stretches.compactMap(\.sequence)
        guard batch.tokenCount > 0, batch.scoredCount > 0 || !sequences.isEmpty else { return }
        for model in models { try model.checkContinues() }
        try run(batch, in: state)
        if batch.scoredCount > 0 {
            try OutputHead(
                models: models, activations: activations, hidden: state.hidden.compactMap { $0 },
                rowCount: batch.scoredCount, pool: pool, workspaces: state.workspaces
            ).run(state, consume: consume)
        }
        batch.advanceSequences()
    }

    /// The blocks of all models, or of the first whose matrices are in memory.
    func run(_ batch: Batch, in state: ForwardState, resident: ResidentModel? = nil) throws {
        state.hidden = models.indices.map {
            state.hidden.indices.contains($0) ? state.hidden[$0] : nil
        }
        for number in resident == nil ? models.indices : 0..<1 {
            try ForwardPass(self, model: number, batch, state, resident: resident).run(
                from: firstOwnBlocks[number],
                keepingRowsBefore: number == 0 ? Set(firstOwnBlocks.filter { $0 > 0 }) : [])
        }
    }

    /// Runs a batch through the blocks of the first model, for what its linear layers take in; no
    /// logits are made.
    ///
    /// - Parameters:
    ///   - includingOutput: Whether the rows that the output matrix takes in are told too: those of
    ///     the scored tokens.
    ///   - observer: Told the input rows of every linear layer, for all tokens; those behind the
    ///     last block's keys and values, or recurrence, for the scored ones. It is called from several
    ///     threads at once, in no fixed order.
    public func observe(
        _ batch: Batch, in state: ForwardState = ForwardState(), includingOutput: Bool = false,
        observer: @escaping LinearObserver
    ) throws {
        guard batch.tokenCount > 0 else { return }
        state.hidden = [state.hidden.first ?? nil]
        try ForwardPass(self, model: 0, batch, state, observer: observer)
            .run(from: 0, keepingRowsBefore: [])
        batch.advanceSequences()
        guard includingOutput, let hidden = state.hidden[0] else { return }
        let width = models[0].description.embeddingLength
        observer(
            LinearInput(
                tensors: [models[0].description.output], part: nil, place: 0,
                rowCount: batch.scoredCount, rowLength: width, base: hidden.base, stride: width))
    }

    // MARK: One block

    /// The residual rows before the first model's first block, `(token, E)`, or `(token, stream, E)` where
    /// tokens have several streams.
    public func embed(_ batch: Batch, in state: ForwardState = ForwardState()) throws -> [Float] {
        let count = batch.tokenCount * models[0].description.embeddingLength
        let rows = try FloatBuffer(count: count)
        let pass = try ForwardPass(self, model: 0, batch, state)
        _ = try pass.embed(into: rows)
        try pass.startStreams(rows)
        guard let streams = state.streams else {
            return Array(UnsafeBufferPointer(start: rows.base, count: count))
        }
        return Array(
            UnsafeBufferPointer(
                start: streams.base, count: count * models[0].description.streamCount))
    }

    /// Takes residual rows through one block of the first model, alone.
    ///
    /// A block that takes the rows of another finds those that its last run in this state left.
    ///
    /// - Parameters:
    ///   - rows: The rows before the block, `(token, E)` or `(token, stream, E)`; those after it take
    ///     their place.
    ///   - batch: The tokens that the rows are of.
    ///   - weights: Where the block's tensors are read from instead of the model's source: of the
    ///     same names and shapes, in any format. Divisors of rotations stay the model's.
    ///   - observer: Told what the block's linear layers take in.
    /// - Throws: As `forward`.
    public func apply(
        block number: Int, to rows: inout [Float], of batch: Batch, in state: ForwardState,
        weights: (any TensorSource)? = nil, observer: LinearObserver? = nil
    ) throws {
        let model = models[0]
        let width = model.description.embeddingLength
        let streamCount = model.description.streamCount
        precondition(
            rows.count == batch.tokenCount * width * streamCount, "a row for every token")
        let block =
            try weights.map {
                try Block(
                    model.description.blocks[number], width: width, tensors: TensorIndex($0),
                    matrices: matrices)
            } ?? blocks[0][number]
        let pass = try ForwardPass(self, model: 0, batch, state, observer: observer)
        let residual = try FloatBuffer.room(for: batch.tokenCount * width, in: &state.residual)
        let layerRows = try model.hasLayerRows ? pass.embed(into: residual) : nil
        try pass.makeStreams()
        let place = state.streams ?? residual
        rows.withUnsafeBufferPointer { rows in
            if let base = rows.baseAddress { place.base.update(from: base, count: rows.count) }
        }
        try pass.run(block, number, residual, layerRows)
        // Behind the last block there is one row again.
        let isLast = model.description.blocks[number].streams?.head != nil
        let result = isLast ? residual : place
        let count = isLast ? batch.tokenCount * width : rows.count
        rows = Array(UnsafeBufferPointer(start: result.base, count: count))
    }

    /// Applies the norm after the first model's last block to residual rows, `(token, E)`: the
    /// output matrix takes in what results.
    public func normalizeOutput(_ rows: inout [Float]) {
        guard let norm = models[0].outputNorm else { return }
        let width = models[0].description.embeddingLength
        rows.withUnsafeMutableBufferPointer { rows in
            guard let base = rows.baseAddress else { return }
            for row in stride(from: 0, to: rows.count, by: width) {
                norm.apply(base + row, into: base + row)
            }
        }
    }
}

extension Batch {
    /// The step is done: sequences have the batch's tokens.
    func advanceSequences() {
        for stretch in stretches { stretch.sequence?.advance(by: stretch.tokens.count) }
    }
}
