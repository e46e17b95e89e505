import Crypto
import GGUF
import Synchronization
import TensorCore

/// What has been written so far, so that a killed run can be continued.
///
/// Layout, little-endian: `INGOTJ01`, the digest of the source (32 bytes), the digest of the plans
/// (32 bytes), then records: the number of a chunk (8 bytes), the checksum of its bytes in each file
/// (8 bytes each), the checksum of the record (8 bytes). A record is written after the chunk's bytes
/// are on the disk; one that was torn ends the list.
final class Journal: Sendable {
    /// A chunk that has been written.
    struct Record {
        let chunk: Int
        let checksums: [UInt64]
    }

    private struct State {
        var pending: [Int] = []
        var pendingElementCount = 0
        var lastFlush: ContinuousClock.Instant
        var end: Int
        var isFlushing = false
    }

    private static let magic = Array("INGOTJ01".utf8)
    static let headByteCount = 72
    /// Records wait for this many values, or this many seconds: each batch costs a flush.
    private static let batchElementCount = 256 << 20
    private static let batchSeconds = 1.0

    private let file: OutputFile
    private let work: WorkList
    private let checksums: Checksums
    private let outputs: [OutputFile]
    private let state: Mutex<State>

    /// Starts a journal over with what is already done.
    init(
        _ file: OutputFile, identity: JournalIdentity, records: [Record], work: WorkList,
        checksums: Checksums, outputs: [OutputFile]
    ) throws {
        var bytes = Journal.magic + identity.source + identity.plans
        for record in records { bytes += Journal.bytes(of: record) }
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        self.file = file
        self.work = work
        self.checksums = checksums
        self.outputs = outputs
        state = Mutex(State(lastFlush: .now, end: bytes.count))
    }

    /// The records of a journal that was left over; none when there was none.
    ///
    /// - Throws: `PipelineError` when the source or the plans have changed since.
    static func records(
        in file: OutputFile, identity: JournalIdentity, work: WorkList, plans: [Plan]
    ) throws -> [Record] {
        let count = file.byteCount
        guard count >= headByteCount else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        guard try bytes.withUnsafeMutableBytes({ try file.read(at: 0, into: $0) }),
            bytes.starts(with: magic)
        else { return [] }
        guard bytes[8..<40].elementsEqual(identity.source) else {
            throw PipelineError(.sourceChanged, path: plans[0].source.path)
        }
        guard bytes[40..<72].elementsEqual(identity.plans) else {
            throw PipelineError(.planChanged, path: plans[0].outputPath)
        }
        var records: [Record] = []
        var offset = headByteCount
        while let record = record(in: bytes, at: &offset, work: work) { records.append(record) }
        return records
    }

    private static func record(in bytes: [UInt8], at offset: inout Int, work: WorkList) -> Record? {
        func word(_ offset: Int) -> UInt64 {
            bytes.withUnsafeBytes {
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
        }
        guard offset + 8 <= bytes.count, let chunk = Int(exactly: word(offset)),
            work.chunks.indices.contains(chunk)
        else { return nil }
        let count = work.firstResults[chunk + 1] - work.firstResults[chunk]
        let end = offset + 8 * (count + 2)
        guard end <= bytes.count else { return nil }
        let body = bytes[offset..<end - 8]
        guard body.withUnsafeBytes({ Checksums.checksum($0) }) == word(end - 8) else { return nil }
        let start = offset
        offset = end
        return Record(chunk: chunk, checksums: (0..<count).map { word(start + 8 + 8 * $0) })
    }

    private static func bytes(of record: Record) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: UInt64) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(UInt64(record.chunk))
        for checksum in record.checksums { append(checksum) }
        append(bytes.withUnsafeBytes { Checksums.checksum($0) })
        return bytes
    }

    /// Notes that a chunk has been written; now and then the notes go to the disk.
    func add(_ chunk: Int) throws {
        let batch: [Int] = state.withLock { state in
            state.pending.append(chunk)
            state.pendingElementCount += work.chunks[chunk].elements.count
            guard !state.isFlushing,
                state.pendingElementCount >= Journal.batchElementCount
                    || state.lastFlush.secondsAgo >= Journal.batchSeconds
            else { return [] }
            state.isFlushing = true
            defer { (state.pending, state.pendingElementCount) = ([], 0) }
            return state.pending
        }
        guard !batch.isEmpty else { return }
        defer {
            state.withLock { state in
                state.isFlushing = false
                state.lastFlush = .now
            }
        }
        for output in outputs { try output.flush() }
        var bytes: [UInt8] = []
        for chunk in batch {
            let range = work.firstResults[chunk]..<work.firstResults[chunk + 1]
            bytes += Journal.bytes(
                of: Record(chunk: chunk, checksums: range.map { checksums[$0] }))
        }
        let place = state.withLock { state in
            defer { state.end += bytes.count }
            return state.end
        }
        try file.write(bytes, at: place)
        try file.flush()
    }

    /// Removes the journal: the files are complete.
    func remove() { file.discard() }
}

/// What a journal belongs to.
struct JournalIdentity {
    /// The digest of the source's files: lengths, modification times, first bytes.
    let source: [UInt8]
    /// The digest of the plans and of what cuts them into chunks.
    let plans: [UInt8]

    /// The bytes of each source file that are looked at: a header or most of it.
    ///
    /// The list of tensors and
    /// the metadata are in the plans' digest too.
    private static let headByteCount = 1 << 20

    init(_ plans: [Plan], bounds: WorkBounds, options: WriteOptions) throws {
        var hash = SHA256()
        for file in plans[0].source.files {
            let identity = file.identity
            hash.update(integer: identity.byteCount)
            hash.update(integer: identity.modifiedSeconds)
            hash.update(integer: identity.modifiedNanoseconds)
            let head = try file.read(
                at: 0, count: min(JournalIdentity.headByteCount, file.byteCount))
            hash.update(bytes: head)
        }
        source = Array(hash.finalize())

        hash = SHA256()
        hash.update(bytes: Array(options.toolVersion.utf8))
        hash.update(integer: bounds.chunkElementCount)
        if let rounding = options.rounding { hash.update(bytes: Array(rounding.identity.utf8)) }
        hash.update(integer: plans.count)
        for range in OutputExtents(plans, part: options.part).ranges {
            hash.update(integer: range.lowerBound)
            hash.update(integer: range.upperBound)
        }
        for plan in plans {
            hash.update(bytes: Array(plan.outputPath.utf8))
            hash.update(bytes: plan.layout.header)
            for tensor in plan.tensors {
                hash.update(integer: tensor.sourceIndex)
                hash.update(integer: tensor.importance?.values.count ?? -1)
                tensor.importance?.values.withUnsafeBytes { hash.update(bufferPointer: $0) }
            }
        }
        self.plans = Array(hash.finalize())
    }
}

extension SHA256 {
    /// Adds some bytes with their number in front, so that no two lists of parts give the same
    /// bytes.
    fileprivate mutating func update(bytes: [UInt8]) {
        update(integer: bytes.count)
        bytes.withUnsafeBytes { update(bufferPointer: $0) }
    }

    fileprivate mutating func update(integer: Int) {
        withUnsafeBytes(of: UInt64(bitPattern: Int64(integer)).littleEndian) {
            update(bufferPointer: $0)
        }
    }
}
