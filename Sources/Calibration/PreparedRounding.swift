import GGUF
import Pipeline
import Quantization
import TensorCore

/// What a group's matrices are rounded with.
struct PreparedRounding: Sendable {
    private struct Target: Hashable {
        var tensor: Int
        var format: Format
    }

    private let columnCount: Int
    private let importance: [Float]?
    private let factor: FeedbackFactor?
    private let effort: RoundingEffort
    private var plain: Set<Target> = []
    /// The shrinkage that was chosen.
    private(set) var shrink: Double?
    /// How often damping was raised.
    private(set) var retryCount = 0
    /// The tensors without feedback.
    private(set) var plainReasons: [(tensor: Int, reason: CalibrationOutcome.Reason)] = []

    init(
        _ moments: LayerInputs.Moments?, step: RoundingSchedule.Step, columnCount: Int,
        formats: [Int: [Format]], source: any TensorSource, effort: RoundingEffort,
        pool: WorkerPool
    ) throws {
        self.columnCount = columnCount
        self.effort = effort
        let found = (moments?.fitting.rowCount ?? 0) + (moments?.validation.rowCount ?? 0)
        let needed = columnCount / 4
        guard let moments, moments.fitting.weight > 0, moments.validation.weight > 0,
            found >= needed
        else {
            // An expert without tokens has the diagonal of the others.
            importance = moments.flatMap {
                $0.fitting.weight > 0 ? $0.fitting.diagonal : nil
            }
            factor = nil
            plainReasons = step.group.tensors.map {
                ($0, .tooFewTokens(found: found, needed: needed))
            }
            return
        }
        let samples = try PreparedRounding.samples(step, columnCount, formats, source)
        let damping = ShrinkChoice.damping(
            samples.map(\.format), rowCount: found, columnCount: columnCount)
        let choice = try ShrinkChoice(
            moments, samples: samples, damping: damping, effort: effort, pool: pool)
        retryCount = choice.retryCount
        moments.fitting.merge(moments.validation)
        importance = moments.fitting.diagonal
        guard let shrink = choice.shrink else {
            factor = nil
            plainReasons = samples.map {
                ($0.tensor, choice.hasFactor ? .noGain($0.format) : .notPositive)
            }
            return
        }
        let made = try HessianFactor(
            moments.fitting, .init(shrink: shrink, damping: damping), pool: pool)
        guard let made else {
            factor = nil
            plainReasons = samples.map { ($0.tensor, .notPositive) }
            return
        }
        self.shrink = shrink
        retryCount += made.retryCount
        factor = made.factor
        for index in choice.plain.sorted() {
            plain.insert(Target(tensor: samples[index].tensor, format: samples[index].format))
            plainReasons.append((samples[index].tensor, .noGain(samples[index].format)))
        }
    }

    /// Some rows of each matrix, evenly spread, for each of its formats.
    private static func samples(
        _ step: RoundingSchedule.Step, _ columnCount: Int, _ formats: [Int: [Format]],
        _ source: any TensorSource
    ) throws -> [ShrinkChoice.Sample] {
        let scratch = ScratchBuffer()
        var samples: [ShrinkChoice.Sample] = []
        for tensor in step.group.tensors {
            let shape = source.tensors[tensor].shape
            let rowCount = shape.rank > 1 ? shape.dimensions[shape.rank - 2] : 1
            let all = step.group.matrix == nil ? shape.rowCount : rowCount
            let first = (step.group.matrix ?? 0) * rowCount
            let count = min(all, ShrinkChoice.sampleRowCount)
            var rows = [Float](repeating: 0, count: count * columnCount)
            try rows.withUnsafeMutableBufferPointer { rows in
                guard let base = rows.baseAddress else { return }
                for index in 0..<count {
                    let row = first + index * all / count
                    try source.readRows(
                        row..<row + 1, ofTensor: tensor, into: base + index * columnCount,
                        scratch: scratch)
                }
            }
            samples += (formats[tensor] ?? []).filter(\.supportsFeedback).map {
                ShrinkChoice.Sample(tensor: tensor, format: $0, rows: rows)
            }
        }
        return samples
    }

    func encode(
        _ rows: UnsafePointer<Float>, rowCount: Int, tensor: Int, as format: Format,
        into destination: UnsafeMutableRawPointer
    ) {
        let isPlain = plain.contains(Target(tensor: tensor, format: format))
        PreparedRounding.encode(
            rows, rowCount: rowCount, columnCount: columnCount, as: format,
            isPlain ? nil : factor, importance, effort, into: destination)
    }

    static func encode(
        _ rows: UnsafePointer<Float>, rowCount: Int, columnCount: Int, as format: Format,
        _ factor: FeedbackFactor?, _ importance: [Float]?, _ effort: RoundingEffort,
        into destination: UnsafeMutableRawPointer
    ) {
        func run(_ importance: UnsafePointer<Float>?) {
            if let factor {
                format.encode(
                    rows: rows, rowCount: rowCount, factor: factor, importance: importance,
                    effort: effort, into: destination)
            } else {
                format.encode?(rows, rowCount, columnCount, importance, destination)
            }
        }
        guard let importance else { return run(nil) }
        importance.withUnsafeBufferPointer { run($0.baseAddress) }
    }
}
