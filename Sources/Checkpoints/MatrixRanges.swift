import Synchronization
import TensorCore

extension WeightGrid {
    /// Whether the largest magnitude of a matrix is needed before any value is rounded.
    var needsLargest: Bool { scope == .tensor || hasGlobalScale }
}

/// The largest magnitudes of matrices, of those together that engines put together.
struct MatrixRanges {
    private let plan: CheckpointPlan
    private let partners: [String: [Int]]
    private var known: [String: Float] = [:]

    init(_ plan: CheckpointPlan) {
        self.plan = plan
        partners = Dictionary(
            grouping: plan.matrices.indices, by: { plan.matrices[$0].linear.fusion })
    }

    /// The largest magnitude of a matrix and its partners; all of them are read once.
    mutating func largest(
        of linear: LinearMatrix, rounding: (any MatrixRounding)?, pool: WorkerPool
    ) throws -> Float {
        let key = linear.fusion
        if let known = known[key] { return known }
        var largest: Float = 0
        for number in partners[key] ?? [] {
            let partner = plan.matrices[number].linear
            largest = max(
                largest, try MatrixRanges.largest(of: partner, plan.model, rounding, pool))
        }
        known[key] = largest
        return largest
    }

    private static func largest(
        of linear: LinearMatrix, _ model: CheckpointModel, _ rounding: (any MatrixRounding)?,
        _ pool: WorkerPool
    ) throws -> Float {
        let step = max(1, (1 << 17) / linear.columns)
        let starts = Array(stride(from: 0, to: linear.rows, by: step))
        let found = Mutex<Float>(0)
        try pool.run(jobCount: starts.count) { _, job in
            let rows = starts[job]..<min(starts[job] + step, linear.rows)
            let count = rows.count * linear.columns
            let values = UnsafeMutablePointer<Float>.allocate(capacity: count)
            defer { values.deallocate() }
            try linear.read(rows, of: model, into: values, scratch: ScratchBuffer())
            rounding?.scale(values, rows: rows, of: linear)
            var own: Float = 0
            for index in 0..<count { own = max(own, abs(values[index])) }
            let largest = own
            found.withLock { $0 = max($0, largest) }
        }
        return found.withLock { $0 }
    }
}
