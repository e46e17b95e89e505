import GGUF
import Quantization
import Safetensors
import Synchronization
import TensorCore

extension ExportedCheckpoint {
    /// What an export found out.
    public struct Findings: Sendable {
        /// What would not come back from a conversion, and other things to know.
        public var notices: [String] = []
        /// The number of finite values beyond F16's range, which became infinite.
        public var outOfRangeCount = 0
        /// The bytes of the weights.
        public var byteCount = 0
        /// The number of weights' files.
        public var shardCount = 0
    }

    /// The elements that a worker holds at a time, or one row where that is more.
    private static let pieceElementCount = 1 << 20

    /// Writes the directory, which appears when it is complete.
    ///
    /// Memory: one piece of 2²⁰ values, or one row, for each thread.
    ///
    /// - Parameters:
    ///   - path: A directory that is not there, or empty.
    ///   - shardByteCount: The most bytes of weights in one file; a single tensor may have more.
    ///   - allowsChanges: Whether the directory is written although converting it gives another
    ///     model.
    ///   - progress: Told the bytes written so far and the bytes in all.
    /// - Throws: `ConversionError`, `FileError`.
    public func write(
        to path: String, shardByteCount: Int = 5_000_000_000, allowsChanges: Bool = false,
        threadCount: Int? = nil, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) throws -> Findings {
        let directory = try OutputDirectory(path: path)
        for (name, bytes) in files {
            if let slash = name.lastIndex(of: "/") {
                try Directory.create(directory.file(String(name[..<slash])))
            }
            try OutputFile.write(bytes, to: directory.file(name))
        }
        var findings = Findings()
        let sizes = try weights.map { try byteCount(of: $0) }
        let shards = ExportedCheckpoint.shards(sizes, limit: shardByteCount, starts: fileStarts)
        findings.notices = try compare(
            directory: directory.temporaryPath, shards: shards, allowsChanges: allowsChanges)
        if inexactCount > 0 {
            findings.notices.append(
                "\(inexactCount) decays have no logarithm of this precision that gives them back to"
                    + " the bit; the nearest is written")
        }
        findings.byteCount = try denseModules.reduce(sizes.reduce(0, +)) {
            try $0 + byteCount(of: $1.weight)
        }
        findings.shardCount = shards.count
        let names = ExportedCheckpoint.fileNames(shards.count)
        let total = findings.byteCount
        let done = Atomic<Int>(0)
        let lost = Atomic<Int>(0)
        let parts =
            zip(shards, names).map { (Array(weights[$0]), $1) }
            + denseModules.map {
                (
                    [RenamedTensor(base: $0.weight, name: "linear.weight")],
                    "\($0.folder)/model.safetensors"
                )
            }
        for (tensors, name) in parts {
            try write(tensors, to: directory.file(name), threadCount: threadCount) { bytes, count in
                lost.add(count, ordering: .relaxed)
                progress(done.add(bytes, ordering: .relaxed).newValue, total)
            }
        }
        findings.outOfRangeCount = lost.load(ordering: .relaxed)
        if shards.count > 1 {
            try OutputFile.write(
                index(shards, names, byteCount: sizes.reduce(0, +)).written(),
                to: directory.file("model.safetensors.index.json"))
        }
        for file in source.files { try file.requireUnchanged() }
        try directory.commit()
        return findings
    }

    private func byteCount(of weight: any ReadableTensor) throws -> Int {
        guard let type = weight.dataType,
            let size = type.byteCount(elementCount: weight.shape.elementCount)
        else {
            throw ConversionError(
                .invalidShape(weight.shape.dimensions), path: source.path, place: weight.name)
        }
        return size
    }

    /// The names of so many files of weights.
    package static func fileNames(_ count: Int) -> [String] {
        guard count > 1 else { return ["model.safetensors"] }
        func digits(_ number: Int) -> String {
            String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
        }
        return (1...count).map { "model-\(digits($0))-of-\(digits(count)).safetensors" }
    }

    /// Which weight is in which file.
    private func index(_ shards: [Range<Int>], _ names: [String], byteCount: Int) -> JSON {
        let map = zip(shards, names).flatMap { range, name in
            weights[range].map {
                JSON.Member(key: ByteString($0.name), value: .string(ByteString(name)))
            }
        }
        return ["metadata": ["total_size": .integer(byteCount)], "weight_map": .object(map)]
    }

    /// The tensors of each file, in order.
    package static func shards(_ sizes: [Int], limit: Int, starts: [Int] = []) -> [Range<Int>] {
        var shards: [Range<Int>] = []
        var (start, size) = (0, 0)
        for (index, next) in sizes.enumerated() {
            if index > start, size > limit - next || starts.contains(index) {
                shards.append(start..<index)
                (start, size) = (index, 0)
            }
            size += next
        }
        return shards + [start..<sizes.count]
    }

    private func write(
        _ weights: [any ReadableTensor], to path: String, threadCount: Int?,
        _ report: @escaping @Sendable (_ bytes: Int, _ outOfRange: Int) -> Void
    ) throws {
        let tensors = weights.map {
            SafetensorsWriter.Tensor(name: $0.name, dataType: $0.dataType ?? .F32, shape: $0.shape)
        }
        let writer = try SafetensorsWriter(
            path: path, tensors: tensors, metadata: [("format", "pt")])
        var pieces: [(tensor: Int, elements: Range<Int>)] = []
        for (number, tensor) in tensors.enumerated() {
            let rowLength = max(1, tensor.shape.rowLength)
            let step = max(1, ExportedCheckpoint.pieceElementCount / rowLength) * rowLength
            for start in stride(from: 0, to: tensor.shape.elementCount, by: step) {
                pieces.append((number, start..<min(start + step, tensor.shape.elementCount)))
            }
        }
        let jobs = pieces
        let pool = WorkerPool(threadCount: threadCount)
        try pool.run(jobCount: jobs.count) { _, job in
            let (number, elements) = jobs[job]
            let weight = weights[number]
            let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: elements.count)
            defer { floats.deallocate() }
            guard let base = floats.baseAddress, let format = weight.format else { return }
            try weight.readFloats(elements, into: base, scratch: ScratchBuffer())
            var outOfRange = 0
            if format == .F16 {
                // Halfway to the next value above the largest is the first that rounds to infinity.
                for value in floats where value.isFinite && abs(value) >= 65520 { outOfRange += 1 }
            }
            let bytes = UnsafeMutableRawBufferPointer.allocate(
                byteCount: elements.count * format.blockByteCount, alignment: 64)
            defer { bytes.deallocate() }
            guard let destination = bytes.baseAddress else { return }
            if format == .F32 {
                destination.copyMemory(from: base, byteCount: bytes.count)
            } else {
                format.encode?(base, 1, elements.count, nil, destination)
            }
            try writer.write(
                UnsafeRawBufferPointer(bytes), tensor: number,
                at: elements.lowerBound * format.blockByteCount)
            report(bytes.count, outOfRange)
        }
        try writer.finish()
    }
}
