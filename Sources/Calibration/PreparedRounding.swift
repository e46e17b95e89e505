import GGUF
import Pipeline
import Quantization
import TensorCore

/// What some columns of a group's matrices are rounded with.
struct PreparedRounding: Sendable {
    private struct Target: Hashable {
        var tensor: Int
        var format: Format
    }

    private let columnCount: Int
    private let importance: [Float]?
    private var factors: [Format: FeedbackFactor] = [:]
    private let effort: RoundingEffort
    private var plain: Set<Target> = []
    /// The shrinkages that were chosen, of each format.
    private(set) var shrinks: [Double] = []
    /// How often damping was raised.
    private(set) var retryCount = 0
    /// The tensors without feedback.
    private(set) var plainReasons: [(tensor: Int, reason: CalibrationOutcome.Reason)] = []

    init(
        _ moments: LayerInputs.Moments?, step: RoundingSchedule.Step, columns: Range<Int>,
        rowLength: Int,
        formats: [Int: [Format]], source: any TensorSource, effort: RoundingEffort,
        search: ShrinkChoice.Search, pool: WorkerPool
    ) throws {
        columnCount = columns.count
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
            plainReasons = step.group.tensors.map {
                ($0, .tooFewTokens(found: found, needed: needed))
            }
            return
        }
        let samples = try PreparedRounding.samples(
            step, rowLength, source, count: search.sampleRowCount
        ).map { $0.part(columns, rowLength: rowLength) }
        let wanted = step.group.tensors.map { (tensor: $0, formats: formats[$0] ?? []) }
        let all = Set(wanted.flatMap(\.formats).filter(\.supportsFeedback))
            .sorted { $0.typeID < $1.typeID }
        let choice = try ShrinkChoice(
            moments, samples: samples, formats: all, search: search, pool: pool)
        retryCount = choice.retryCount
        moments.fitting.merge(moments.validation)
        importance = moments.fitting.diagonal
        var made: [HessianFactor.Regularization: HessianFactor?] = [:]
        for format in all {
            guard let own = choice.choices[format] else { continue }
            var reason = own.hasFactor ? CalibrationOutcome.Reason.noGain(format) : .notPositive
            var plainTensors = Set(step.group.tensors)
            if let shrink = own.shrink {
                let how = HessianFactor.Regularization(shrink: shrink, damping: own.damping)
                let known = try made[how] ?? HessianFactor(moments.fitting, how, pool: pool)
                if made[how] == nil { retryCount += known?.retryCount ?? 0 }
                made[how] = known
                factors[format] = known?.factor
                if known != nil {
                    plainTensors = own.plain
                    shrinks.append(shrink)
                } else {
                    reason = .notPositive
                }
            }
            keepPlain(
                wanted.filter { plainTensors.contains($0.tensor) && $0.formats.contains(format) }
                    .map(\.tensor), format, reason)
        }
    }

    private mutating func keepPlain(
        _ tensors: [Int], _ format: Format, _ reason: CalibrationOutcome.Reason
    ) {
        for tensor in tensors {
            plain.insert(Target(tensor: tensor, format: format))
            plainReasons.append((tensor, reason))
        }
    }

    /// Some rows of each matrix, evenly spread.
    static func samples(
        _ step: RoundingSchedule.Step, _ columnCount: Int, _ source: any TensorSource, count: Int
    ) throws -> [ShrinkChoice.Sample] {
        let scratch = ScratchBuffer()
        return try step.group.tensors.map { tensor in
            let shape = source.tensors[tensor].shape
            let rowCount = shape.rank > 1 ? shape.dimensions[shape.rank - 2] : 1
            let all = step.group.matrix == nil ? shape.rowCount : rowCount
            let first = (step.group.matrix ?? 0) * rowCount
            let count = min(all, count)
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
            return ShrinkChoice.Sample(tensor: tensor, rows: rows)
        }
    }

    func encode(
        _ rows: UnsafePointer<Float>, rowCount: Int, tensor: Int, as format: Format,
        into destination: UnsafeMutableRawPointer
    ) {
        let isPlain = plain.contains(Target(tensor: tensor, format: format))
        PreparedRounding.encode(
            rows, rowCount: rowCount, columnCount: columnCount, as: format,
            isPlain ? nil : factors[format], importance, effort, into: destination)
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
