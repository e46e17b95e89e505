import GGUF
package import Quantization
import Synchronization
package import TensorCore

/// Chooses how far a Hessian is shrunk to its diagonal: some rows are rounded with each shrinkage,
/// and what the errors cost on the validation windows decides.
///
/// Each format has a choice of its own, made on the rows of all matrices of the input: what a file
/// holds does not depend on the other files of a run. Rows are rounded with the least effort, which
/// takes a fifth of the time and ranks shrinkages as the others do.
package struct ShrinkChoice {
    /// What is tried.
    package struct Search: Sendable {
        /// The shrinkages, rising; 1, the diagonal alone, is the format's own encoder.
        ///
        /// Two in the middle are tried first, then on from the better one as long as costs fall:
        /// they have one valley.
        var candidates: [Double]
        /// The rows of a matrix that are rounded.
        package var sampleRowCount: Int

        /// For files.
        package static let full = Search(
            candidates: [0.03, 0.1, 0.25, 0.5, 0.75], sampleRowCount: 48)
        /// For what is not written.
        package static let quick = Search(candidates: [0.5], sampleRowCount: 16)
    }

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

        /// The same rows' values of some columns.
        func part(_ columns: Range<Int>, rowLength: Int) -> Sample {
            guard columns.count < rowLength else { return self }
            let starts = stride(from: 0, to: rows.count, by: rowLength)
            return Sample(
                tensor: tensor,
                rows: starts.flatMap {
                    rows[$0 + columns.lowerBound..<$0 + columns.upperBound]
                })
        }
    }

    /// How a format is rounded.
    package struct Choice: Sendable {
        /// The shrinkage with the least cost over all samples; `nil` where none is better than 1.
        package fileprivate(set) var shrink: Double?
        /// What the samples cost with it, as a share of the plain encoder's; 1 where that is kept.
        package fileprivate(set) var ratio = 1.0
        /// What the samples of each tensor cost with it, as a share of the plain encoder's.
        package fileprivate(set) var shares: [Int: Double] = [:]
        /// The tensors whose cost with it is no less than the plain encoder's.
        package var plain: Set<Int> { Set(shares.filter { !($0.value < 1) }.keys) }
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
        search: Search = .full, pool: WorkerPool
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
                samples, format, nil, importance, metric, pool)
        }
        func attempt(_ candidate: Double, _ formats: [Format]) throws {
            for damping in Set(formats.compactMap { choices[$0]?.damping }).sorted() {
                let made = try HessianFactor(
                    moments.fitting, .init(shrink: candidate, damping: damping), pool: pool)
                guard let made else { continue }
                retryCount += made.retryCount
                for format in formats where choices[format]?.damping == damping {
                    let costs = try ShrinkChoice.costs(
                        samples, format, made.factor, importance, metric, pool)
                    choices[format]?.take(
                        candidate, costs: costs, plainCosts: plainCosts[format] ?? [], samples)
                }
            }
        }
        let candidates = search.candidates
        let middle = candidates.count / 2
        let start = middle...min(middle + 1, candidates.count - 1)
        for candidate in candidates[start] { try attempt(candidate, formats) }
        for place in (0..<start.lowerBound).reversed() {
            try attempt(
                candidates[place],
                formats.filter { choices[$0]?.shrink == candidates[place + 1] })
        }
        for place in candidates.indices.dropFirst(start.upperBound + 1) {
            // Where nothing has been gained yet, less trust may.
            try attempt(
                candidates[place],
                formats.filter { [nil, candidates[place - 1]].contains(choices[$0]?.shrink) })
        }
    }

    /// What the samples' errors cost, rounded with a factor or without; some rows to a job.
    private static func costs(
        _ samples: [Sample], _ format: Format, _ factor: FeedbackFactor?, _ importance: [Float],
        _ metric: ErrorMetric, _ pool: WorkerPool
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
            let cost = cost(rows, format, factor, importance, metric)
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
        _ importance: [Float], _ metric: ErrorMetric
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
                importance, .fast, into: bytes)
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
        for (sample, own) in zip(samples, shares) { self.shares[sample.tensor] = own }
    }
}
