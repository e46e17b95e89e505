import GGUF
import Pipeline
import Planning
import Quantization
import TensorCore

/// What the stages of a model take.
struct StageCosts {
    /// What a stage takes.
    struct Cost {
        /// Seconds of processors, all tasks together.
        var processorSeconds = 0.0
        /// Bytes that are read and written, all tasks together.
        var read = 0.0
        var written = 0.0
        /// Bytes of memory of a task.
        var memory = 0
        /// Tasks.
        var tasks = 1
        /// Seconds of one task: it computes while it reads and writes.
        var seconds = 0.0
    }

    private let source: PlannedSource
    private let job: ClusterJob
    private let weights: WeightCounts
    private let memory: TaskMemory
    /// The plan of the file that a directory is converted to.
    private let conversion: Plan?
    /// The bytes of the model's own files, of the file levels are made of, and of each level.
    let sourceBytes: Double
    let baseBytes: Double
    let levelBytes: [Double]

    /// - Throws: `InferenceError` where the job runs the model and it cannot be run.
    init(_ source: PlannedSource, job: ClusterJob) throws {
        (self.source, self.job) = (source, job)
        weights = WeightCounts(source.source)
        memory = try TaskMemory(source, job: job, largestExpert: weights.largestExpert)
        conversion =
            source.isConverted
            ? try Plan.asDescribed(source.source, outputPath: source.base(in: job)) : nil
        baseBytes = source.source.tensors.reduce(0) {
            $0 + Double($1.shape.elementCount) * $1.format.bitsPerWeight / 8
        }
        let files = source.source.files.reduce(0.0) { $0 + Double($1.byteCount) }
        sourceBytes = files > 0 ? files : baseBytes
        levelBytes = source.levels.map { level in
            level.plan.tensors.reduce(0) { $0 + Double($1.byteCount) }
        }
    }

    /// What a stage takes that is divided into so many parts.
    func cost(of kind: StageKind, parts: Int, cores: Int) throws -> Cost {
        var cost: Cost
        switch kind {
        case .convert: cost = try convert(cores: cores)
        case .imatrix: cost = try imatrix(parts: parts, cores: cores)
        case .calibrate: cost = try calibrate(cores: cores)
        case .quantize: cost = try quantize(cores: cores)
        case .report: cost = try report(parts: parts, cores: cores)
        case .join: return join(of: .quantize, parts: parts, cores: cores)
        }
        cost.tasks = parts * (kind == .quantize ? source.levels.count : 1)
        return StageCosts.timed(cost, cores: cores)
    }

    /// What joining the parts of a stage takes: bytes are read, checked, and written.
    func join(of kind: StageKind, parts: Int, cores: Int) -> Cost {
        var cost = Cost()
        switch kind {
        case .convert: cost.written = baseBytes
        case .quantize:
            cost.written = levelBytes.reduce(0, +)
            cost.tasks = max(1, source.levels.count)
        default: cost.written = 1e7
        }
        cost.read = cost.written
        cost.processorSeconds = cost.written * 1.5e-9
        cost.memory = 200_000_000
        return StageCosts.timed(cost, cores: min(cores, 1))
    }

    private static func timed(_ cost: Cost, cores: Int) -> Cost {
        var cost = cost
        let tasks = Double(cost.tasks)
        cost.seconds =
            CostModel.startSeconds
            + max(
                cost.processorSeconds / tasks / Double(cores),
                (cost.read + cost.written) / tasks / CostModel.nodeBandwidth)
        return cost
    }

    private func convert(cores: Int) throws -> Cost {
        var cost = Cost(read: sourceBytes, written: baseBytes)
        guard let conversion else { return cost }
        cost.processorSeconds = StageCosts.encoding(conversion, isWeighted: false)
        cost.memory = try memory.writing(conversion, calibrationTokens: nil, cores: cores)
        return cost
    }

    /// Seconds of one processor that reading, encoding and writing a file takes.
    private static func encoding(_ plan: Plan, isWeighted: Bool) -> Double {
        plan.tensors.reduce(0) { sum, tensor in
            sum + 1e-9
                * EncodingCost.nanoseconds(
                    of: tensor.source.shape.elementCount, from: tensor.source.format,
                    to: tensor.choice.format, isWeighted: isWeighted)
        }
    }

    private func imatrix(parts: Int, cores: Int) throws -> Cost {
        let tokens = self.tokens(of: job.importance, usual: 65_536)
        let passes = StageCosts.passes(tokens, parts: parts, cores: cores)
        return Cost(
            processorSeconds: evaluation(tokens: tokens, passes: passes), read: baseBytes * passes,
            written: Double(parts) * weights.inputs * 4,
            memory: try memory.running(
                1, windowLength: job.importance?.context ?? 512, cores: cores))
    }

    private func calibrate(cores: Int) throws -> Cost {
        let tokens = Double(calibrationTokens ?? 0)
        // The rows of all tokens stay in memory.
        let rows = (calibrationTokens ?? 0) * weights.width * 4
        return Cost(
            processorSeconds: evaluation(tokens: tokens, passes: 1), read: baseBytes,
            written: inputBytes,
            memory: rows + (try memory.running(1, windowLength: 512, cores: cores)))
    }

    /// Bytes of what the layers take in.
    private var inputBytes: Double {
        Double(calibrationTokens ?? 0) * Double(weights.width) * 4 * Double(weights.blockCount)
    }

    private func quantize(cores: Int) throws -> Cost {
        var sum = Cost()
        for level in try levels(cores: cores) {
            sum.processorSeconds += level.processorSeconds
            sum.read += level.read
            sum.written += level.written
            sum.memory = max(sum.memory, level.memory)
        }
        return sum
    }

    /// What each level takes.
    func levels(cores: Int) throws -> [Cost] {
        let calibration = calibrationTokens.map {
            CalibrationCost(source.source, tokenCount: $0)
        }
        return try zip(source.levels, levelBytes).map { level, bytes in
            var cost = Cost(read: baseBytes, written: bytes)
            cost.processorSeconds = StageCosts.encoding(
                level.plan, isWeighted: job.importance != nil || job.calibration != nil)
            cost.memory = try memory.writing(
                level.plan, calibrationTokens: calibrationTokens, cores: cores)
            guard let calibration else { return cost }
            cost.processorSeconds += level.plan.tensors.reduce(0) {
                $0 + 1e-9 * calibration.nanoseconds(of: $1.source, to: $1.choice.format)
            }
            // The weights are decoded once more for the tokens' pass.
            cost.processorSeconds += evaluation(tokens: 0, passes: 1)
            cost.read += inputBytes
            return cost
        }
    }

    private func report(parts: Int, cores: Int) throws -> Cost {
        let tokens = self.tokens(of: job.report, usual: 262_144)
        let passes = StageCosts.passes(tokens, parts: parts, cores: cores)
        let models = 1 + source.levels.count
        return Cost(
            processorSeconds: evaluation(tokens: tokens, passes: passes) * Double(models),
            read: (baseBytes + levelBytes.reduce(0, +)) * passes,
            written: tokens * Double(models) * 16,
            memory: try memory.running(
                models, windowLength: job.report?.context ?? 512, cores: cores))
    }

    /// How often the weights are read: each part takes its tokens a batch at a time.
    private static func passes(_ tokens: Double, parts: Int, cores: Int) -> Double {
        let batch = Double(CostModel.batchTokens(cores: cores))
        let batches = (tokens / Double(parts) / batch).rounded(.up)
        return max(1, batches) * Double(parts)
    }

    /// Seconds of one processor that so many tokens take, weights being decoded in each pass.
    private func evaluation(tokens: Double, passes: Double) -> Double {
        tokens * 2 * weights.active / CostModel.evaluationRate
            + weights.all * CostModel.decoding * 1e-9 * passes
    }

    /// The blocks of the model.
    var blockCount: Int { weights.blockCount }

    /// The windows that a stage runs over.
    func windowCount(_ kind: StageKind) -> Int {
        let text = kind == .imatrix ? job.importance : job.report
        let tokens = tokens(of: text, usual: kind == .imatrix ? 65_536 : 262_144)
        return max(1, Int(tokens) / (text?.context ?? 512))
    }

    /// The tokens of the calibration, where there is one.
    var calibrationTokens: Int? {
        job.calibration.map { $0.tokens.map { $0 * 4 / 3 } ?? CostModel.calibrationTokens }
    }

    /// The tokens of a text, about.
    private func tokens(of text: ClusterJob.Text?, usual: Int) -> Double {
        let bytes = (text?.texts ?? []).compactMap { try? SourceFile(path: $0).byteCount }
            .reduce(0, +)
        let all = bytes > 0 ? bytes / CostModel.bytesPerToken : usual
        let limit = text?.chunks.map { $0 * (text?.context ?? 512) } ?? all
        return Double(max(512, min(all, limit)))
    }

    /// A request of memory: a quarter more, in whole 64 MiB.
    static func withMargin(memory: Int) -> Int {
        let unit = 64 << 20
        // A header may claim any shape.
        let memory = min(memory, 1 << 52)
        return ((memory + memory / 4) / unit + 2) * unit
    }

    /// A limit of time: three times as much and ten minutes, in whole minutes.
    static func withMargin(seconds: Double) -> Int {
        (Int(min(seconds * 3, 30 * 86_400)) / 60 + 10) * 60
    }
}
