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
    /// The bytes of the model's own files, of the file levels are made of, and of each level.
    let sourceBytes: Double
    let baseBytes: Double
    let levelBytes: [Double]

    init(_ source: PlannedSource, job: ClusterJob) {
        (self.source, self.job) = (source, job)
        weights = WeightCounts(source.source)
        let tensors = source.source.tensors
        func bytes(_ formats: [Format]) -> Double {
            zip(tensors, formats).reduce(0) {
                $0 + Double($1.0.shape.elementCount) * $1.1.bitsPerWeight / 8
            }
        }
        baseBytes = bytes(tensors.map(\.format))
        let files = source.source.files.reduce(0.0) { $0 + Double($1.byteCount) }
        sourceBytes = files > 0 ? files : baseBytes
        levelBytes = source.levels.map { bytes($0.formats) }
    }

    /// What a stage takes that is divided into so many parts.
    func cost(of kind: StageKind, parts: Int, cores: Int) -> Cost {
        var cost: Cost
        switch kind {
        case .convert: cost = convert(cores: cores)
        case .imatrix: cost = imatrix(parts: parts, cores: cores)
        case .calibrate: cost = calibrate(cores: cores)
        case .quantize: cost = quantize(cores: cores)
        case .report: cost = report(parts: parts, cores: cores)
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

    private func convert(cores: Int) -> Cost {
        Cost(
            processorSeconds: weights.all * 3e-9, read: sourceBytes, written: baseBytes,
            memory: writerBytes(cores))
    }

    private func imatrix(parts: Int, cores: Int) -> Cost {
        let tokens = self.tokens(of: job.importance, usual: 65_536)
        let passes = StageCosts.passes(tokens, parts: parts, cores: cores)
        return Cost(
            processorSeconds: evaluation(tokens: tokens, passes: passes), read: baseBytes * passes,
            written: Double(parts) * weights.inputs * 4, memory: evaluatorBytes(cores, models: 1))
    }

    private func calibrate(cores: Int) -> Cost {
        let tokens = calibrationTokens
        return Cost(
            processorSeconds: evaluation(tokens: tokens, passes: 1), read: baseBytes,
            written: tokens * Double(weights.width) * 4 * Double(weights.blockCount),
            memory: evaluatorBytes(cores, models: 1))
    }

    private func quantize(cores: Int) -> Cost {
        var sum = Cost(memory: writerBytes(cores))
        for level in levels(cores: cores) {
            sum.processorSeconds += level.processorSeconds
            sum.read += level.read
            sum.written += level.written
            sum.memory = max(sum.memory, level.memory)
        }
        return sum
    }

    /// What each level takes.
    func levels(cores: Int) -> [Cost] {
        let tensors = source.source.tensors
        let tokens = calibrationTokens
        let rows = tokens * Double(weights.width) * 4 * Double(weights.blockCount)
        return source.levels.indices.map { index in
            var cost = Cost(
                read: baseBytes, written: levelBytes[index], memory: writerBytes(cores))
            for (tensor, format) in zip(tensors, source.levels[index].formats) {
                cost.processorSeconds +=
                    1e-9
                    * EncodingCost.nanoseconds(
                        of: tensor.shape.elementCount, from: tensor.format, to: format,
                        isWeighted: job.importance != nil || job.calibration != nil)
            }
            guard job.calibration != nil else { return cost }
            cost.processorSeconds +=
                weights.all * CostModel.calibratedSearch * 1e-9
                + weights.feedback / CostModel.feedbackRate
                + weights.moments(tokens: tokens) / CostModel.evaluationRate
                + evaluation(tokens: tokens, passes: 1)
            cost.read += rows
            cost.memory += weights.calibrationMemory(tokens: tokens, cores: cores)
            return cost
        }
    }

    private func report(parts: Int, cores: Int) -> Cost {
        let tokens = self.tokens(of: job.report, usual: 262_144)
        let passes = StageCosts.passes(tokens, parts: parts, cores: cores)
        let models = Double(1 + source.levels.count)
        return Cost(
            processorSeconds: evaluation(tokens: tokens, passes: passes) * models,
            read: (baseBytes + levelBytes.reduce(0, +)) * passes,
            written: Double(parts) * tokens / Double(parts) * models * 16,
            memory: evaluatorBytes(cores, models: 1 + source.levels.count))
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

    /// The tokens of the calibration.
    var calibrationTokens: Double {
        Double(job.calibration?.tokens.map { $0 * 4 / 3 } ?? CostModel.calibrationTokens)
    }

    /// The tokens of a text, about.
    private func tokens(of text: ClusterJob.Text?, usual: Int) -> Double {
        let bytes = (text?.texts ?? []).compactMap { try? SourceFile(path: $0).byteCount }
            .reduce(0, +)
        let all = bytes > 0 ? bytes / CostModel.bytesPerToken : usual
        let limit = text?.chunks.map { $0 * (text?.context ?? 512) } ?? all
        return Double(max(512, min(all, limit)))
    }

    // MARK: Memory

    /// Bytes that writing tensors takes: a chunk for each thread in its forms, and the program.
    private func writerBytes(_ cores: Int) -> Int {
        let chunk = max(1 << 19, weights.longestRow)
        return 64_000_000 + cores * chunk * 16
    }

    /// Bytes that running models takes: two blocks as numbers, what threads work with, the rows.
    private func evaluatorBytes(_ cores: Int, models: Int) -> Int {
        let rows = (2 * models + 1) * CostModel.batchTokens(cores: cores) * weights.width * 4
        let threads = cores * (32_000_000 + 4 * weights.largestExpert)
        return 150_000_000 + 8 * weights.largestBlock + rows + threads
    }

    /// A request of memory: a quarter more, in whole 64 MiB.
    static func withMargin(memory: Int) -> Int {
        let unit = 64 << 20
        return ((memory + memory / 4) / unit + 2) * unit
    }

    /// A limit of time: three times as much and ten minutes, in whole minutes.
    static func withMargin(seconds: Double) -> Int {
        (min(Int(seconds * 3), 30 * 86_400) / 60 + 10) * 60
    }
}
