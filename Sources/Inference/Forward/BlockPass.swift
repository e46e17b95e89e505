import Architectures
import CKernels
import GGUF
import TensorCore

/// One block applied to a batch: groups of stretches run through it, a group to a job.
///
/// A block takes one round of the worker pool. One with experts takes a round for every expert more,
/// and a last one to add what they gave.
struct BlockPass {
    /// The feed-forward branch, with the batch's rows where it has experts.
    private enum Branch {
        case dense(FeedForward)
        case experts(Experts, ExpertRows)
        case channelMix(ChannelMix)
        case absent
    }

    let model: Model
    let number: Int
    let block: Block
    /// The block's weights, decoded.
    let weights: FloatBuffer
    let groups: [StretchGroup]
    /// `(row, E)`; after the block those of a group's wanted rows, from the group's first row on.
    let residual: FloatBuffer
    let sharedRows: [Int: FloatBuffer]
    /// All rows of tokens that are updated alternately, `(row, alternate, E)`.
    let alternates: FloatBuffer?
    /// The tokens' residual streams, where they have several.
    let streams: StreamRows?
    /// The tokens' rows for all blocks, `(row, block, length)`, or their embeddings, `(row, E)`.
    let layerRows: FloatBuffer?
    let pool: WorkerPool
    let workspaces: [Workspace]
    let workers: ResidentWorkers?
    let observer: LinearObserver?

    private var width: Int { model.description.embeddingLength }

    /// Runs the block.
    ///
    /// - Parameters:
    ///   - jobs: Done in the same round: they decode the next block.
    ///   - buffers: Memory for experts' weights and rows.
    ///   - finish: Takes a group's rows in the end.
    func run(
        _ jobs: [DecodingJob], into following: FloatBuffer, _ state: ForwardState,
        finish: @Sendable (RowGroup) -> Void
    ) throws {
        let branch: Branch =
            switch block.feedForward {
            case .dense(let feedForward): .dense(feedForward)
            case .experts(let experts):
                .experts(
                    experts,
                    try state.expertRows(
                        rowCount: groups.reduce(0) { $0 + $1.rowCount }, width: width, experts))
            case .channelMix(let mix): .channelMix(mix)
            case .absent: .absent
            }
        // Decoding comes last: its small jobs fill what time is left at the end.
        try pool.run(jobCount: groups.count + jobs.count) { worker, job in
            guard job < groups.count else {
                try jobs[job - groups.count].decode(into: following, workspaces[worker])
                return
            }
            let rows = rows(groups[job], workspaces[worker])
            block.begin(rows)
            if case .experts(let experts, let all) = branch {
                try naming { try experts.rateBlockInput(into: all.from(rows.group.row), rows) }
            }
            try block.apply(rows) { normed in
                switch branch {
                case .dense(let feedForward): feedForward.apply(normed, rows)
                case .experts(let experts, let all):
                    try naming {
                        try experts.route(normed, into: all.from(rows.group.row), rows)
                    }
                case .channelMix(let mix): mix.apply(rows)
                case .absent: break
                }
            }
            if case .experts = branch { return }
            try end(rows, finish)
        }
        guard case .experts(let experts, let all) = branch else { return }
        try ExpertPass(
            experts: experts, rows: all,
            present: groups.map { $0.row..<$0.row + $0.wantedCount }, residual: residual,
            width: width, pool: pool, workspaces: workspaces, observer: observer
        ).run(buffers: &state.expertWeights)
        try pool.run(jobCount: groups.count) { worker, job in
            let rows = rows(groups[job], workspaces[worker])
            experts.finish(all.from(rows.group.row), rows)
            try end(rows, finish)
        }
    }

    private func rows(_ group: StretchGroup, _ workspace: Workspace) -> RowGroup {
        RowGroup(
            block: number, weights: UnsafePointer(weights.base),
            residual: residual.base + group.row * width,
            streams: streams?.from(group.row), width: width,
            residualScale: block.description.residualScale, group: group, sharedRows: sharedRows,
            alternates: alternates.map { $0.base + group.row * width * block.alternateCount },
            workspace: workspace, workers: workers, observer: observer)
    }

    /// Runs a step of the experts; an error says which block it is.
    private func naming(_ step: () throws -> Void) throws {
        do { try step() } catch let error as NotFinite { throw notFinite(error.what) }
    }

    /// Ends the block for a group, and checks its rows.
    private func end(_ rows: RowGroup, _ finish: (RowGroup) -> Void) throws {
        let length = model.description.layerEmbedding?.length
        let stride = length.map { model.blocks.count * $0 } ?? width
        block.finish(
            layerRows.map {
                UnsafePointer($0.base + rows.group.row * stride + number * (length ?? 0))
            }, stride: stride, rows)
        guard ingot_all_finite(rows.residual, rows.wantedCount * width),
            rows.streams?.areFinite(rows.wantedCount) ?? true
        else {
            throw notFinite("the output of block \(number)")
        }
        finish(rows)
    }

    private func notFinite(_ what: String) -> InferenceError {
        block.layout.notFinite(what, in: weights, place: "blk.\(number)")
    }
}
