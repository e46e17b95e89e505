import Architectures
import TensorCore

/// The buffers of forward steps, reused from step to step; they grow and never shrink.
///
/// What a sequence keeps from one step to the next is a `SequenceState`.
///
/// `@unchecked Sendable`: one step at a time uses it.
public final class ForwardState: @unchecked Sendable {
    /// Those of each worker.
    var workspaces: [Workspace] = []
    /// `(row, E)`.
    var residual: FloatBuffer?
    /// The tokens' streams, `(row, stream, E)`, and what connections note of them, where there are
    /// several.
    var streams: FloatBuffer?
    var streamNotes: FloatBuffer?
    /// The weights of two blocks: one runs while the next is decoded.
    var weights: [FloatBuffer?] = [nil, nil]
    /// The weights of two experts.
    var expertWeights: [FloatBuffer?] = [nil, nil]
    private var expertBatch: ExpertBatch?
    /// The tokens' rows for blocks, `(row, block, length)`, or their embeddings, `(row, E)`.
    var layerRows: FloatBuffer?
    /// Rows that several blocks take, by the block that makes them: keys and values of windows,
    /// `(row, keys | values)`, values of recurrences, `(row, values)`.
    var sharedRows: [Int: FloatBuffer] = [:]
    /// All rows of tokens that are updated alternately, `(row, alternate, E)`.
    var alternates: FloatBuffer?
    /// Each model's scored rows after its output norm, `(row, E)`.
    var hidden: [FloatBuffer?] = []
    /// The first model's residual rows before the blocks where other models differ from it.
    var forks: [Int: FloatBuffer] = [:]
    /// Parts of output matrices, and logits of each worker.
    var panels: [FloatBuffer?] = [nil, nil]
    var tiles: [FloatBuffer?] = []

    /// Creates a state without buffers.
    public init() {}

    /// What the workspaces were last made for, where one model alone uses them.
    var load: Workspace.Load?

    /// Whether the workspaces are large enough for a load.
    func hasRoom(for wanted: Workspace.Load) -> Bool {
        guard let load else { return false }
        return wanted.rowCount <= load.rowCount && wanted.stretchLength <= load.stretchLength
            && wanted.keyCount <= load.keyCount && wanted.width == load.width
    }

    /// Makes sure that every worker has this room.
    func prepareWorkspaces(
        _ room: Workspace.Room, _ products: MatrixProducts, threadCount: Int
    ) throws(InferenceError) {
        var wanted = workspaces.first?.room ?? Workspace.Room()
        wanted.need(room)
        if workspaces.count >= threadCount, wanted == workspaces[0].room { return }
        workspaces = []
        for _ in 0..<threadCount { workspaces.append(try Workspace(wanted, products)) }
    }

    /// Room for the rows of a batch on their way through a block's experts.
    func expertRows(
        rowCount: Int, width: Int, _ experts: Experts
    ) throws(InferenceError) -> ExpertRows {
        let used = experts.description.usedCount
        if let expertBatch,
            expertBatch.fits(
                rowCount: rowCount, width: width, usedCount: used, hasSum: experts.hasSum)
        {
            return expertBatch.rows(hasSum: experts.hasSum)
        }
        expertBatch = nil
        let batch = try ExpertBatch(
            rowCount: rowCount, width: width, usedCount: used, hasSum: experts.hasSum)
        expertBatch = batch
        return batch.rows(hasSum: experts.hasSum)
    }
}
