import Architectures
import CKernels
import GGUF
import TensorCore

/// One block on its way through a batch.
///
/// Groups of windows run through it, a group to a job. Where it has experts, that ends with their
/// choice; `runExperts` follows.
struct BlockStep: Sendable {
    let model: Model
    let number: Int
    let plan: BlockPlan
    /// The block's weights, decoded.
    let weights: FloatBuffer
    let groups: [Range<Int>]
    /// The length of a window.
    let length: Int
    /// The positions that are wanted after the block.
    let queries: Range<Int>
    let residual: FloatBuffer
    /// After the last block: where the normalised rows go.
    let hidden: FloatBuffer?
    let table: RotaryTable?
    let cache: KeyValueCache?
    let state: RecurrentState?
    let batch: ExpertBatch?
    let observer: LinearObserver?

    private var hasSum: Bool { !plan.addsFeedForwardDirectly }

    /// Runs the block, and decodes the next.
    func run(
        pool: WorkerPool, workspaces: [Workspace], next: BlockPlan?, into following: FloatBuffer
    ) throws {
        let decoding = next?.decodingJobs ?? []
        // Decoding comes last: its small jobs fill what time is left at the end.
        try pool.run(jobCount: groups.count + decoding.count) { worker, job in
            let workspace = workspaces[worker]
            guard job < groups.count else {
                try decoding[job - groups.count].decode(model, into: following, workspace)
                return
            }
            let run = blockRun(groups[job], workspace)
            do {
                try run.run()
            } catch let error as NotFinite {
                throw notFinite(error.what, workspace)
            }
            if plan.experts == nil { try finish(groups[job], run) }
        }
        if let next { following.clear(next.zeros) }
    }

    /// Applies the experts that the rows chose.
    func runExperts(
        _ experts: ExpertPlan, pool: WorkerPool, workspaces: [Workspace],
        buffers: inout [FloatBuffer?]
    ) throws {
        guard let batch else { preconditionFailure("experts without a batch") }
        try ExpertRun(
            model: model, plan: experts, batch: batch, hasSum: hasSum,
            present: groups.map {
                $0.lowerBound * length..<$0.lowerBound * length + $0.count * queries.count
            }, residual: residual, width: model.description.embeddingLength, pool: pool,
            workspaces: workspaces, observer: observer
        ).run(buffers: &buffers)
        try pool.run(jobCount: groups.count) { worker, job in
            let run = blockRun(groups[job], workspaces[worker])
            run.addExperts()
            try finish(groups[job], run)
        }
    }

    private func blockRun(_ group: Range<Int>, _ workspace: Workspace) -> BlockRun {
        let row = group.lowerBound * length
        let width = model.description.embeddingLength
        return BlockRun(
            plan: plan, weights: UnsafePointer(weights.base),
            residual: residual.base + row * width, windowCount: group.count, windowLength: length,
            queries: queries, width: width, rotary: table, cache: cache, state: state,
            expertRows: batch?.rows(from: row, hasSum: hasSum), workspace: workspace,
            observer: observer)
    }

    /// Checks a group's rows after the block; after the last, normalises them.
    private func finish(_ group: Range<Int>, _ run: BlockRun) throws {
        guard ingot_all_finite(run.residual, run.queryCount * run.width) else {
            throw notFinite("the output of block \(number)", run.workspace)
        }
        guard let hidden else { return }
        let output = hidden.base + group.lowerBound * queries.count * run.width
        guard let norm = model.outputNorm else {
            output.update(from: run.residual, count: run.queryCount * run.width)
            return
        }
        for row in 0..<run.queryCount {
            norm.apply(run.residual + row * run.width, into: output + row * run.width)
        }
    }

    private func notFinite(_ what: String, _ workspace: Workspace) -> InferenceError {
        .notFinite(
            model, plan.pieces, weights, isCoded: workspace.rounded != nil, what: what,
            place: "blk.\(number)")
    }
}

extension InferenceError {
    /// Tells where NaN or infinity come from: a tensor among the decoded ones, or arithmetic.
    static func notFinite(
        _ model: Model, _ pieces: [Piece], _ weights: FloatBuffer, isCoded: Bool, what: String,
        place: String
    ) -> InferenceError {
        let damaged = pieces.first { !$0.isFinite(in: weights, isCoded: isCoded) }
        if let damaged {
            return InferenceError(
                .notFinite(what: "its values"), path: model.path,
                place: model.source.tensors[damaged.tensor].name)
        }
        return InferenceError(.notFinite(what: what), path: model.path, place: place)
    }
}
