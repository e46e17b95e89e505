import GGUF
import Quantization
import Synchronization
import TensorCore

/// The files of a run while they are being written, and the journal beside the first of them.
final class OutputSet: Sendable {
    /// The files, in the order of the plans.
    let files: [OutputFile]
    /// The journal, when one is kept.
    let journal: Journal?
    private let done: [Bool]
    let plans: [Plan]
    private let extents: OutputExtents

    /// Creates or continues the files, with their headers.
    init(
        _ plans: [Plan], work: WorkList, checksums: Checksums, bounds: WorkBounds,
        options: WriteOptions
    ) throws {
        self.plans = plans
        let extents = OutputExtents(plans, part: options.part)
        self.extents = extents
        guard options.journaling != .none,
            let continued = try OutputSet.continued(plans, options: options)
        else {
            files = try zip(plans, extents.ranges).map { plan, range in
                try OutputFile(path: plan.outputPath, byteCount: range.count)
            }
            journal = nil
            done = []
            for (number, file) in files.enumerated() where extents.hasHeader(number) {
                try file.write(plans[number].layout.header, at: 0)
            }
            return
        }
        files = continued.files
        let identity = try JournalIdentity(plans, bounds: bounds, options: options)
        var records: [Journal.Record] = []
        if options.journaling == .resume {
            records = try Journal.records(
                in: continued.journal, identity: identity, work: work, plans: plans)
        }
        if records.isEmpty {
            for file in files { try file.truncate(to: 0) }
        }
        for (number, file) in files.enumerated() {
            try file.reserve(extents.ranges[number].count)
            guard extents.hasHeader(number) else { continue }
            try file.write(plans[number].layout.header, at: 0)
        }
        // Only chunks whose bytes are on the disk as they were encoded count as done.
        var done = [Bool](repeating: false, count: work.chunks.count)
        var kept: [Journal.Record] = []
        let scratch = ScratchBuffer()
        for record in records {
            let matches = try OutputSet.matches(
                record.chunk, of: work, plans: plans, files: files, extents, scratch: scratch
            ) { record.checksums[$0] }
            guard matches else { continue }
            done[record.chunk] = true
            kept.append(record)
            for (index, value) in record.checksums.enumerated() {
                checksums[work.firstResults[record.chunk] + index] = value
            }
        }
        self.done = done
        journal = try Journal(
            continued.journal, identity: identity, records: kept, work: work, checksums: checksums,
            outputs: files)
    }

    /// The unfinished files and the journal of an earlier run, or new ones; `nil` when another
    /// process is writing one of them and this run need not continue it.
    private static func continued(
        _ plans: [Plan], options: WriteOptions
    ) throws -> (files: [OutputFile], journal: OutputFile)? {
        let keeps = options.journaling == .resume
        func open(_ path: String, _ suffix: String) throws -> OutputFile? {
            do {
                let file = try OutputFile(
                    continuing: path, suffix: suffix, keepsUnfinished: keeps)
                if file == nil, keeps { throw PipelineError(.busy, path: path) }
                return file
            } catch  where !keeps {
                // Without a journal it may go, or say why not.
                return nil
            }
        }
        guard let first = plans.first, let journal = try open(first.outputPath, "journal") else {
            return nil
        }
        var files: [OutputFile] = []
        for plan in plans {
            guard let file = try open(plan.outputPath, "partial") else { return nil }
            files.append(file)
        }
        return (files, journal)
    }

    /// Whether an earlier run has written the chunk.
    func isDone(_ chunk: Int) -> Bool { done.isEmpty ? false : done[chunk] }

    /// Notes that a chunk has been written to every file.
    func record(_ chunk: Int) throws { try journal?.add(chunk) }

    /// Whether a chunk's bytes in every file have the checksum that `expected` gives.
    private static func matches(
        _ number: Int, of work: WorkList, plans: [Plan], files: [OutputFile],
        _ extents: OutputExtents, scratch: ScratchBuffer, expected: (_ target: Int) -> UInt64
    ) throws -> Bool {
        let chunk = work.chunks[number]
        for (index, target) in work.targets[chunk.tensor, default: []].enumerated() {
            let range = plans[target.plan].tensors[target.tensor]
                .choice.format.byteRange(of: chunk.elements)
            let buffer = scratch.bytes(range.count)
            let start = plans[target.plan].layout.offsets[target.tensor] + range.lowerBound
            let place = extents.place(start, in: target.plan)
            guard try files[target.plan].read(at: place, into: buffer),
                Checksums.checksum(UnsafeRawBufferPointer(buffer)) == expected(index)
            else { return false }
        }
        return true
    }

    /// Flushes the files, reads them back from the disk and compares them with what was encoded.
    func verify(
        _ work: WorkList, plans: [Plan], checksums: Checksums, pool: WorkerPool
    ) throws {
        for (number, file) in files.enumerated() {
            let plan = plans[number]
            try file.truncate(to: extents.ranges[number].count)
            try file.flush()
            file.dropFromMemory()
            guard extents.hasHeader(number) else { continue }
            let scratch = ScratchBuffer()
            let header = scratch.bytes(plan.layout.header.count)
            guard try file.read(at: 0, into: header), header.elementsEqual(plan.layout.header)
            else { throw PipelineError(.notAsWritten, path: plan.outputPath, place: "header") }
        }
        let scratches = UncheckedScratches(count: pool.threadCount)
        try pool.run(jobCount: work.chunks.count) { worker, number in
            let chunk = work.chunks[number]
            let first = work.firstResults[number]
            guard
                try OutputSet.matches(
                    number, of: work, plans: plans, files: files, extents,
                    scratch: scratches[worker],
                    expected: { checksums[first + $0] })
            else {
                let target = work.targets[chunk.tensor, default: []][0]
                throw PipelineError(
                    .notAsWritten, path: plans[target.plan].outputPath,
                    place: plans[target.plan].tensors[target.tensor].name)
            }
        }
    }

    /// Gives the files their names, all of them or none.
    func commit() throws {
        // A disk that is full or broken says so here, before any file has its name.
        for (file, range) in zip(files, extents.ranges) {
            try file.truncate(to: range.count)
            try file.flush()
        }
        for (number, file) in files.enumerated() {
            do {
                try file.commit()
            } catch {
                for earlier in files[..<number] { earlier.removeCommitted() }
                throw error
            }
        }
        journal?.remove()
    }
}

/// A buffer for each worker.
///
/// A worker number belongs to one thread at a time.
struct UncheckedScratches: @unchecked Sendable {
    private let buffers: [ScratchBuffer]

    init(count: Int) { buffers = (0..<count).map { _ in ScratchBuffer() } }

    subscript(worker: Int) -> ScratchBuffer { buffers[worker] }
}
