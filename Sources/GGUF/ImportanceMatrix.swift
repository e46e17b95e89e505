public import TensorCore

/// Mean squared activations per input column of a model's linear layers: how much each column of a
/// weight matters.
///
/// Made from calibration text, used as weights when blocks are fitted.
public struct ImportanceMatrix: Sendable {
    /// The weights of one tensor.
    public struct Entry: Sendable {
        /// `expertCount × rowLength` values, one row per expert; one row for ordinary tensors.
        public let values: [Float]
        /// Experts that the calibration text never reached; their values are 1.
        public let missingExperts: [Int]
        /// The number of experts that the entry was made for, 1 for ordinary tensors.
        public let expertCount: Int
    }

    /// The path as the user named it.
    public let path: String
    /// The name that quantized files record under `quantize.imatrix.file`.
    public let recordedName: String
    /// The entries by tensor name.
    public let entries: [ByteString: Entry]
    /// The calibration texts that the file names.
    public let datasets: [String]
    /// The number of windows that the statistics come from; 0 when the file does not say.
    public let chunkCount: Int

    /// The entry of the tensor called `name`.
    public subscript(name: String) -> Entry? { entries[ByteString(name)] }

    private init(
        path: String, recordedName: String, entries: [ByteString: Entry], datasets: [String],
        chunkCount: Int
    ) {
        self.path = path
        self.recordedName = recordedName
        self.entries = entries
        self.datasets = datasets
        self.chunkCount = chunkCount
    }

    /// Reads an importance matrix, in GGUF form or in the older binary form.
    ///
    /// In GGUF form `general.type` is `imatrix` and there is for each tensor `NAME` a pair
    /// `NAME.in_sum2` (`[expertCount, rowLength]`, sums of squares) and `NAME.counts`
    /// (`[expertCount, 1]`). For the older form see `LegacyImportance`. A value of zero is allowed.
    ///
    /// - Parameter recordedName: The name that quantized files record; the path as given by default.
    /// - Throws: `GGUFError` when a pair is incomplete, shapes contradict each other or a value is
    ///   negative or not finite; `FileError`.
    public init(path: String, recordedName: String? = nil) throws {
        let file = try InputFile(path: path)
        if try LegacyImportance.isForm(of: file) {
            let legacy = try LegacyImportance(file)
            self.init(
                path: path, recordedName: recordedName ?? path,
                entries: legacy.entries.mapValues {
                    Entry(values: $0.means, missingExperts: [], expertCount: 1)
                }, datasets: legacy.datasets, chunkCount: legacy.chunkCount)
            return
        }
        let contents = try ImportanceMatrix.contents(of: GGUFFile(path: path))
        self.init(
            path: path, recordedName: recordedName ?? path, entries: contents.entries,
            datasets: contents.datasets, chunkCount: contents.chunkCount)
    }

    private static func contents(
        of file: GGUFFile
    ) throws -> (entries: [ByteString: Entry], datasets: [String], chunkCount: Int) {
        guard file.metadata["general.type"]?.text == "imatrix" else {
            throw GGUFError(
                .invalidValue(
                    key: "general.type", found: file.metadata["general.type"]?.text ?? "missing",
                    expected: "imatrix"), path: file.path)
        }
        var datasets: [String] = []
        if case .strings(let names) = file.metadata["imatrix.datasets"] {
            datasets = names.map(\.description)
        }
        var positions: [ByteString: Int] = [:]
        for (index, tensor) in file.tensors.enumerated() {
            positions[ByteString(tensor.name)] = index
        }
        let scratch = ScratchBuffer()
        var entries: [ByteString: Entry] = [:]
        for (index, tensor) in file.tensors.enumerated() where tensor.name.hasSuffix(".in_sum2") {
            let name = String(tensor.name.dropLast(".in_sum2".count))
            guard let counts = positions[ByteString(name + ".counts")] else {
                throw GGUFError(.missingKey("tensor \(name).counts"), path: file.path)
            }
            entries[ByteString(name)] = try ImportanceMatrix.entry(
                of: file, sums: index, counts: counts, scratch: scratch)
        }
        return (entries, datasets, max(0, file.metadata["imatrix.chunk_count"]?.integer ?? 0))
    }

    /// The matrix with only the entries that are asked for: those whose name contains one of
    /// `included` (all when there is none) and none of `excluded`; `nil` when none is left.
    ///
    /// - Complexity: O(entries × names).
    public func restricted(including included: [String], excluding excluded: [String])
        -> ImportanceMatrix?
    {
        let kept = entries.filter { name, _ in
            (included.isEmpty || included.contains { name.contains($0) })
                && !excluded.contains { name.contains($0) }
        }
        if kept.isEmpty { return nil }
        return ImportanceMatrix(
            path: path, recordedName: recordedName, entries: kept, datasets: datasets,
            chunkCount: chunkCount)
    }

    /// Throws when an importance is negative or not finite.
    static func check(_ value: Float, column: Int, name: String, path: String) throws {
        guard value.isFinite, value >= 0 else {
            throw GGUFError(
                .invalidValue(
                    key: "column \(column)", found: "\(value)",
                    expected: "a finite importance of at least 0"), path: path, place: name)
        }
    }

    private static func entry(
        of file: GGUFFile, sums: Int, counts: Int, scratch: ScratchBuffer
    ) throws -> Entry {
        let shape = file.tensors[sums].shape
        let name = file.tensors[sums].name
        guard file.tensors[counts].shape.elementCount == shape.rowCount else {
            throw GGUFError(
                .invalidShape(
                    found: "\(file.tensors[counts].shape.elementCount) counts",
                    expected: "\(shape.rowCount)"), path: file.path, place: name)
        }
        var values = try file.floats(ofTensor: sums, scratch: scratch)
        let reached = try file.floats(ofTensor: counts, scratch: scratch)
        var missing: [Int] = []
        for (expert, count) in reached.enumerated() {
            guard count.isFinite, count >= 0 else {
                throw GGUFError(
                    .invalidValue(
                        key: "the count of expert \(expert)", found: "\(count)",
                        expected: "a finite count of at least 0"), path: file.path, place: name)
            }
        }
        for expert in 0..<shape.rowCount {
            let row = expert * shape.rowLength..<(expert + 1) * shape.rowLength
            guard reached[expert] > 0 else {
                missing.append(expert)
                for index in row { values[index] = 1 }
                continue
            }
            for index in row {
                let value = values[index] / reached[expert]
                try check(
                    value, column: index - row.lowerBound, name: name, path: file.path)
                values[index] = value
            }
        }
        return Entry(values: values, missingExperts: missing, expertCount: shape.rowCount)
    }
}

extension ByteString {
    /// Whether the bytes of `part` stand somewhere in this string.
    fileprivate func contains(_ part: String) -> Bool {
        let part = Array(part.utf8)
        guard !part.isEmpty else { return true }
        guard part.count <= bytes.count else { return false }
        return (0...bytes.count - part.count).contains { start in
            bytes[start..<start + part.count].elementsEqual(part)
        }
    }
}

extension GGUFFile {
    /// All values of a small tensor.
    public func floats(ofTensor index: Int, scratch: ScratchBuffer) throws -> [Float] {
        let shape = tensors[index].shape
        var values = [Float](repeating: 0, count: shape.elementCount)
        try unsafe values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            try unsafe readRows(0..<shape.rowCount, ofTensor: index, into: base, scratch: scratch)
        }
        return values
    }
}
