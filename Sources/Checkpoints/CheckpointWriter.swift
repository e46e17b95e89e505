import Conversion
import Quantization
import Safetensors
import Synchronization
import TensorCore

/// Writes a planned directory, which appears when it is complete.
///
/// Memory: one matrix as codes, and for each thread a strip of rows as values and as stored.
public struct CheckpointWriter: Sendable {
    /// How it is written.
    public struct Options: Sendable {
        /// The most bytes of weights in a file; a single tensor may have more.
        public var shardByteCount = 5_000_000_000
        /// Worker threads; one for each processor where nobody says.
        public var threadCount: Int?
        /// What the model card says of the program.
        public var toolVersion = ""

        /// As usual.
        public init() {}
    }

    /// What came of it.
    public struct Findings: Sendable {
        /// The bytes of all tensors.
        public var byteCount = 0
        /// The number of files of weights.
        public var shardCount = 0
    }

    /// The values that a worker holds at a time, or one row of cells where that is more.
    private static let pieceElementCount = 1 << 17

    let plan: CheckpointPlan
    let options: Options
    let rounding: (any MatrixRounding)?
    private let pool: WorkerPool
    private let shards: [Range<Int>]

    /// Prepares.
    init(_ plan: CheckpointPlan, options: Options, rounding: (any MatrixRounding)?) {
        self.plan = plan
        self.options = options
        self.rounding = rounding
        pool = WorkerPool(threadCount: options.threadCount)
        shards = ExportedCheckpoint.shards(
            plan.tensors.map(\.byteCount), limit: options.shardByteCount)
    }

    /// Writes a directory.
    ///
    /// - Parameters:
    ///   - path: A directory that is not there, or empty.
    ///   - calibration: What weights are rounded by; without it to nearest.
    ///   - progress: Told the bytes written so far and the bytes in all.
    /// - Throws: `CheckpointError`, `FileError`, and what reading throws.
    public static func write(
        _ plan: CheckpointPlan, to path: String, options: Options = Options(),
        calibration: CheckpointCalibration? = nil,
        progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) throws -> Findings {
        if plan.needsText, calibration == nil {
            throw CheckpointError.needsText(of: plan)
        }
        let directory = try OutputDirectory(path: path)
        let writer = CheckpointWriter(plan, options: options, rounding: calibration)
        try writer.writeFiles(to: directory, calibration)
        try writer.writeWeights(to: directory, progress)
        for file in plan.model.conversion.files { try file.requireUnchanged() }
        try directory.commit()
        return Findings(byteCount: plan.byteCount, shardCount: writer.shards.count)
    }

    private func writeFiles(
        to directory: OutputDirectory, _ calibration: CheckpointCalibration?
    ) throws {
        let configuration = plan.configuration
        var files: [(name: String, bytes: [UInt8])] = [
            ("config.json", config(configuration.quantization).written()),
            (
                "README.md",
                Array(QuantizedModelCard(plan, options, calibration).text.utf8)
            ),
        ]
        if let file = configuration.file { files.append((file.name, file.contents.written())) }
        for (name, content) in plan.model.files {
            switch content {
            case .bytes(let bytes): files.append((name, bytes))
            case .copy(let source): try copy(source, to: directory.file(name))
            }
        }
        for (name, bytes) in files { try OutputFile.write(bytes, to: directory.file(name)) }
    }

    private func copy(_ source: String, to path: String) throws {
        let input = try InputFile(path: source)
        let output = try OutputFile(path: path, byteCount: input.byteCount)
        let scratch = ScratchBuffer()
        for start in stride(from: 0, to: input.byteCount, by: 1 << 20) {
            let bytes = scratch.bytes(min(1 << 20, input.byteCount - start))
            try input.read(at: start, into: bytes)
            try output.write(UnsafeRawBufferPointer(bytes), at: start)
        }
        try output.commit()
    }

    /// The model's configuration with another quantization.
    private func config(_ quantization: JSON) -> JSON {
        let left: Set<ByteString> = [
            "quantization_config", "compression_config", "quantization", "transformers_weights",
        ]
        func cleaned(_ json: JSON) -> [JSON.Member] {
            (json.members ?? []).filter { !left.contains($0.key) }
        }
        let members = cleaned(plan.model.config).map { member in
            member.key == "text_config"
                ? JSON.Member(key: member.key, value: .object(cleaned(member.value))) : member
        }
        return .object(
            members + [JSON.Member(key: "quantization_config", value: quantization)])
    }

    private func writeWeights(
        to directory: OutputDirectory, _ progress: @escaping @Sendable (Int, Int) -> Void
    ) throws {
        let names = ExportedCheckpoint.fileNames(shards.count)
        let files = try zip(shards, names).map { range, name in
            try SafetensorsWriter(
                path: directory.file(name),
                tensors: plan.tensors[range].map {
                    .init(name: $0.name, dataType: $0.dataType, shape: $0.shape)
                }, metadata: [("format", "pt")])
        }
        let total = plan.byteCount
        let done = Atomic<Int>(0)
        let sink = TensorSink(files: files, shards: shards) {
            progress(done.add($0, ordering: .relaxed).newValue, total)
        }
        try carryOver(to: sink)
        try writeCacheScales(to: sink)
        var ranges = MatrixRanges(plan)
        for stage in stages {
            if let group = stage.group { try rounding?.prepare(group: group, ranges: &ranges) }
            for matrix in stage.matrices {
                try write(matrix, ranges: &ranges, isRounded: stage.group != nil, to: sink)
            }
        }
        for file in files { try file.finish() }
        guard shards.count > 1 else { return }
        let map = zip(shards, names).flatMap { range, name in
            plan.tensors[range].map {
                JSON.Member(key: ByteString($0.name), value: .string(ByteString(name)))
            }
        }
        let index: JSON = ["metadata": ["total_size": .integer(total)], "weight_map": .object(map)]
        try OutputFile.write(
            index.written(), to: directory.file("model.safetensors.index.json"))
    }

    /// The matrices in the order in which they are rounded, and what is prepared for them.
    private var stages: [(group: Int?, matrices: [Int])] {
        guard let rounding else { return [(nil, Array(plan.matrices.indices))] }
        var stages = rounding.groups.map { (group: Int?.some($0), matrices: [Int]()) }
        var plain: [Int] = []
        for (number, matrix) in plan.matrices.enumerated() {
            if let group = rounding.group(of: matrix.linear) {
                stages[group].matrices.append(number)
            } else {
                plain.append(number)
            }
        }
        return [(nil, plain)] + stages.filter { !$0.matrices.isEmpty }
    }
}

extension CheckpointWriter {
    /// Copies what is not quantized.
    private func carryOver(to sink: TensorSink) throws {
        var pieces: [(tensor: Int, elements: Range<Int>)] = []
        for (number, tensor) in plan.tensors.enumerated() {
            guard case .carried = tensor.origin else { continue }
            let step = max(1, 1 << 20)
            for start in stride(from: 0, to: tensor.shape.elementCount, by: step) {
                pieces.append((number, start..<min(start + step, tensor.shape.elementCount)))
            }
        }
        let jobs = pieces
        try pool.run(jobCount: jobs.count) { _, job in
            let (number, elements) = jobs[job]
            let tensor = plan.tensors[number]
            guard case .carried(let values) = tensor.origin else { return }
            let replaced = rounding?.replacement(of: tensor.name)
            let width = tensor.dataType.bitCount / 8
            let bytes = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(1, elements.count * width), alignment: 64)
            defer { bytes.deallocate() }
            let part = UnsafeMutableRawBufferPointer(
                rebasing: bytes[..<(elements.count * width)])
            if replaced == nil, values.location != nil {
                try values.readBytes(elements, into: part)
            } else {
                try encode(values, elements, replaced, as: tensor.dataType, into: part)
            }
            try requireFinite(part, from: elements.lowerBound, of: tensor)
            try sink.write(part, tensor: number, at: elements.lowerBound * width)
        }
    }

    /// Refuses NaN and infinities in what is copied; tensors that the model does not use may have them.
    private func requireFinite(
        _ bytes: UnsafeMutableRawBufferPointer, from first: Int, of tensor: CheckpointPlan.Tensor
    ) throws {
        guard plan.model.places[tensor.name] != nil,
            let found = tensor.dataType.firstNonFinite(in: bytes)
        else { return }
        let length = max(1, tensor.shape.rowLength)
        throw CheckpointError(
            .notFinite(row: (first + found) / length, column: (first + found) % length),
            path: plan.model.path, place: tensor.name)
    }

    private func writeCacheScales(to sink: TensorSink) throws {
        for (number, tensor) in plan.tensors.enumerated() {
            guard case .cacheScale(let block, let isKey) = tensor.origin else { continue }
            guard let largest = rounding?.largestCached(block: block, isKey: isKey) else {
                throw CheckpointError(.noRange, path: plan.model.path, place: tensor.name)
            }
            try write(ActivationScale(divisor: 448).value(largest: largest), number, to: sink)
        }
    }

    /// Writes a tensor of one number.
    private func write(_ value: Float, _ number: Int, to sink: TensorSink) throws {
        let tensor = plan.tensors[number]
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: tensor.byteCount, alignment: 8)
        defer { bytes.deallocate() }
        if let base = bytes.baseAddress { tensor.dataType.store(value, base, at: 0) }
        try sink.write(bytes, tensor: number, at: 0)
    }

    private func encode(
        _ values: any ReadableTensor, _ elements: Range<Int>, _ replaced: [Float]?,
        as dataType: DataType, into destination: UnsafeMutableRawBufferPointer
    ) throws {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: elements.count)
        defer { buffer.deallocate() }
        guard let base = buffer.baseAddress, let target = destination.baseAddress else { return }
        if let replaced {
            for index in elements { base[index - elements.lowerBound] = replaced[index] }
        } else {
            try values.readFloats(elements, into: base, scratch: ScratchBuffer())
        }
        let format: Format = dataType == .F32 ? .F32 : dataType == .F16 ? .F16 : .BF16
        if format == .F32 {
            target.copyMemory(from: base, byteCount: destination.count)
        } else {
            format.encode?(base, 1, elements.count, nil, target)
        }
    }

    /// Rounds a matrix and writes its tensors.
    private func write(
        _ number: Int, ranges: inout MatrixRanges, isRounded: Bool, to sink: TensorSink
    ) throws {
        let matrix = plan.matrices[number]
        let (rows, columns) = (matrix.linear.rows, matrix.linear.columns)
        let coded = CodedMatrix(plan.grid, rows: rows, columns: columns)
        var largest: Float = 0
        if plan.grid.needsLargest {
            largest = try ranges.largest(of: matrix.linear, rounding: rounding, pool: pool)
            if plan.grid.hasGlobalScale {
                // Stored as F32, or as the inverse of what is.
                coded.unit = largest > 0 ? 1 / (448 * 6 / largest) : 1
            }
        }
        let height = coded.cell.rows < rows ? coded.cell.rows : 1
        let step = max(1, CheckpointWriter.pieceElementCount / max(1, columns * height)) * height
        let starts = Array(stride(from: 0, to: rows, by: step))
        let range = largest
        try pool.run(jobCount: starts.count) { _, job in
            let strip = starts[job]..<min(starts[job] + step, rows)
            let values = UnsafeMutablePointer<Float>.allocate(capacity: strip.count * columns)
            defer { values.deallocate() }
            try matrix.linear.read(
                strip, of: plan.model, into: values, scratch: ScratchBuffer())
            rounding?.scale(values, rows: strip, of: matrix.linear)
            if isRounded, let rounding {
                rounding.round(strip, values, of: matrix.linear, into: coded)
            } else {
                coded.round(strip, values, largest: range)
            }
        }
        for (part, tensor) in zip(plan.form.layout.parts, matrix.tensors) {
            try write(part, tensor, of: coded, matrix.linear, to: sink)
        }
    }

    /// Writes one of a matrix's tensors, some of its rows at a time.
    private func write(
        _ part: StoredPart, _ number: Int, of coded: CodedMatrix, _ linear: LinearMatrix,
        to sink: TensorSink
    ) throws {
        let tensor = plan.tensors[number]
        if let activation = part.activation {
            guard let largest = rounding?.largestInput(of: linear) else {
                throw CheckpointError(
                    .noRange, path: plan.model.path, place: linear.module + ".weight")
            }
            return try write(activation.value(largest: largest), number, to: sink)
        }
        let rowCount = tensor.shape.dimensions.first ?? 1
        let rowBytes = tensor.byteCount / max(1, rowCount)
        // Zero points that are packed down the rows are made of all of them.
        let step = part.isWhole ? rowCount : max(1, (1 << 19) / max(1, rowBytes))
        let starts = Array(stride(from: 0, to: rowCount, by: max(1, step)))
        try pool.run(jobCount: starts.count) { _, job in
            let rows = starts[job]..<min(starts[job] + step, rowCount)
            let bytes = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(1, rows.count * rowBytes), alignment: 64)
            defer { bytes.deallocate() }
            guard let base = bytes.baseAddress else { return }
            part.fill(coded, rows, base)
            try sink.write(
                UnsafeMutableRawBufferPointer(rebasing: bytes[..<(rows.count * rowBytes)]),
                tensor: number, at: rows.lowerBound * rowBytes)
        }
    }
}

/// The files of weights, open all at once.
private struct TensorSink: Sendable {
    let files: [SafetensorsWriter]
    let shards: [Range<Int>]
    let report: @Sendable (Int) -> Void

    func write(
        _ bytes: UnsafeMutableRawBufferPointer, tensor: Int, at offset: Int
    ) throws {
        guard let shard = shards.firstIndex(where: { $0.contains(tensor) }) else { return }
        try files[shard].write(
            UnsafeRawBufferPointer(bytes), tensor: tensor - shards[shard].lowerBound, at: offset)
        report(bytes.count)
    }
}
