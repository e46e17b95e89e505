import GGUF
public import Quantization
import Synchronization
import TensorCore

/// Carries out plans: chunks of tensors are read, widened, encoded and written by a pool of workers.
///
/// Several plans over one source are one pass: each chunk is read and widened once and encoded for
/// every plan. Peak memory is one chunk per worker in three forms, whatever the model. The files
/// appear under their names when all are complete.
public struct PlanWriter: Sendable {
    /// How far the work has come.
    public struct Progress: Sendable {
        /// The bytes of tensors written so far.
        public let byteCount: Int
        /// The bytes of all tensors of all files.
        public let totalByteCount: Int
        /// The number of the source's tensors completed so far.
        public let tensorCount: Int
    }

    /// What was found in the tensors that the user should know although the file is good.
    public struct Findings: Sendable {
        /// For tensors written as F16: how many values are beyond its range and became infinite.
        public internal(set) var outOfRange: [(tensor: String, count: Int)] = []
        /// Tensors with values that are NaN or infinite, and how many.
        ///
        /// F32, F16 and BF16 keep them; in a block format NaN becomes zero and an infinity its row's
        /// largest finite magnitude.
        public internal(set) var nonFinite: [(tensor: String, format: Format, count: Int)] = []
        /// Bytes of tensors that an earlier run had written and this one took over.
        public internal(set) var resumedByteCount = 0

        /// No findings.
        public init() {}

        /// The findings of several files of one model.
        public init(_ parts: some Sequence<Findings>) {
            for part in parts {
                outOfRange += part.outOfRange
                nonFinite += part.nonFinite
                resumedByteCount = max(resumedByteCount, part.resumedByteCount)
            }
        }
    }

    /// Writes the file that `plan` describes.
    ///
    /// - Parameters:
    ///   - threadCount: The number of threads; `nil` for one per processor.
    ///   - isStrict: Whether a value beyond F16's range is an error and not a finding.
    ///   - allowsNonFinite: Whether NaN and infinity are a finding and not an error.
    ///   - progress: Called after every chunk, from the worker that did it, one call at a time.
    /// - Throws: `PipelineError` when a value is not finite, `FileError`, and what the source
    ///   throws. Nothing is left behind then.
    @discardableResult
    public static func write(
        _ plan: Plan, threadCount: Int? = nil, isStrict: Bool = false,
        allowsNonFinite: Bool = false, progress: (@Sendable (Progress) -> Void)? = nil
    ) throws -> Findings {
        var options = WriteOptions()
        options.threadCount = threadCount
        options.isStrict = isStrict
        options.allowsNonFinite = allowsNonFinite
        return try write([plan], options: options, progress: progress)[0]
    }

    /// About how much memory writing `plans` takes, in bytes: the program, the plans and the
    /// workers' buffers.
    ///
    /// - Throws: `PipelineError` when the options set a limit that cannot be kept.
    public static func memoryByteCount(of plans: [Plan], options: WriteOptions) throws -> Int {
        let finishing = try plans.map { try options.finishing?.memoryByteCount(for: $0) ?? 0 }
        // Files are finished when all tensors have been rounded.
        return try WorkBounds(plans, options).byteCount(of: plans)
            + max(options.rounding?.memoryByteCount ?? 0, finishing.max() ?? 0)
    }

    /// Writes the files that `plans`, all made from one source, describe.
    ///
    /// - Parameter progress: Called after every chunk, from the worker that did it, one call at a
    ///   time.
    /// - Returns: What was found, plan by plan.
    /// - Throws: `PipelineError` when a value is not finite, when a journal does not belong to the
    ///   plans, when a limit cannot be kept or the bytes read back differ; `FileError`; what the
    ///   source throws. Nothing is left behind then, unless a journal is to be resumed.
    public static func write(
        _ plans: [Plan], options: WriteOptions,
        progress: (@Sendable (Progress) -> Void)? = nil
    ) throws -> [Findings] {
        guard !plans.isEmpty else { return [] }
        let bounds = try WorkBounds(plans, options)
        let work = WorkList(
            plans, chunkElementCount: bounds.chunkElementCount, rounding: options.rounding,
            part: options.part)
        let checksums = Checksums(count: work.resultCount)
        let outputs = try OutputSet(
            plans, work: work, checksums: checksums, bounds: bounds, options: options)
        let pool = WorkerPool(threadCount: bounds.threadCount)
        let workers = (0..<pool.threadCount).map { _ in
            ChunkWorker(
                plans: plans, outputs: outputs.files, options: options,
                checksums: options.verifies || outputs.journal != nil ? checksums : nil)
        }
        let tally = Mutex(Tally(plans: plans, work: work))
        var remaining: [Int] = []
        var resumed = 0
        for chunk in work.chunks.indices {
            if outputs.isDone(chunk) {
                resumed += tally.withLock { $0.add(chunk, of: work, plans: plans) }
            } else {
                remaining.append(chunk)
            }
        }
        for (group, jobs) in work.stages(of: options.rounding, remaining: remaining)
        where !jobs.isEmpty {
            if let group { try options.rounding?.prepare(group: group) }
            try pool.run(jobCount: jobs.count) { worker, job in
                let number = jobs[job]
                let chunk = work.chunks[number]
                try workers[worker].carryOut(
                    chunk, targets: work.targets[chunk.tensor, default: []],
                    firstResult: work.firstResults[number],
                    rounding: group == nil ? nil : options.rounding)
                try outputs.record(number)
                tally.withLock { tally in
                    tally.add(number, of: work, plans: plans)
                    progress?(tally.progress)
                }
            }
        }
        if let finishing = options.finishing {
            try outputs.finish(finishing, work, checksums: checksums)
        }
        if options.verifies {
            try outputs.verify(work, plans: plans, checksums: checksums, pool: pool)
        }
        for file in plans[0].source.files { try file.requireUnchanged() }
        try outputs.commit()
        return plans.indices.map { plan in
            var findings = Findings(of: plans[plan], numbered: plan, workers)
            findings.resumedByteCount = resumed
            return findings
        }
    }
}

extension PlanWriter.Findings {
    /// What workers found in the tensors of a plan.
    fileprivate init(of plan: Plan, numbered number: Int, _ workers: [ChunkWorker]) {
        for (index, tensor) in plan.tensors.enumerated() {
            let key = ChunkWorker.Place(plan: number, tensor: index)
            let count = workers.reduce(0) { $0 + $1.outOfRange[key, default: 0] }
            if count > 0 { outOfRange.append((tensor.name, count)) }
            let bad = workers.reduce(0) { $0 + $1.nonFinite[tensor.sourceIndex, default: 0] }
            if bad > 0 { nonFinite.append((tensor.name, tensor.choice.format, bad)) }
        }
    }
}

extension WorkList {
    /// The bytes that a chunk takes in all files.
    fileprivate func byteCount(of chunk: Chunk, plans: [Plan]) -> Int {
        targets[chunk.tensor, default: []].reduce(0) { sum, target in
            sum
                + plans[target.plan].tensors[target.tensor]
                .choice.format.byteRange(of: chunk.elements).count
        }
    }
}

/// Counts what is done.
private struct Tally {
    private var chunksLeft: [Int: Int] = [:]
    private var byteCount = 0
    private var tensorCount = 0
    private let totalByteCount: Int

    init(plans: [Plan], work: WorkList) {
        for chunk in work.chunks { chunksLeft[chunk.tensor, default: 0] += 1 }
        totalByteCount = work.chunks.reduce(0) { $0 + work.byteCount(of: $1, plans: plans) }
    }

    var progress: PlanWriter.Progress {
        PlanWriter.Progress(
            byteCount: byteCount, totalByteCount: totalByteCount, tensorCount: tensorCount)
    }

    /// Counts a chunk as done and returns the bytes that it takes in all files.
    @discardableResult
    mutating func add(_ number: Int, of work: WorkList, plans: [Plan]) -> Int {
        let chunk = work.chunks[number]
        let bytes = work.byteCount(of: chunk, plans: plans)
        byteCount += bytes
        let left = chunksLeft[chunk.tensor, default: 1] - 1
        chunksLeft[chunk.tensor] = left
        if left == 0 { tensorCount += 1 }
        return bytes
    }
}
