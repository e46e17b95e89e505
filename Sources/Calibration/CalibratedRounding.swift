import Architectures
package import GGUF
public import Inference
public import Pipeline
public import Quantization
import Synchronization
public import TensorCore

/// Rounds a model's linear layers with error feedback by what they take in on a calibration text.
///
/// Inputs come from the model as it is in the source, so that layers do not depend on each other; the
/// text runs once, whatever the number of files, block by block. A tensor for which nothing that is
/// learned from the text holds on its validation windows gets its format's own encoder with the mean
/// squares of its inputs as importance.
///
/// `@unchecked Sendable`: what changes is changed by `prepare` alone, while nothing is encoded.
public final class CalibratedRounding: TensorRounding, @unchecked Sendable {
    private let model: Model
    private let values: any TensorSource
    private let text: CalibrationWindows
    private let effort: RoundingEffort
    private let search: ShrinkChoice.Search
    private let segmentWidth: Int
    private let pool: WorkerPool
    private let formats: [Int: [Format]]
    private let grids: GridTensors
    /// Tensors that are on the grids of all their formats: nothing has to be known of their inputs.
    private let exact: [Int]
    private let schedule: RoundingSchedule
    private let inputFactors: @Sendable (RoundingGroup) -> [Float]?
    private let stored: StoredInputs?
    private var inputs: LayerInputs?
    private var moments: [InputRecorder.Key: LayerInputs.Moments] = [:]
    private var loadedBlock: Int??
    private var current: SegmentedRounding?
    /// What became of the tensors.
    public var outcome: CalibrationOutcome {
        var told = told
        told.strayRowCount = grids.strayRowCount
        return told
    }
    private var told = CalibrationOutcome()

    /// Prepares to round what `plans`, all of one source, write in formats with blocks.
    ///
    /// - Parameters:
    ///   - segmentWidth: The most columns of an input that are rounded with regard to each
    ///     other; at least 256. What a file holds depends on it where layers are wider.
    ///   - stored: What layers take in on the windows, where it is stored.
    public convenience init(
        _ plans: [Plan], windows: CalibrationWindows, effort: RoundingEffort = .normal,
        segmentWidth: Int = ColumnSegments.usualWidth, stored: StoredInputs? = nil,
        pool: WorkerPool = WorkerPool()
    ) throws {
        var formats: [Int: [Format]] = [:]
        for tensor in plans.flatMap(\.tensors)
        where !tensor.isCopy && tensor.choice.format.blockElementCount > 1 {
            if formats[tensor.sourceIndex]?.contains(tensor.choice.format) != true {
                formats[tensor.sourceIndex, default: []].append(tensor.choice.format)
            }
        }
        try self.init(
            try Model(source: plans[0].source), formats: formats, windows: windows, effort: effort,
            segmentWidth: segmentWidth, stored: stored, keepsGrids: true, pool: pool)
    }

    /// Prepares to round tensors, by their numbers, to formats with blocks.
    ///
    /// - Parameters:
    ///   - values: The same tensors as they will be given to `encode`, where these are not the model's.
    ///   - formats: The formats with blocks that each tensor is rounded in, by its number.
    ///   - keepsGrids: Whether tensors that are on a format's grid keep their values.
    ///   - inputFactors: What the columns of a group's input will be multiplied by, where the layer
    ///     before it is changed.
    package init(
        _ model: Model, values: (any TensorSource)? = nil, formats: [Int: [Format]],
        windows: CalibrationWindows, effort: RoundingEffort, search: ShrinkChoice.Search = .full,
        segmentWidth: Int = ColumnSegments.usualWidth, stored: StoredInputs? = nil,
        keepsGrids: Bool = false, pool: WorkerPool,
        inputFactors: @escaping @Sendable (RoundingGroup) -> [Float]? = { _ in nil }
    ) throws {
        self.model = model
        self.values = values ?? model.source
        text = windows
        self.effort = effort
        self.search = search
        self.segmentWidth = segmentWidth
        self.stored = stored
        self.pool = pool
        self.inputFactors = inputFactors
        grids = try GridTensors(model.source, formats: keepsGrids ? formats : [:])
        var formats = formats
        for (tensor, format) in grids.all {
            told.exact.append((model.source.tensors[tensor].name, format))
            formats[tensor]?.removeAll { $0 == format }
        }
        exact = formats.filter(\.value.isEmpty).keys.sorted()
        formats = formats.filter { !$0.value.isEmpty }
        self.formats = formats
        schedule = RoundingSchedule(model, formats: formats, segmentWidth: segmentWidth)
        for name in schedule.unobserved { told.plain.append((name, .unobserved)) }
    }

    /// The tensors of a model whose inputs can be observed.
    public static func observedTensors(of model: Model) -> Set<String> {
        let blocks = model.description.blocks.indices
        return Set(blocks.flatMap { model.linearInputs(ofBlock: $0) }.joined())
            .union([model.description.output])
    }

    /// The tensors that are rounded: those that keep their values, then the others in the order of
    /// the blocks.
    public var groups: [RoundingGroup] {
        exact.map { RoundingGroup(tensors: [$0]) } + schedule.steps.map(\.group)
    }

    /// Whether a tensor's values are a format's already, and are kept.
    public func keepsValues(ofTensor tensor: Int, as format: Format) -> Bool {
        grids.contains(tensor, format)
    }

    /// The residual rows of all tokens, a block, the buffers of its step, and the largest of its
    /// moments with a batch's inputs or with factors.
    public var memoryByteCount: Int {
        CalibrationMemory(
            model, schedule: schedule, formats: formats, text: text, pool: pool
        ).byteCount
    }

    /// The stretches of columns.
    public var identity: String { "columns in stretches of \(segmentWidth)" }

    /// The stretches of columns that a tensor is rounded in, by its number in the source; tensors
    /// that are rounded as a whole are not there.
    public var segmentCounts: [Int: Int] {
        var counts: [Int: Int] = [:]
        for step in schedule.steps {
            let count = schedule.inputs[step.input].group.segments.count
            for tensor in step.group.tensors where count > 1 { counts[tensor] = count }
        }
        return counts
    }

    /// The block that a group's tensors are of; `nil` for the output matrix.
    package func block(ofGroup number: Int) -> Int? {
        guard number >= exact.count else { return nil }
        return schedule.inputs[schedule.steps[number - exact.count].input].block
    }

    /// Makes the Hessians of the group's block, if they are not there, and factors the group's.
    public func prepare(group number: Int) throws {
        current = nil
        guard number >= exact.count else { return }
        let step = schedule.steps[number - exact.count]
        let group = schedule.inputs[step.input].group
        let rowLength = group.columnCount
        let prepared = SegmentedRounding(
            rowLength: rowLength,
            try group.segments.enumerated().map { segment, columns in
                let rounding = try PreparedRounding(
                    try takeMoments(of: step, segment: segment, columns), step: step,
                    columns: columns, rowLength: rowLength, formats: formats, source: values,
                    effort: effort, search: search, pool: pool)
                return (columns, rounding)
            })
        told.add(prepared, source: model.source)
        current = prepared
    }

    /// What feedback leaves of the errors that the formats' encoders make with importance, on text
    /// of other domains.
    ///
    /// - Returns: The shares of a group's tensors, in each of their formats; of a wide input the mean
    ///   of its stretches.
    package func errorShares(ofGroup number: Int) throws -> [Int: [Format: Double]] {
        guard number >= exact.count else { return [:] }
        let step = schedule.steps[number - exact.count]
        let group = schedule.inputs[step.input].group
        let all = Set(step.group.tensors.flatMap { formats[$0] ?? [] }.filter(\.supportsFeedback))
            .sorted { $0.typeID < $1.typeID }
        var shares: [Int: [Format: Double]] = [:]
        for (segment, columns) in group.segments.enumerated() {
            guard let moments = try takeMoments(of: step, segment: segment, columns),
                moments.fitting.weight > 0, moments.validation.weight > 0
            else { return [:] }
            let samples = try PreparedRounding.samples(
                step, group.columnCount, values, count: search.sampleRowCount)
            let choice = try ShrinkChoice(
                moments, samples: samples.map { $0.part(columns, rowLength: group.columnCount) },
                formats: all, search: search, pool: pool)
            for (format, own) in choice.choices {
                for (tensor, share) in own.shares {
                    shares[tensor, default: [:]][format, default: 0] +=
                        share / Double(group.segments.count)
                }
            }
        }
        return shares
    }

    /// The moments of a stretch of a group's input, which are not kept.
    private func takeMoments(
        of step: RoundingSchedule.Step, segment: Int, _ columns: Range<Int>
    ) throws -> LayerInputs.Moments? {
        let input = schedule.inputs[step.input]
        if loadedBlock != .some(input.block) {
            moments = [:]
            moments = try load(block: input.block)
            loadedBlock = .some(input.block)
        }
        let own = moments.removeValue(
            forKey: InputRecorder.Key(
                group: step.input, matrix: step.group.matrix, segment: segment))
        if let own, let factors = inputFactors(step.group) {
            own.fitting.scaleColumns(by: Array(factors[columns]))
            own.validation.scaleColumns(by: Array(factors[columns]))
        }
        return own
    }

    private func load(block: Int?) throws -> [InputRecorder.Key: LayerInputs.Moments] {
        let inputs = try inputs ?? LayerInputs(model, text: text, stored: stored, pool: pool)
        self.inputs = inputs
        let groups = schedule.inputs.enumerated().filter { $0.element.block == block }
            .map { (number: $0.offset, group: $0.element.group) }
        guard let block else {
            return try inputs.runOutput(
                group: groups[0], blockCount: model.description.blocks.count)
        }
        return try inputs.run(block: block, groups: groups)
    }

    /// Encodes rows with the factor of the group, or without where that is better.
    public func encode(
        _ rows: UnsafePointer<Float>, rowCount: Int, tensor: Int, as format: Format,
        into destination: UnsafeMutableRawPointer
    ) {
        guard grids.contains(tensor, format) else {
            current?.encode(
                rows, rowCount: rowCount, tensor: tensor, as: format, into: destination)
            return
        }
        let length = model.source.tensors[tensor].shape.rowLength
        grids.encode(rows, rowCount: rowCount, tensor: tensor, as: format, into: destination) {
            format.encode?($0, 1, length, nil, $1)
        }
    }
}
