import GGUF
import Quantization
import TensorCore

/// A piece of a tensor that one worker does at once: whole rows where values are encoded, any whole
/// blocks where bytes are only copied.
struct Chunk: Sendable {
    /// The tensor's number in the source.
    let tensor: Int
    /// The values, counted from the tensor's first.
    let elements: Range<Int>

    /// Values enough for a kernel's lanes, few enough that the source bytes, the floats and the
    /// blocks stay in a core's second-level cache.
    static let pieceElementCount = 1 << 16

    /// The pieces that are read, widened and encoded one after the other: whole rows.
    ///
    /// - Parameter count: How many values a piece should have at least, where the source asks for it.
    func pieces(ofRows rowLength: Int, count: Int?) -> [Chunk] {
        let step = max(1, max(Chunk.pieceElementCount, count ?? 0) / rowLength) * rowLength
        return stride(from: elements.lowerBound, to: elements.upperBound, by: step).map {
            Chunk(tensor: tensor, elements: $0..<min($0 + step, elements.upperBound))
        }
    }
}

/// A tensor of one of the plans.
struct Target: Sendable {
    /// The plan's number.
    let plan: Int
    /// The tensor's number in that plan.
    let tensor: Int
}

/// The work of all plans over one source, cut into chunks: each tensor is read once, whatever the
/// number of files that it goes to.
struct WorkList: Sendable {
    /// The chunks in the order in which they are done.
    let chunks: [Chunk]
    /// Where the chunks of a source tensor go.
    let targets: [Int: [Target]]
    /// For each chunk the number of its first result among the results of all chunks; one more
    /// element at the end: the number of results.
    let firstResults: [Int]

    /// For each chunk the matrix of its tensor that its first value lies in.
    let matrices: [Int]

    /// Cuts the tensors of `plans` into chunks of about `chunkElementCount` values.
    ///
    /// - Parameters:
    ///   - rounding: What rounds some of the tensors.
    ///   - part: The part of the files that is written; `nil` for all.
    init(
        _ plans: [Plan], chunkElementCount: Int, rounding: (any TensorRounding)? = nil,
        part: PlanPart? = nil
    ) {
        let stacks = Set(
            rounding?.groups.filter { $0.matrix != nil }.flatMap(\.tensors) ?? [])
        var targets: [Int: [Target]] = [:]
        var order: [Int] = []
        for (plan, number) in zip(plans, plans.indices) {
            for (index, tensor) in plan.tensors.enumerated()
            where part?.elements(ofTensor: index).isEmpty != true {
                if targets[tensor.sourceIndex] == nil { order.append(tensor.sourceIndex) }
                targets[tensor.sourceIndex, default: []].append(
                    Target(plan: number, tensor: index))
            }
        }
        var chunks: [Chunk] = []
        var firstResults: [Int] = [0]
        var matrices: [Int] = []
        for tensor in order {
            let tensors = targets[tensor, default: []].map { plans[$0.plan].tensors[$0.tensor] }
            let matrix = tensors.first?.source.shape.matrixElementCount ?? 1
            for elements in WorkList.pieces(
                of: tensors, within: part?.elements(ofTensor: targets[tensor]?.first?.tensor ?? 0),
                chunkElementCount: chunkElementCount, byMatrix: stacks.contains(tensor))
            {
                chunks.append(Chunk(tensor: tensor, elements: elements))
                matrices.append(elements.lowerBound / max(1, matrix))
                firstResults.append(firstResults[firstResults.count - 1] + tensors.count)
            }
        }
        self.chunks = chunks
        self.targets = targets
        self.firstResults = firstResults
        self.matrices = matrices
    }

    /// The number of results: one for each chunk and each file that it goes to.
    var resultCount: Int { firstResults.last ?? 0 }

    /// Cuts a tensor.
    ///
    /// No chunk spans two experts where they are rounded differently.
    private static func pieces(
        of tensors: [Plan.Tensor], within part: Range<Int>?, chunkElementCount: Int, byMatrix: Bool
    ) -> [Range<Int>] {
        guard let shape = tensors.first?.source.shape, shape.elementCount > 0 else { return [] }
        let rowLength = shape.rowLength
        let all = part ?? 0..<shape.elementCount
        if rowLength > chunkElementCount, tensors.allSatisfy(\.isCopy) {
            return cut(all, by: chunkElementCount)
        }
        let step = max(1, chunkElementCount / rowLength) * rowLength
        guard shape.rank > 2, byMatrix || tensors.contains(where: { $0.importance != nil }) else {
            return cut(all, by: step)
        }
        return cut(0..<shape.elementCount, by: shape.matrixElementCount).flatMap {
            cut($0.clamped(to: all), by: step)
        }
    }

    private static func cut(_ range: Range<Int>, by step: Int) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: step).map {
            $0..<min($0 + step, range.upperBound)
        }
    }
}

extension Shape {
    /// The values of one matrix of the stack that the tensor is.
    fileprivate var matrixElementCount: Int {
        rank > 1 ? dimensions[rank - 2] * rowLength : rowLength
    }
}

/// How many threads work on chunks of which length, so that their buffers stay within a limit.
struct WorkBounds: Sendable, Hashable {
    /// The number of threads.
    let threadCount: Int
    /// The values of a chunk; a longer row is a chunk of its own where it is encoded.
    let chunkElementCount: Int

    /// Values enough for writes of some hundred kilobytes, few enough that all threads end at about
    /// the same time.
    static let usualChunk = 1 << 19
    /// A chunk is never cut below this; a multiple of every format's block.
    static let smallestChunk = 1 << 12
    /// Bytes of buffers for each value of a chunk: as stored, as F32, without NaN and infinity where
    /// they are allowed, and as encoded for each file.
    static func bytesPerElement(fileCount: Int) -> Int { 12 + 4 * fileCount }
    /// What the program takes besides buffers: code, stacks, the allocator, in bytes.
    ///
    /// Measured.
    static let fixedByteCount = 40 << 20

    /// Finds bounds, or throws when the longest row that must be encoded does not fit `limit`.
    ///
    /// - Parameter besides: What rounding takes besides, in bytes.
    init(_ plans: [Plan], threadCount: Int?, limit: Int?, besides: Int = 0) throws {
        let threads = WorkerPool(threadCount: threadCount).threadCount
        guard let limit else {
            self.threadCount = threads
            chunkElementCount = WorkBounds.usualChunk
            return
        }
        let least = max(WorkBounds.smallestChunk, WorkBounds.longestRow(of: plans))
        let held = WorkBounds.heldByteCount(plans) + besides
        let unit = WorkBounds.bytesPerElement(fileCount: WorkBounds.fileCount(plans))
        let perThread = least.multiplied(checkedBy: unit) ?? Int.max
        guard let needed = held.adding(checked: perThread), needed <= limit else {
            throw PipelineError(
                .memoryLimit(limit, needed: held.adding(checked: perThread) ?? Int.max),
                path: plans.first?.source.path ?? "")
        }
        self.threadCount = max(1, min(threads, (limit - held) / perThread))
        let share = (limit - held) / self.threadCount / unit
        chunkElementCount = max(
            WorkBounds.smallestChunk, min(WorkBounds.usualChunk, share / 256 * 256))
    }

    /// The most files that a tensor goes to; the parts of a split share no tensor.
    private static func fileCount(_ plans: [Plan]) -> Int {
        var counts: [Int: Int] = [:]
        for tensor in plans.lazy.flatMap(\.tensors) { counts[tensor.sourceIndex, default: 0] += 1 }
        return counts.values.max() ?? 1
    }

    /// The longest row that is encoded: one that is longer than a chunk is a chunk of its own.
    private static func longestRow(of plans: [Plan]) -> Int {
        plans.lazy.flatMap(\.tensors).filter { !$0.isCopy }
            .map(\.source.shape.rowLength).max() ?? 0
    }

    /// What is there whatever the bounds: headers, lists of tensors and importance, in the plans.
    private static func heldByteCount(_ plans: [Plan]) -> Int {
        plans.reduce(fixedByteCount) { $0 + 3 * $1.layout.header.count }
    }

    /// About how much memory carrying out `plans` within these bounds takes, in bytes.
    func byteCount(of plans: [Plan]) -> Int {
        let values = max(chunkElementCount, WorkBounds.longestRow(of: plans))
        let unit = WorkBounds.bytesPerElement(fileCount: WorkBounds.fileCount(plans))
        let buffers = threadCount.multiplied(checkedBy: unit)?
            .multiplied(checkedBy: values)
        return buffers?.adding(checked: WorkBounds.heldByteCount(plans)) ?? Int.max
    }
}

extension WorkBounds {
    /// The bounds that the options ask for.
    init(_ plans: [Plan], _ options: WriteOptions) throws {
        let besides = options.memoryLimit == nil ? nil : options.rounding?.memoryByteCount
        try self.init(
            plans, threadCount: options.threadCount, limit: options.memoryLimit,
            besides: besides ?? 0)
    }
}
