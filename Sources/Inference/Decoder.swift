import Architectures
import CKernels
import GGUF
public import TensorCore

/// Runs one model, or several side by side, over batches of context windows.
///
/// Work is in F32 with F32 accumulation; with `Activations.q8` linear layers round what they take in
/// and multiply it with the stored codes in integers. A block's weights are decoded once for a batch, while the
/// block before it runs; tokens are shared out between the workers, so that a block needs no
/// waiting inside. Logits are made for scored positions only, some positions and some of the
/// vocabulary at a time, and handed to the caller with those of all models paired.
///
/// Memory: two blocks in F32 (of the largest model; without experts), two experts in F32 (with
/// `Activations.q8` matrices that have codes take 1 to 1.5 bytes for a weight) and the
/// batch's rows once or twice more where there are experts, the batch's residual rows, the scored
/// rows of each model, two panels of each output matrix, and buffers for `groupTokens` tokens per
/// worker.
public final class Decoder {
    /// The models; the first is the base that others are compared with.
    public let models: [Model]
    /// What linear layers take in.
    public let activations: Activations
    /// The workers.
    public let pool: WorkerPool

    /// Tokens that a worker takes through a block at a time: enough for matrix products at full
    /// speed, few enough that buffers stay small and workers end together.
    static let groupTokens = 512

    /// Where the weights of each model's blocks lie.
    let plans: [[BlockPlan]]
    var workspaces: [Workspace] = []
    var residual: FloatBuffer?
    var weights: [FloatBuffer?] = [nil, nil]
    var expertWeights: [FloatBuffer?] = [nil, nil]
    var expertBatch: ExpertBatch?
    var layerRows: FloatBuffer?
    var hidden: [FloatBuffer?]
    /// The first block of each model that is not the first model's.
    let firstOwnBlocks: [Int]
    /// The first model's residual rows before the blocks where others leave it.
    var junctions: [Int: FloatBuffer] = [:]
    private var panels: [FloatBuffer?] = [nil, nil]
    private var tiles: [FloatBuffer?]

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
        precondition(!models.isEmpty, "a decoder needs a model")
        precondition(
            firstOwnBlocks.map { $0.count == models.count && $0[0] == 0 } ?? true,
            "a first block for each model, all of the first model's its own")
        try MatrixProduct.load()
        for model in models.dropFirst() where model.vocabularyCount != models[0].vocabularyCount {
            throw InferenceError(
                .vocabulariesDiffer(
                    found: "a vocabulary of \(model.vocabularyCount) tokens",
                    expected: "\(models[0].vocabularyCount)"), path: model.path)
        }
        // Keys and rows of layers that come from the first blocks are not kept.
        let isPlain =
            models[0].layerEmbedding == nil
            && models[0].description.blocks.allSatisfy { $0.keySource == nil }
        self.firstOwnBlocks = models.indices.map { isPlain ? firstOwnBlocks?[$0] ?? 0 : 0 }
        self.models = models
        self.activations = activations
        self.pool = pool
        plans = try models.map { model throws(InferenceError) in
            try model.plans(matrices: activations == .q8 ? .codes : .floats)
        }
        hidden = models.map { _ in nil }
        tiles = (0..<pool.threadCount).map { _ in nil }
    }

    /// The bytes of the largest block's weights, of which two are in memory; experts not counted.
    package var blockByteCount: Int { plans.joined().map { $0.floatCount * 4 }.max() ?? 0 }

    /// The number of tokens that a batch should have: every weight is decoded once for them all.
    public var batchTokenCount: Int { max(4096, pool.threadCount * Decoder.groupTokens) }

    /// Runs windows of equal length through all models.
    ///
    /// - Parameters:
    ///   - windows: Token ids; every window starts at position 0.
    ///   - scored: The positions of each window whose logits are wanted.
    ///   - consume: Takes the logits, tile after tile; see `LogitsTile` for their order.
    /// - Throws: `InferenceError` for a token that the vocabulary does not have, for windows longer
    ///   than a table of learned positions, or when NaN or infinity appear: it names the block, or
    ///   the tensor that holds them.
    public func forward(
        windows: [[Int32]], scored: Range<Int>, consume: @Sendable (LogitsTile) throws -> Void
    ) throws {
        guard let length = windows.first?.count, length > 0, !scored.isEmpty else { return }
        for index in models.indices {
            try BlockPass(decoder: self, model: index, windows: windows, scored: scored).run()
        }
        try output(rowCount: windows.count * scored.count, consume: consume)
    }

    /// Runs windows of equal length through the blocks of the first model, for what its linear
    /// layers take in; no logits are made.
    ///
    /// - Parameters:
    ///   - includingOutput: Whether the rows that the output matrix takes in are told too.
    ///   - observer: Told the input rows of every linear layer, for all positions of all windows.
    ///     It is called from several threads at once, in no fixed order.
    public func observe(
        windows: [[Int32]], includingOutput: Bool = false, observer: @escaping LinearObserver
    ) throws {
        guard let length = windows.first?.count, length > 0 else { return }
        try BlockPass(
            decoder: self, model: 0, windows: windows, scored: 0..<length, observer: observer
        ).run()
        guard includingOutput, let hidden = hidden[0] else { return }
        let width = models[0].description.embeddingLength
        observer(
            LinearInput(
                tensors: [models[0].description.output], part: nil,
                rowCount: windows.count * length, rowLength: width, base: hidden.base,
                stride: width))
    }

    /// Hands out the logits of `rowCount` rows in `hidden`.
    func output(rowCount: Int, consume: @Sendable (LogitsTile) throws -> Void) throws {
        try OutputRun(
            models: models, hidden: hidden.compactMap { $0 }, rowCount: rowCount, pool: pool
        ).run(panels: &panels, tiles: &tiles, workspaces: workspaces, consume: consume)
    }
}
