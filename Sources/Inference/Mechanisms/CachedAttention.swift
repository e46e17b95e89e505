import Architectures
import CKernels
import Quantization
import TensorCore

/// Attention of one stretch over what its sequence keeps.
///
/// A head's scores and results do not depend on what is computed beside them: neither on the other
/// stretches of a step nor on how a text is cut into stretches.
///
/// `@unchecked Sendable`: jobs write results of their own.
struct CachedAttention: @unchecked Sendable {
    /// Queries that a job takes at a time.
    private static let queryCount = 32
    /// Multiplications from which a second thread is worth its waking.
    private static let threadWork = 1 << 16

    let heads: AttentionHeads
    let cache: KeyValueCache
    /// Of the first wanted row.
    let queries: UnsafePointer<Float>
    let queryStride: Int
    let results: UnsafeMutablePointer<Float>
    let resultStride: Int
    let rowCount: Int
    /// The position of the first wanted row.
    let position: Int
    let weights: UnsafePointer<Float>

    /// Query heads that share keys and values.
    private var group: Int { heads.description.headCount / heads.description.headCountKV }
    private var rowsPerJob: Int { max(1, CachedAttention.queryCount / group) }

    /// Computes all rows, on the workers where that is worth it.
    func run(_ workers: ResidentWorkers?, _ scratch: ScratchBuffer) {
        let description = heads.description
        let chunks = (rowCount + rowsPerJob - 1) / rowsPerJob
        let jobs = chunks * description.headCountKV
        let keys = position + rowCount - heads.earliest(seenFrom: position)
        let work =
            keys * rowCount * description.headCount
            * (description.keyLength + description.valueLength)
        guard let workers, jobs > 1, work > CachedAttention.threadWork else {
            for job in 0..<jobs { run(job, scratch) }
            return
        }
        workers.team.run(jobCount: jobs) { worker, job in run(job, workers.scratch[worker]) }
    }

    private func run(_ job: Int, _ scratch: ScratchBuffer) {
        let description = heads.description
        let (chunk, head) = job.quotientAndRemainder(dividingBy: description.headCountKV)
        let rows = chunk * rowsPerJob..<min(rowCount, (chunk + 1) * rowsPerJob)
        let tile = KeyValueCache.tilePositions
        let first = heads.earliest(seenFrom: position + rows.lowerBound)
        let end = position + rows.upperBound
        let start = first / tile * tile
        let tileCount = (end - start + tile - 1) / tile
        let stride = tileCount * tile
        let count = rows.count * group
        guard let scores = scratch.floats(count * stride).baseAddress else { return }
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: count) { queries in
            withUnsafeTemporaryAllocation(
                of: UnsafeMutablePointer<Float>.self, capacity: count
            ) { results in
                for index in 0..<count {
                    let row = rows.lowerBound + index / group
                    let query = head * group + index % group
                    queries[index] =
                        self.queries + row * queryStride + query * description.queryStride
                    results[index] =
                        self.results + row * resultStride + query * description.valueLength
                }
                guard let queries = queries.baseAddress, let results = results.baseAddress else {
                    return
                }
                let isa = InstructionSet.current.isa
                ingot_attention_scores(
                    isa, cache.shape.types.keys.kernelType,
                    cache.keys(head: head, tile: start / tile), description.keyLength, tileCount,
                    queries, count, description.scale, scores, stride)
                for index in 0..<count {
                    heads.weigh(
                        scores + index * stride, keys: start..<end,
                        position: position + rows.lowerBound + index / group,
                        head: head * group + index % group, weights)
                }
                ingot_attention_mix(
                    isa, cache.shape.types.values.kernelType,
                    cache.values(head: head, position: first), description.valueLength,
                    end - first, scores + (first - start), stride, results, count)
            }
        }
    }
}
