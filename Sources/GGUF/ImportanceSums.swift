import TensorCore

/// What an importance matrix is made of: for every input of a model's linear layers the sum of its
/// squares, and how many rows were summed.
///
/// Unlike `ImportanceMatrix`, which holds the means that quantization wants, sums of several runs
/// can be added.
public struct ImportanceSums: Sendable {
    /// The sums of one tensor.
    public struct Entry: Sendable, Hashable {
        /// `counts.count × rowLength` sums of squares, a row for each expert.
        public var sums: [Double]
        /// The rows summed for each expert; one number for a tensor without experts.
        public var counts: [Double]

        /// Creates an entry.
        public init(sums: [Double], counts: [Double]) {
            self.sums = sums
            self.counts = counts
        }

        /// Experts that no row reached.
        public var unreached: [Int] { counts.indices.filter { counts[$0] == 0 } }
    }

    /// The entries by the tensor's name.
    public var entries: [String: Entry]
    /// The names of the texts.
    public var datasets: [String]
    /// The number of windows.
    public var chunkCount: Int
    /// The tokens of a window.
    public var chunkSize: Int

    /// Creates sums.
    public init(
        entries: [String: Entry] = [:], datasets: [String] = [], chunkCount: Int = 0, chunkSize: Int
    ) {
        self.entries = entries
        self.datasets = datasets
        self.chunkCount = chunkCount
        self.chunkSize = chunkSize
    }

    /// Reads the sums of an importance matrix, in GGUF form or in the older binary form.
    ///
    /// The older form has means, and how many windows they are from but not how long those were,
    /// nor how many rows reached each expert.
    ///
    /// - Parameter legacyChunkSize: The tokens of a window for a file in the older form.
    /// - Throws: `GGUFError` when the file is not one, a pair is incomplete, or a number is negative
    ///   or not finite; `FileError`.
    public init(path: String, legacyChunkSize: Int = 512) throws {
        let input = try InputFile(path: path)
        if try LegacyImportance.isForm(of: input) {
            self.init(try LegacyImportance(input), chunkSize: max(1, legacyChunkSize))
        } else {
            try self.init(GGUFFile(path: path))
        }
    }

    private init(_ legacy: LegacyImportance, chunkSize: Int) {
        self.init(
            datasets: legacy.datasets,
            chunkCount: max(legacy.chunkCount, legacy.entries.values.map(\.callCount).max() ?? 0),
            chunkSize: chunkSize)
        for (name, entry) in legacy.entries {
            let rows = Double(max(1, entry.callCount)) * Double(chunkSize)
            entries[name.description] = Entry(
                sums: entry.means.map { Double($0) * rows }, counts: [rows])
        }
    }

    private init(_ file: GGUFFile) throws {
        let path = file.path
        guard file.metadata["general.type"]?.text == "imatrix" else {
            throw GGUFError(
                .invalidValue(
                    key: "general.type", found: file.metadata["general.type"]?.text ?? "missing",
                    expected: "imatrix"), path: path)
        }
        datasets = []
        if case .strings(let names) = file.metadata["imatrix.datasets"] {
            datasets = names.map(\.description)
        }
        // Files say what they like, in more than the 32 bits that are written.
        let most = Int(UInt32.max)
        chunkCount = min(most, max(0, file.metadata["imatrix.chunk_count"]?.integer ?? 0))
        chunkSize = min(most, max(1, file.metadata["imatrix.chunk_size"]?.integer ?? 1))
        var positions: [ByteString: Int] = [:]
        for (index, tensor) in file.tensors.enumerated() {
            positions[ByteString(tensor.name)] = index
        }
        entries = [:]
        let scratch = ScratchBuffer()
        for (index, tensor) in file.tensors.enumerated() where tensor.name.hasSuffix(".in_sum2") {
            let name = String(tensor.name.dropLast(".in_sum2".count))
            guard let place = positions[ByteString(name + ".counts")] else {
                throw GGUFError(.missingKey("tensor \(name).counts"), path: path)
            }
            let sums = try file.floats(ofTensor: index, scratch: scratch)
            let counts = try file.floats(ofTensor: place, scratch: scratch)
            guard !counts.isEmpty, sums.count % counts.count == 0 else {
                throw GGUFError(
                    .invalidShape(
                        found: "\(counts.count) counts for \(sums.count) sums",
                        expected: "a count for every row of sums"), path: path, place: name)
            }
            for (column, value) in (sums + counts).enumerated()
            where !(value.isFinite && value >= 0) {
                throw GGUFError(
                    .invalidValue(
                        key: "number \(column)", found: "\(value)",
                        expected: "a finite one of at least 0"), path: path, place: name)
            }
            entries[name] = Entry(sums: sums.map(Double.init), counts: counts.map(Double.init))
        }
    }

    /// Adds the sums of another run.
    ///
    /// - Throws: `GGUFError` naming `path` when a tensor has another shape there.
    public mutating func add(_ other: ImportanceSums, path: String) throws(GGUFError) {
        for (name, entry) in other.entries {
            guard var own = entries[name] else {
                entries[name] = entry
                continue
            }
            // The older form does not tell experts apart: each had as many rows as any other.
            var entry = entry
            if own.counts.count == 1 {
                own.counts = [Double](repeating: own.counts[0], count: entry.counts.count)
            } else if entry.counts.count == 1 {
                entry.counts = [Double](repeating: entry.counts[0], count: own.counts.count)
            }
            guard own.sums.count == entry.sums.count, own.counts.count == entry.counts.count else {
                throw GGUFError(
                    .invalidShape(
                        found: "\(entry.sums.count) sums and \(entry.counts.count) counts",
                        expected: "\(own.sums.count) and \(own.counts.count)"), path: path,
                    place: name)
            }
            for index in entry.sums.indices { own.sums[index] += entry.sums[index] }
            for index in entry.counts.indices { own.counts[index] += entry.counts[index] }
            entries[name] = own
        }
        for dataset in other.datasets where !datasets.contains(dataset) {
            datasets.append(dataset)
        }
        let chunks = Double(other.chunkCount) * Double(other.chunkSize) / Double(chunkSize)
        // No more windows than are written are counted.
        let most = Int(UInt32.max)
        chunkCount = min(most, min(most, chunkCount) + (chunks < Double(most) ? Int(chunks) : most))
    }
}
