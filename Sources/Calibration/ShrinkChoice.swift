import GGUF
package import Quantization
import Synchronization
package import TensorCore

/// Chooses how far a Hessian is shrunk to its diagonal: some rows are rounded with each shrinkage,
/// and what the errors cost on the validation windows decides.
///
/// Each format has a choice of its own, made on the rows of all matrices of the input: what a file
/// holds does not depend on the other files of a run.
package struct ShrinkChoice {
    /// The shrinkages that are tried; 1, the diagonal alone, is the format's own encoder.
    static let candidates = [0.1, 0.25, 0.5, 0.75]
    /// The rows of a matrix that are rounded for it.
    static let sampleRowCount = 48
    /// The rows that one job rounds: as many as are rounded side by side.
    private static let jobRowCount = 16

    /// A matrix's rows that are rounded in every format.
    package struct Sample: Sendable {
        var tensor: Int
        var rows: [Float]

        package init(tensor: Int, rows: [Float]) {
            self.tensor = tensor
            self.rows = rows
        }
    }

    /// How a format is rounded.
    package struct Choice: Sendable {
        /// The shrinkage with the least cost over all samples; `nil` where none is better than 1.
        package fileprivate(set) var shrink: Double?
        /// What the samples cost with it, as a share of the plain encoder's; 1 where that is kept.
        package fileprivate(set) var ratio = 1.0
        /// The tensors whose cost with it is no less than the plain encoder's.
        package fileprivate(set) var plain: Set<Int> = []
        /// Whether the Hessian could be factored at all.
        fileprivate(set) var hasFactor = false
        /// The damping before it was raised.
        let damping: Double
    }

    /// The choice for each format.
    package private(set) var choices: [Format: Choice] = [:]
    /// The number of times that damping was raised.
    private(set) var retryCount = 0

    /// The damping for a format.
    static func damping(_ format: Format, rowCount: Int, columnCount: Int) -> Double {
        format.bitsPerWeight < 3 || rowCount < 2 * columnCount ? 0.025 : 0.01
    }

    /// What making a factor takes besides the Hessians, in bytes.
    static func workingByteCount(columnCount: Int) -> Int { columnCount * columnCount * 20 }

    package init(
        _ moments: LayerInputs.Moments, samples: [Sample], formats: [Format],
        effort: RoundingEffort, pool: WorkerPool
    ) throws {
        let importance = moments.fitting.diagonal
        let metric = ErrorMetric(moments.validation)
        let rowCount = moments.fitting.rowCount + moments.validation.rowCount
        var plainCosts: [Format: [Double]] = [:]
        for format in formats {
            choices[format] = Choice(
                damping: ShrinkChoice.damping(
                    format, rowCount: rowCount, columnCount: importance.count))
            plainCosts[format] = try ShrinkChoice.costs(
                samples, format, nil, importance, effort, metric, pool)
        }
        for candidate in ShrinkChoice.candidates {
            for damping in Set(choices.values.map(\.damping)).sorted() {
                let made = try HessianFactor(
                    moments.fitting, .init(shrink: candidate, damping: damping), pool: pool)
                guard let made else { continue }
                retryCount += made.retryCount
                for format in formats where choices[format]?.damping == damping {
                    let costs = try ShrinkChoice.costs(
                        samples, format, made.factor, importance, effort, metric, pool)
                    choices[format]?.take(
                        candidate, costs: costs, plainCosts: plainCosts[format] ?? [], samples)
                }
            }
        }
    }

    /// What the samples' errors cost, rounded with a factor or without; some rows to a job.
    private static func costs(
        _ samples: [Sample], _ format: Format, _ factor: FeedbackFactor?, _ importance: [Float],
        _ effort: RoundingEffort, _ metric: ErrorMetric, _ pool: WorkerPool
    ) throws -> [Double] {
        let jobs = samples.indices.flatMap { sample in
            let count = samples[sample].rows.count / importance.count
            return stride(from: 0, to: count, by: jobRowCount).map {
                (sample: sample, rows: $0..<min($0 + jobRowCount, count))
            }
        }
        let parts = Mutex([Double](repeating: 0, count: jobs.count))
        try pool.run(jobCount: jobs.count) { _, job in
            let rows = samples[jobs[job].sample].rows[
                jobs[job].rows.lowerBound * importance.count..<jobs[job].rows.upperBound
                    * importance.count]
            let cost = cost(rows, format, factor, importance, effort, metric)
            parts.withLock { $0[job] = cost }
        }
        // In the order of rows, whichever was done first.
        return parts.withLock { parts in
            zip(jobs, parts).reduce(into: [Double](repeating: 0, count: samples.count)) {
                $0[$1.0.sample] += $1.1
            }
        }
    }

    private static func cost(
        _ sample: ArraySlice<Float>, _ format: Format, _ factor: FeedbackFactor?,
        _ importance: [Float], _ effort: RoundingEffort, _ metric: ErrorMetric
    ) -> Double {
        let count = importance.count
        let rowCount = sample.count / count
        guard
            let byteCount = format.byteCount(rowLength: count, rowCount: rowCount),
            let decode = format.decode
        else { return 0 }
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(64, byteCount), alignment: 64)
        defer { bytes.deallocate() }
        var errors = [Float](repeating: 0, count: sample.count)
        sample.withUnsafeBufferPointer { rows in
            guard let base = rows.baseAddress else { return }
            PreparedRounding.encode(
                base, rowCount: rowCount, columnCount: count, as: format, factor,
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

extension ShrinkChoice.Choice {
    /// Takes a shrinkage if the samples cost less with it than with any before.
    fileprivate mutating func take(
        _ candidate: Double, costs: [Double], plainCosts: [Double], _ samples: [ShrinkChoice.Sample]
    ) {
        hasFactor = true
        // Each sample counts alike, whatever its error.
        let shares = zip(costs, plainCosts).map { $1 > 0 ? $0 / $1 : 1 }
        let share = shares.reduce(0, +) / Double(max(1, samples.count))
        guard share < ratio else { return }
        ratio = share
        shrink = candidate
        plain = Set(
            samples.indices.filter { !(costs[$0] < plainCosts[$0]) }.map { samples[$0].tensor })
    }
}
