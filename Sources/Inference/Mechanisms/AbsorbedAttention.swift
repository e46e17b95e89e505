import Architectures
import CKernels
import Quantization
import TensorCore

/// Attention of one stretch in the latent space (MLA): a position has one row, its latent row and the
/// part of its key that turns, which is the key of all heads and, as far as it is latent, their value.
///
/// Queries come with their part that stays taken into the latent space, and so do the results leave. A
/// head's scores and results do not depend on what is computed beside them.
///
/// `@unchecked Sendable`: jobs write results of their own.
struct AbsorbedAttention: @unchecked Sendable {
    /// Queries that a job takes at a time.
    private static let queryCount = 32
    /// Multiplications from which a second thread is worth its waking.
    private static let threadWork = 1 << 16

    let heads: AttentionHeads
    /// The rows of positions from 0 on, as `attention.h` lays out values.
    let positions: UnsafeRawPointer
    let type: ingot_cache_type
    /// The numbers of a row.
    let length: Int
    /// `(row, head, length)`, of the first wanted row; the results likewise.
    let queries: UnsafePointer<Float>
    let results: UnsafeMutablePointer<Float>
    let rowCount: Int
    /// The position of the first wanted row.
    let position: Int
    let weights: UnsafePointer<Float>

    private var headCount: Int { heads.description.headCount }

    /// Computes all rows, on the workers where that is worth it.
    func run(_ workers: ResidentWorkers?, _ scratch: ScratchBuffer) {
        let queryCount = rowCount * headCount
        // Few queries are shared out too: a token has no more than its heads'.
        let threads = workers?.team.threadCount ?? 1
        let perJob = min(
            AbsorbedAttention.queryCount, max(1, (queryCount + threads - 1) / threads))
        let jobs = (queryCount + perJob - 1) / perJob
        let seen = position + rowCount - heads.earliest(seenFrom: position)
        guard let workers, jobs > 1,
            seen * queryCount * 2 * length > AbsorbedAttention.threadWork
        else {
            for job in 0..<jobs { attend(job, perJob, scratch) }
            return
        }
        workers.team.run(jobCount: jobs) { worker, job in
            attend(job, perJob, workers.scratch[worker])
        }
    }

    private func attend(_ job: Int, _ count: Int, _ scratch: ScratchBuffer) {
        attend(job * count..<min(rowCount * headCount, (job + 1) * count), scratch)
    }

    /// Attention of queries that follow one another, a row's heads before the next row's.
    private func attend(_ range: Range<Int>, _ scratch: ScratchBuffer) {
        let tile = KeyValueCache.tilePositions
        let first = heads.earliest(seenFrom: position + range.lowerBound / headCount)
        let end = position + (range.upperBound - 1) / headCount + 1
        let start = first / tile * tile
        let tileCount = (end - start + tile - 1) / tile
        let stride = tileCount * tile
        guard let keys = scratch.floats(tile * length + range.count * stride).baseAddress else {
            return
        }
        let scores = keys + tile * length
        let isa = InstructionSet.current.isa
        let bytes = ingot_cache_value_bytes(type, length)
        withUnsafeTemporaryAllocation(
            of: UnsafePointer<Float>.self, capacity: range.count
        ) { queries in
            for (index, query) in range.enumerated() {
                queries[index] = self.queries + query * length
            }
            guard let queries = queries.baseAddress else { return }
            for index in 0..<tileCount {
                let from = start + index * tile
                ingot_cache_tile(
                    isa, type, positions + from * bytes, length, min(tile, end - from), keys)
                ingot_attention_scores(
                    isa, INGOT_CACHE_F32, keys, length, 1, queries, range.count,
                    heads.description.scale, scores + index * tile, stride)
            }
        }
        for (index, query) in range.enumerated() {
            let (row, head) = query.quotientAndRemainder(dividingBy: headCount)
            heads.weigh(
                scores + index * stride, keys: start..<end, position: position + row, head: head,
                weights)
        }
        withUnsafeTemporaryAllocation(
            of: UnsafeMutablePointer<Float>.self, capacity: range.count
        ) { results in
            for (index, query) in range.enumerated() {
                results[index] = self.results + query * length
            }
            guard let results = results.baseAddress else { return }
            ingot_attention_mix(
                isa, type, positions + first * bytes, length, end - first,
                scores + (first - start), stride, results, range.count)
        }
    }
}
