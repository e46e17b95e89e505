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
    private let pool: WorkerPool
    private let formats: [Int: [Format]]
    private let schedule: RoundingSchedule
    private let inputFactors: @Sendable (RoundingGroup) -> [Float]?
    private var inputs: LayerInputs?
    private var moments: [InputRecorder.Key: LayerInputs.Moments] = [:]
    private var loadedBlock: Int??
    private var current: PreparedRounding?
    /// What became of the tensors.
    public private(set) var outcome = CalibrationOutcome()

    /// Prepares to round what `plans`, all of one source, write in formats with blocks.
    public convenience init(
        _ plans: [Plan], windows: CalibrationWindows, effort: RoundingEffort = .normal,
        pool: WorkerPool = WorkerPool()
    ) throws {
        var formats: [Int: [Format]] = [:]
        for tensor in plans.flatMap(\.tensors)
        where !tensor.isCopy && tensor.choice.format.blockElementCount > 1 {
            if formats[tensor.sourceIndex]?.contains(tensor.choice.format) != true {
                formats[tensor.sourceIndex, default: []].append(tensor.choice.format)
            }
        }
        self.init(
            try Model(source: plans[0].source), formats: formats, windows: windows, effort: effort,
            pool: pool)
    }

    /// Prepares to round tensors, by their numbers, to formats with blocks.
    ///
    /// - Parameters:
    ///   - values: The same tensors as they will be given to `encode`, where these are not the model's.
    ///   - formats: The formats with blocks that each tensor is rounded in, by its number.
    ///   - inputFactors: What the columns of a group's input will be multiplied by, where the layer
    ///     before it is changed.
    package init(
        _ model: Model, values: (any TensorSource)? = nil, formats: [Int: [Format]],
        windows: CalibrationWindows, effort: RoundingEffort, search: ShrinkChoice.Search = .full,
        pool: WorkerPool,
        inputFactors: @escaping @Sendable (RoundingGroup) -> [Float]? = { _ in nil }
    ) {
        self.model = model
        self.values = values ?? model.source
        text = windows
        self.effort = effort
        self.search = search
        self.pool = pool
        self.formats = formats
        self.inputFactors = inputFactors
        schedule = RoundingSchedule(model, formats: formats)
        for name in schedule.unobserved { outcome.plain.append((name, .unobserved)) }
    }

    /// The tensors of a model whose inputs can be observed.
    public static func observedTensors(of model: Model) -> Set<String> {
        let blocks = model.description.blocks.indices
        return Set(blocks.flatMap { model.linearInputs(ofBlock: $0) }.joined())
            .union([model.description.output])
    }

    /// The tensors that are rounded, in the order of the blocks.
    public var groups: [RoundingGroup] { schedule.steps.map(\.group) }

    /// The residual rows of all tokens, and the largest of: a block's inputs of a batch, Hessians and
    /// factors.
    public var memoryByteCount: Int {
        CalibrationMemory(model, schedule: schedule, text: text).byteCount
    }

    /// The block that a group's tensors are of; `nil` for the output matrix.
    package func block(ofGroup number: Int) -> Int? {
        schedule.inputs[schedule.steps[number].input].block
    }

    /// Makes the Hessians of the group's block, if they are not there, and factors the group's.
    public func prepare(group number: Int) throws {
        current = nil
        let step = schedule.steps[number]
        let prepared = try PreparedRounding(
            try takeMoments(of: step), step: step,
            columnCount: schedule.inputs[step.input].group.columnCount, formats: formats,
            source: values, effort: effort, search: search, pool: pool)
        outcome.add(prepared, source: model.source)
        current = prepared
    }

    /// What feedback leaves of the errors that the formats' encoders make with importance, on text
    /// of other domains: for the tensors of a group, in each of their formats.
    package func errorShares(ofGroup number: Int) throws -> [Int: [Format: Double]] {
        let step = schedule.steps[number]
        guard let moments = try takeMoments(of: step), moments.fitting.weight > 0,
            moments.validation.weight > 0
        else { return [:] }
        let all = Set(step.group.tensors.flatMap { formats[$0] ?? [] }.filter(\.supportsFeedback))
            .sorted { $0.typeID < $1.typeID }
        let choice = try ShrinkChoice(
            moments,
            samples: PreparedRounding.samples(
                step, moments.fitting.columnCount, values, count: search.sampleRowCount),
            formats: all, search: search, pool: pool)
        var shares: [Int: [Format: Double]] = [:]
        for (format, own) in choice.choices {
            for (tensor, share) in own.shares { shares[tensor, default: [:]][format] = share }
        }
        return shares
    }

    /// The moments of a group's input, which are not kept.
    private func takeMoments(of step: RoundingSchedule.Step) throws -> LayerInputs.Moments? {
        let input = schedule.inputs[step.input]
        if loadedBlock != .some(input.block) {
            moments = [:]
            moments = try load(block: input.block)
            loadedBlock = .some(input.block)
        }
        let own = moments.removeValue(
            forKey: InputRecorder.Key(group: step.input, matrix: step.group.matrix))
        if let own, let factors = inputFactors(step.group) {
            own.fitting.scaleColumns(by: factors)
            own.validation.scaleColumns(by: factors)
        }
        return own
    }

    private func load(block: Int?) throws -> [InputRecorder.Key: LayerInputs.Moments] {
        let inputs = try inputs ?? LayerInputs(model, text: text, pool: pool)
        self.inputs = inputs
        let groups = schedule.inputs.enumerated().filter { $0.element.block == block }
            .map { (number: $0.offset, group: $0.element.group) }
        guard let block else {
            return try inputs.runOutput(
                group: groups[0], blockCount: model.description.blocks.count,
                weighsLogits: effort == .best)
        }
        return try inputs.run(block: block, groups: groups)
    }

    /// Encodes rows with the factor of the group, or without where that is better.
    public func encode(
        _ rows: UnsafePointer<Float>, rowCount: Int, tensor: Int, as format: Format,
        into destination: UnsafeMutableRawPointer
    ) {
        current?.encode(rows, rowCount: rowCount, tensor: tensor, as: format, into: destination)
    }
}
