import GGUF
package import Quantization
import Synchronization
package import TensorCore

/// Chooses how far a Hessian is shrunk to its diagonal: some rows are rounded with each shrinkage,
/// and what the errors cost on the validation windows decides.
package struct ShrinkChoice {
    /// The shrinkages that are tried; 1, the diagonal alone, is the format's own encoder.
    static let candidates = [0.1, 0.25, 0.5, 0.75]
    /// The rows of a matrix that are rounded for it.
    static let sampleRowCount = 48

    /// A matrix's sample in a format.
    package struct Sample: Sendable {
        var tensor: Int
        var format: Format
        var rows: [Float]

        package init(tensor: Int, format: Format, rows: [Float]) {
            self.tensor = tensor
            self.format = format
            self.rows = rows
        }
    }

    /// The shrinkage with the least cost over all samples; `nil` where none is better than 1.
    package private(set) var shrink: Double?
    /// What the samples cost with it, as a share of the plain encoder's; 1 where that is kept.
    package private(set) var ratio = 1.0
    /// The samples whose cost with it is no less than the plain encoder's.
    package private(set) var plain: Set<Int> = []
    /// Whether the Hessian could be factored at all.
    private(set) var hasFactor = false
    /// The number of times that damping was raised.
    private(set) var retryCount = 0

    /// The damping for formats of so many bits.
    static func damping(_ formats: some Sequence<Format>, rowCount: Int, columnCount: Int) -> Double
    {
        let bits = formats.map(\.bitsPerWeight).min() ?? 8
        return bits < 3 || rowCount < 2 * columnCount ? 0.025 : 0.01
    }

    /// What making a factor takes besides the Hessians, in bytes.
    static func workingByteCount(columnCount: Int) -> Int { columnCount * columnCount * 20 }

    package init(
        _ moments: LayerInputs.Moments, samples: [Sample], damping: Double,
        effort: RoundingEffort, pool: WorkerPool
    ) throws {
        let importance = moments.fitting.diagonal
        let metric = ErrorMetric(moments.validation)
        let plainCosts = try ShrinkChoice.costs(
            samples, nil, importance, effort, metric, pool)
        for candidate in ShrinkChoice.candidates {
            let made = try HessianFactor(
                moments.fitting, .init(shrink: candidate, damping: damping), pool: pool)
            guard let made else { continue }
            hasFactor = true
            retryCount += made.retryCount
            let costs = try ShrinkChoice.costs(
                samples, made.factor, importance, effort, metric, pool)
            // Each sample counts alike, whatever its format's error.
            let share =
                zip(costs, plainCosts).reduce(0) {
                    $0 + ($1.1 > 0 ? $1.0 / $1.1 : 1)
                } / Double(max(1, samples.count))
            guard share < ratio else { continue }
            ratio = share
            shrink = candidate
            plain = Set(
                samples.indices.filter { !(costs[$0] < plainCosts[$0]) })
        }
    }

    /// What the samples' errors cost, rounded with a factor or without; a sample to a job.
    private static func costs(
        _ samples: [Sample], _ factor: FeedbackFactor?, _ importance: [Float],
        _ effort: RoundingEffort, _ metric: ErrorMetric, _ pool: WorkerPool
    ) throws -> [Double] {
        let costs = Mutex([Double](repeating: 0, count: samples.count))
        try pool.run(jobCount: samples.count) { _, job in
            let cost = cost(samples[job], factor, importance, effort, metric)
            costs.withLock { $0[job] = cost }
        }
        return costs.withLock { $0 }
    }

    private static func cost(
        _ sample: Sample, _ factor: FeedbackFactor?, _ importance: [Float],
        _ effort: RoundingEffort, _ metric: ErrorMetric
    ) -> Double {
        let count = importance.count
        let rowCount = sample.rows.count / count
        guard
            let byteCount = sample.format.byteCount(rowLength: count, rowCount: rowCount),
            let decode = sample.format.decode
        else { return 0 }
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(64, byteCount), alignment: 64)
        defer { bytes.deallocate() }
        var errors = [Float](repeating: 0, count: sample.rows.count)
        sample.rows.withUnsafeBufferPointer { rows in
            guard let base = rows.baseAddress else { return }
            PreparedRounding.encode(
                base, rowCount: rowCount, columnCount: count, as: sample.format, factor,
                importance, effort, into: bytes)
            errors.withUnsafeMutableBufferPointer { errors in
                guard let decoded = errors.baseAddress else { return }
                decode(bytes, errors.count, decoded)
                for index in errors.indices { decoded[index] -= base[index] }
            }
        }
        return metric.cost(of: errors)
    }
}
