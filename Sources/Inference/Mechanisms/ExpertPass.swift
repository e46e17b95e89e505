import Architectures
import CKernels
import TensorCore

/// A block's experts applied to a whole batch.
///
/// Expert by expert, the rows that chose it are gathered, taken through its network as matrix
/// products, weighted and added to their sums. While one expert runs, the next is decoded; experts
/// that nobody chose are never read. Memory: two experts in F32.
struct ExpertPass {
    /// Rows of an expert that a worker takes at a time.
    static let chunkRows = 128

    let experts: Experts
    /// The rows' input, choice and sums.
    let rows: ExpertRows
    /// The rows that take part, in order.
    let present: [Range<Int>]
    /// `(row, E)`.
    let residual: FloatBuffer
    /// E.
    let width: Int
    let pool: WorkerPool
    let workspaces: [Workspace]
    let observer: LinearObserver?

    /// A row and the weight with which it takes an expert.
    private struct Taker {
        var row: Int
        var weight: Float
    }

    func run(buffers: inout [FloatBuffer?]) throws {
        let takers = takersByExpert()
        let used = takers.indices.filter { !takers[$0].isEmpty }
        let weights = [
            try FloatBuffer.room(for: experts.layout.floatCount, in: &buffers[0]),
            try FloatBuffer.room(for: experts.layout.floatCount, in: &buffers[1]),
        ]
        let jobs = experts.layout.decodingJobs
        // One step more than there are experts: step n applies expert n - 1 and decodes expert n.
        for step in 0...used.count {
            let decoding = step < used.count ? jobs : []
            let applying = step > 0 ? takers[used[step - 1]] : []
            let chunks = stride(from: 0, to: applying.count, by: ExpertPass.chunkRows).map {
                applying[$0..<min(applying.count, $0 + ExpertPass.chunkRows)]
            }
            let (source, destination) = (weights[(step + 1) % 2], weights[step % 2])
            try pool.run(jobCount: chunks.count + decoding.count) { worker, job in
                guard job < chunks.count else {
                    try decoding[job - chunks.count].decode(
                        expert: used[step], into: destination, workspaces[worker])
                    return
                }
                try apply(
                    expert: used[step - 1], source, to: chunks[job],
                    place: job * ExpertPass.chunkRows, workspaces[worker])
            }
            if step < used.count { destination.clear(experts.layout.zeros) }
        }
    }

    /// The rows that chose each expert, in order.
    private func takersByExpert() -> [[Taker]] {
        var takers = [[Taker]](repeating: [], count: experts.description.count)
        for row in present.joined() {
            let (chosen, weights) = (rows.experts(row: row), rows.weights(row: row))
            for rank in 0..<rows.usedCount {
                takers[Int(chosen[rank])].append(Taker(row: row, weight: weights[rank]))
            }
        }
        return takers
    }

    private func apply(
        expert: Int, _ weights: FloatBuffer, to takers: ArraySlice<Taker>, place: Int,
        _ workspace: Workspace
    ) throws {
        let (input, output) = (workspace[.normed], workspace[.branch])
        let weighsInput = experts.description.weighsInput
        let length = experts.network.input.inputs
        for (index, taker) in takers.enumerated() {
            let row = input + index * length
            row.update(from: rows.input + taker.row * width, count: length)
            if weighsInput { ingot_scale(row, taker.weight, length) }
        }
        // Weighted inputs carry their weight already.
        let rowWeights = observer == nil ? [] : takers.map { weighsInput ? 1 : $0.weight }
        rowWeights.withUnsafeBufferPointer { rowWeights in
            experts.network.apply(
                to: input, rows: takers.count, into: output,
                LinearLayer(
                    weights: UnsafePointer(weights.base), workspace: workspace,
                    observer: observer, place: place, expert: expert,
                    rowWeights: observer == nil ? nil : rowWeights))
        }
        guard ingot_all_finite(output, takers.count * length) else {
            throw experts.layout.notFinite(
                "the output of expert \(expert)", in: weights,
                place: experts.network.output.parts[0].tensor)
        }
        let sums = rows.sum ?? residual.base
        for (index, taker) in takers.enumerated() {
            ingot_add_scaled(
                sums + taker.row * width, output + index * length, weighsInput ? 1 : taker.weight,
                length)
        }
    }
}
