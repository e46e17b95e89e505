import Evaluation
import GGUF
import Quantization
import Synchronization
import TensorCore

/// What rounding to each format does to each tensor: `Σ ΔW D ΔWᵀ`, with the mean squares of the
/// layer's inputs for D, and of that what a calibration leaves.
struct RoundingErrors: Sendable {
    /// By tensor and by the numbers of its formats.
    let values: [[Double]]
    /// The same as the formats' encoders round, which sensitivities are measured with.
    let plain: [[Double]]

    /// Values of a tensor that are rounded at most: of larger ones every second, third, … group of
    /// rows counts.
    private static let sampleCount = 1 << 18
    /// Rows of a group.
    private static let rowCount = 8

    /// Rounds samples of all tensors to all their formats.
    ///
    /// - Parameters:
    ///   - inputs: Mean squares of what tensors take in, by name, for those that no importance
    ///     matrix weighs.
    ///   - shares: What a calibration leaves of the encoders' errors; `nil` without one.
    ///   - progress: Called with the share that is done, from several threads; may throw to stop.
    init(
        _ model: Allocatable, inputs: [String: [Float]], shares: [[Double]]? = nil,
        pool: WorkerPool, progress: @Sendable (Double) throws -> Void
    ) throws {
        let jobs = model.tensors.indices.flatMap { tensor in
            model.tensors[tensor].formats.indices.map { (tensor: tensor, format: $0) }
        }
        let results = Mutex(model.tensors.map { [Double](repeating: 0, count: $0.formats.count) })
        let done = Atomic<Int>(0)
        try pool.run(jobCount: jobs.count) { _, number in
            let job = jobs[number]
            let error = try RoundingErrors.error(
                of: model.tensors[job.tensor], in: model, format: job.format, inputs: inputs)
            // The last digits may be those of another order of additions.
            results.withLock { $0[job.tensor][job.format] = rounded(error) }
            let count = done.add(1, ordering: .relaxed).newValue
            try progress(Double(count) / Double(jobs.count))
        }
        plain = results.withLock { $0 }
        values =
            shares.map { shares in
                zip(results.withLock { $0 }, shares).map { zip($0, $1).map { rounded($0 * $1) } }
            } ?? plain
    }

    private static func error(
        of tensor: Allocatable.Tensor, in model: Allocatable, format: Int, inputs: [String: [Float]]
    ) throws -> Double {
        let shape = tensor.description.shape
        let length = shape.rowLength
        let source = RequantizedSource(
            model.source,
            replacing: [
                tensor.index: model.replacement(
                    of: tensor, as: tensor.formats[format], inputs: inputs)
            ])
        let weights = [tensor.importance, inputs[tensor.description.name]].compactMap { $0 }
            .first { !$0.isEmpty && $0.count % length == 0 }
        let rowsOfExpert = max(1, shape.rowCount / ((weights?.count ?? length) / length))
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(
            capacity: 2 * max(1, rowCount * length))
        defer { buffer.deallocate() }
        guard let before = buffer.baseAddress, shape.elementCount > 0 else { return 0 }
        let after = before + rowCount * length
        let scratch = ScratchBuffer()
        let step = (shape.elementCount + sampleCount - 1) / sampleCount
        var (sum, count) = (0.0, 0)
        for first in stride(from: 0, to: shape.rowCount, by: rowCount * step) {
            let rows = first..<min(shape.rowCount, first + rowCount)
            try model.source.readRows(rows, ofTensor: tensor.index, into: before, scratch: scratch)
            try source.readRows(rows, ofTensor: tensor.index, into: after, scratch: scratch)
            for place in 0..<rows.count * length { after[place] -= before[place] }
            count += rows.count
            for row in rows {
                let differences = after + (row - first) * length
                let start = row / rowsOfExpert * length
                for column in 0..<length {
                    let square = Double(differences[column]) * Double(differences[column])
                    sum += square * (weights.map { Double($0[start + column]) } ?? 1)
                }
            }
        }
        return sum * Double(shape.rowCount) / Double(count)
    }
}

/// A measured number to five digits, so that decisions do not hang on the last ones.
func rounded(_ value: Double) -> Double {
    guard value.isFinite, value != 0 else { return value.isFinite ? 0 : .greatestFiniteMagnitude }
    let exponent = value.exponent
    let unit = Double(sign: .plus, exponent: exponent - 16, significand: 1)
    return (value / unit).rounded() * unit
}

extension Allocatable {
    /// What a tensor is in a format, as the format's encoder rounds it.
    ///
    /// Where a calibration will weigh columns, the inputs' mean squares do.
    func replacement(
        of tensor: Tensor, as format: Format, inputs: [String: [Float]]
    ) -> RequantizedSource.Replacement {
        .init(
            format: format,
            importance: tensor.importance
                ?? (tensor.isCalibrated ? inputs[tensor.description.name] : nil))
    }
}
