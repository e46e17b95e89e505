import Architectures
import Calibration
import GGUF
import Inference
import Pipeline
import Quantization
import TensorCore

/// The memory that tasks of a model take, by the formulas that the commands themselves plan with.
struct TaskMemory {
    /// The model as it is run; `nil` where no task runs it.
    private let model: Model?
    private let largestExpert: Int

    /// The program, its libraries, the vocabulary.
    private static let fixedByteCount = 150_000_000
    /// Rows of tokens of a calibration.
    private static let rowLength = 512

    /// - Throws: `InferenceError` where the job runs the model and it cannot be run.
    init(_ source: PlannedSource, job: ClusterJob, largestExpert: Int) throws {
        let isRun = job.calibration != nil || job.importance != nil || job.report != nil
        model = isRun ? try Model(source: ShapesAlone(source.source)) : nil
        self.largestExpert = largestExpert
    }

    /// Bytes that writing a plan takes, rounded by a calibration of so many tokens where there is one.
    func writing(_ plan: Plan, calibrationTokens: Int?, cores: Int) throws -> Int {
        var options = WriteOptions()
        options.threadCount = cores
        if let calibrationTokens, let model {
            options.rounding = try rounding(plan, model, calibrationTokens, cores: cores)
        }
        return try PlanWriter.memoryByteCount(of: [plan], options: options)
    }

    private func rounding(
        _ plan: Plan, _ model: Model, _ tokenCount: Int, cores: Int
    ) throws -> CalibratedRounding {
        var formats: [Int: [Format]] = [:]
        for tensor in plan.tensors where !tensor.isCopy {
            guard tensor.choice.format.blockElementCount > 1 else { continue }
            formats[tensor.sourceIndex] = [tensor.choice.format]
        }
        // Only their lengths matter.
        let row = [Int32](repeating: 0, count: TaskMemory.rowLength)
        let count = max(1, tokenCount / TaskMemory.rowLength)
        return try CalibratedRounding(
            model, formats: formats,
            windows: CalibrationWindows(
                fitting: Array(repeating: row, count: count), validation: []),
            effort: .normal, pool: WorkerPool(threadCount: cores))
    }

    /// Bytes that running so many models side by side over windows of a text takes.
    func running(_ modelCount: Int, windowLength: Int, cores: Int) throws -> Int {
        guard let model else { return TaskMemory.fixedByteCount }
        let decoder = try Decoder(
            models: [model], products: .ordered, pool: WorkerPool(threadCount: cores))
        let batch = decoder.batchTokenCount
        let step =
            decoder.memoryByteCount(modelCount: modelCount, tokenCount: batch)
            + decoder.stepByteCount(windowLength: windowLength)
        guard largestExpert > 0 else { return TaskMemory.fixedByteCount + step }
        // Two experts, and the batch's rows twice more.
        let experts = 8 * largestExpert + 2 * 4 * batch * model.description.embeddingLength
        return TaskMemory.fixedByteCount + step + experts
    }
}

/// A model whose values do not matter, and may not be there: all are 1.
private struct ShapesAlone: TensorSource {
    let path: String
    let metadata: Metadata
    let tensors: [TensorDescription]
    var files: [InputFile] { [] }

    init(_ source: any TensorSource) {
        (path, metadata, tensors) = (source.path, source.metadata, source.tensors)
    }

    func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws {
        let count = rows.count * tensors[tensor].shape.rowLength
        unsafe destination.update(repeating: 1, count: count)
    }

    func holdsBytes(ofTensor tensor: Int) -> Bool { false }

    func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws { throw FileError(.notFound, path: path) }

    func readBytes(
        _ range: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws { throw FileError(.notFound, path: path) }
}
