import GGUF
import Quantization
import TensorCore
import Synchronization

/// Carries out a plan: rows are read, widened, encoded and written in chunks by a pool of workers.
///
/// Peak memory is a few chunks per worker, whatever the model: a chunk is `chunkElementCount`
/// values or one row, whichever is more. The file appears under its name when it is complete.
public struct Walk: Sendable {
    /// How far the work has come.
    public struct Progress: Sendable {
        /// The bytes of tensors written so far.
        public let byteCount: Int
        /// The bytes of all tensors.
        public let totalByteCount: Int
        /// The number of tensors completed so far.
        public let tensorCount: Int
        /// The number in the plan of a tensor that has just been completed, if one has.
        public let completed: Int?
    }

    /// The values that one job works on: rows enough for a kernel's lanes, small enough that the
    /// source bytes, the floats and the blocks stay in a core's second-level cache.
    static let chunkElementCount = 1 << 16

    private struct Job {
        let tensor: Int
        let rows: Range<Int>
    }

    /// What a walk found that the user should know although the file is good.
    public struct Findings: Sendable {
        /// For tensors written as F16: how many values are beyond its range and became infinite.
        public internal(set) var outOfRange: [(tensor: String, count: Int)] = []
    }

    /// Writes the file that `plan` describes.
    ///
    /// - Parameters:
    ///   - threadCount: The number of threads; `nil` for one per processor.
    ///   - progress: Called after every chunk, from the worker that did it, one call at a time.
    /// - Throws: `PipelineError` when a value is not finite, `FileError`, and what the source
    ///   throws. Nothing is left behind then.
    @discardableResult
    public static func write(
        _ plan: Plan, threadCount: Int? = nil,
        progress: (@Sendable (Progress) -> Void)? = nil
    ) throws -> Findings {
        let output = try OutputFile(path: plan.outputPath, byteCount: plan.layout.byteCount)
        try output.write(plan.layout.header, at: 0)
        let jobs = plan.tensors.indices.flatMap { Walk.jobs(ofTensor: $0, of: plan) }
        let pool = WorkerPool(threadCount: threadCount)
        let workers = (0..<pool.threadCount).map { _ in Worker(plan: plan, output: output) }
        let tally = Mutex(Tally(plan: plan, jobs: jobs.map(\.tensor)))
        try pool.run(jobCount: jobs.count) { worker, job in
            let (tensor, rows) = (jobs[job].tensor, jobs[job].rows)
            let count = try workers[worker].write(rows, ofTensor: tensor)
            tally.withLock { tally in
                let state = tally.add(count, tensor: tensor)
                progress?(state)
            }
        }
        try output.commit(byteCount: plan.layout.byteCount)
        var findings = Findings()
        for (index, tensor) in plan.tensors.enumerated() {
            let count = workers.reduce(0) { $0 + $1.outOfRange[index, default: 0] }
            if count > 0 { findings.outOfRange.append((tensor.name, count)) }
        }
        return findings
    }

    /// Cuts a tensor into chunks of whole rows; no chunk spans two experts, because the importance
    /// of their columns differs.
    private static func jobs(ofTensor index: Int, of plan: Plan) -> [Job] {
        let shape = plan.tensors[index].source.shape
        guard shape.elementCount > 0 else { return [] }
        let matrixRows = shape.rank > 1 ? shape.dimensions[shape.rank - 2] : 1
        let chunkRows = max(1, chunkElementCount / shape.rowLength)
        var jobs: [Job] = []
        if plan.tensors[index].importance == nil || shape.rank <= 2 {
            for start in stride(from: 0, to: shape.rowCount, by: chunkRows) {
                jobs.append(
                    Job(tensor: index, rows: start..<min(start + chunkRows, shape.rowCount)))
            }
            return jobs
        }
        for matrix in stride(from: 0, to: shape.rowCount, by: matrixRows) {
            for start in stride(from: matrix, to: matrix + matrixRows, by: chunkRows) {
                jobs.append(
                    Job(tensor: index, rows: start..<min(start + chunkRows, matrix + matrixRows)))
            }
        }
        return jobs
    }
}

/// Counts what is done.
private struct Tally {
    private var jobsLeft: [Int]
    private var byteCount = 0
    private var tensorCount = 0
    private let totalByteCount: Int

    init(plan: Plan, jobs: [Int]) {
        jobsLeft = [Int](repeating: 0, count: plan.tensors.count)
        for tensor in jobs { jobsLeft[tensor] += 1 }
        totalByteCount = plan.byteCount
    }

    mutating func add(_ count: Int, tensor: Int) -> Walk.Progress {
        byteCount += count
        jobsLeft[tensor] -= 1
        if jobsLeft[tensor] == 0 { tensorCount += 1 }
        return Walk.Progress(
            byteCount: byteCount, totalByteCount: totalByteCount, tensorCount: tensorCount,
            completed: jobsLeft[tensor] == 0 ? tensor : nil)
    }
}

/// One thread's buffers.
///
/// A worker number belongs to one thread at a time, which makes sharing it
/// across threads safe.
private final class Worker: @unchecked Sendable {
    private let plan: Plan
    private let output: OutputFile
    private let stored = ScratchBuffer()
    private let widened = ScratchBuffer()
    private let encoded = ScratchBuffer()
    /// Values beyond F16's range, by tensor.
    private(set) var outOfRange: [Int: Int] = [:]

    init(plan: Plan, output: OutputFile) {
        self.plan = plan
        self.output = output
    }

    /// The smallest magnitude that rounds to infinity in F16.
    private static let f16Limit: Float = 65520

    /// Writes rows of a tensor and returns the bytes that they take.
    func write(_ rows: Range<Int>, ofTensor index: Int) throws -> Int {
        let tensor = plan.tensors[index]
        let shape = tensor.source.shape
        let format = tensor.choice.format
        let rowBytes = tensor.byteCount / shape.rowCount
        let byteCount = rows.count * rowBytes
        let place = plan.layout.offsets[index] + rows.lowerBound * rowBytes
        let blocks = encoded.bytes(byteCount)
        if tensor.isCopy {
            try plan.source.readBytes(ofRows: rows, ofTensor: tensor.sourceIndex, into: blocks)
            try checkCopied(blocks, rows: rows, of: tensor)
        } else {
            let values = widened.floats(rows.count * shape.rowLength)
            guard let floats = values.baseAddress, let destination = blocks.baseAddress,
                let encode = format.encode
            else { return 0 }
            try plan.source.readRows(
                rows, ofTensor: tensor.sourceIndex, into: floats, scratch: stored)
            let largest = try check(values, rows: rows, of: tensor)
            if format == .F16, largest >= Worker.f16Limit {
                outOfRange[index, default: 0] += values.count { abs($0) >= Worker.f16Limit }
            }
            if let importance = tensor.importance {
                // Rows of one expert share its row of weights.
                let matrixRows = shape.rank > 2 ? shape.dimensions[shape.rank - 2] : shape.rowCount
                let expert = rows.lowerBound / matrixRows
                importance.values.withUnsafeBufferPointer { weights in
                    let row = weights.baseAddress.map { $0 + expert * shape.rowLength }
                    encode(floats, rows.count, shape.rowLength, row, destination)
                }
            } else {
                encode(floats, rows.count, shape.rowLength, nil, destination)
            }
        }
        try output.write(UnsafeRawBufferPointer(blocks), at: place)
        return byteCount
    }

    /// A copied F32, F16 or BF16 tensor is looked at as well: a NaN would go on unseen.
    private func checkCopied(
        _ bytes: UnsafeMutableRawBufferPointer, rows: Range<Int>, of tensor: Plan.Tensor
    ) throws {
        let format = tensor.source.format
        guard format.blockElementCount == 1, let decode = format.decode,
            let source = bytes.baseAddress
        else { return }
        let values = widened.floats(rows.count * tensor.source.shape.rowLength)
        guard let floats = values.baseAddress else { return }
        decode(UnsafeRawPointer(source), values.count, floats)
        try check(values, rows: rows, of: tensor)
    }

    /// Returns the largest magnitude, or throws when a value is NaN or infinite.
    @discardableResult
    private func check(
        _ values: UnsafeMutableBufferPointer<Float>, rows: Range<Int>, of tensor: Plan.Tensor
    ) throws -> Float {
        guard let base = values.baseAddress else { return 0 }
        let largest = largestMagnitude(base, values.count)
        guard !largest.isFinite, let index = values.firstIndex(where: { !$0.isFinite }) else {
            return largest
        }
        let rowLength = tensor.source.shape.rowLength
        throw PipelineError(
            .nonFinite(
                value: values[index].isNaN ? "NaN" : values[index] > 0 ? "infinity" : "-infinity",
                row: rows.lowerBound + index / rowLength, column: index % rowLength),
            path: plan.source.path, place: tensor.name)
    }
}

/// The largest magnitude, NaN or infinite when a value is.
///
/// Works on bit patterns, whose order is
/// that of magnitudes and which the compiler vectorises.
private func largestMagnitude(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
    values.withMemoryRebound(to: UInt32.self, capacity: count) { bits in
        var largest: UInt32 = 0
        for index in 0..<count { largest = max(largest, bits[index] & 0x7FFF_FFFF) }
        return Float(bitPattern: largest)
    }
}
