import Quantization
import TensorCore

extension ImportanceSums {
    /// The forms of a file of importance.
    public enum Form: String, Sendable, CaseIterable {
        /// Sums and counts in a GGUF file.
        case gguf
        /// The older binary form: means times the number of windows.
        case dat

        /// The form of a file of that name: `.dat` is the older one.
        public init(path: String) { self = path.hasSuffix(".dat") ? .dat : .gguf }
    }

    /// Writes an importance matrix, as llama.cpp's tools do.
    ///
    /// - Throws: `GGUFError`, `FileError`.
    public func write(to path: String, as form: Form = .gguf) throws {
        switch form {
        case .gguf: try writeGGUF(to: path)
        case .dat: try writeLegacy(to: path)
        }
    }

    private var sorted: [(key: String, value: Entry)] {
        entries.sorted { ByteString($0.key) < ByteString($1.key) }
    }

    /// For each tensor `NAME`, in the order of the names' bytes, `NAME.in_sum2` and `NAME.counts` in
    /// F32.
    private func writeGGUF(to path: String) throws {
        var metadata = Metadata()
        metadata["general.type"] = .string("imatrix")
        metadata["imatrix.datasets"] = .strings(datasets.map { ByteString($0) })
        metadata["imatrix.chunk_count"] = .uint32(UInt32(clamping: chunkCount))
        metadata["imatrix.chunk_size"] = .uint32(UInt32(clamping: chunkSize))
        var tensors: [TensorDescription] = []
        var data: [[Double]] = []
        for (name, entry) in sorted {
            let (count, length) = (entry.counts.count, entry.sums.count / entry.counts.count)
            let dimensions = count == 1 ? [[length], [1]] : [[count, length], [count, 1]]
            for (suffix, dimensions) in zip([".in_sum2", ".counts"], dimensions) {
                guard let shape = Shape(dimensions) else { continue }
                tensors.append(
                    TensorDescription(name: name + suffix, shape: shape, format: .F32))
            }
            data += [entry.sums, entry.counts]
        }
        let layout = try GGUFLayout(metadata: metadata, tensors: tensors, path: path)
        let file = try OutputFile(path: path, byteCount: layout.byteCount)
        try file.write(layout.header, at: 0)
        for (values, offset) in zip(data, layout.offsets) {
            try file.write(ImportanceSums.bytes(of: values.map { Float($0) }), at: offset)
        }
        try file.commit(byteCount: layout.byteCount)
    }

    /// The form that `LegacyImportance` reads.
    ///
    /// Entries without a row are left out; the values of experts without one are 1.
    private func writeLegacy(to path: String) throws {
        func integer(_ value: Int) -> [UInt8] {
            unsafe withUnsafeBytes(of: Int32(clamping: value).littleEndian) { unsafe Array($0) }
        }
        let stored = sorted.filter { $0.value.counts.contains { $0 > 0 } }
        let file = try OutputFile(path: path)
        var offset = 0
        func write(_ bytes: [UInt8]) throws {
            try file.write(bytes, at: offset)
            offset += bytes.count
        }
        try write(integer(stored.count))
        for (name, entry) in stored {
            let rows = Int(clamping: Int64(min(entry.counts.max() ?? 0, 1e15)))
            // Rounded up: 0 would be no call at all.
            let calls = (rows + chunkSize - 1) / max(1, chunkSize)
            try write(
                integer(name.utf8.count) + Array(name.utf8) + integer(calls)
                    + integer(entry.sums.count))
            let length = entry.sums.count / entry.counts.count
            let values = entry.sums.indices.map { index in
                let count = Float(entry.counts[index / length])
                return (count > 0 ? Float(entry.sums[index]) / count : 1) * Float(calls)
            }
            try write(ImportanceSums.bytes(of: values))
        }
        let dataset = Array((datasets.last ?? "").utf8)
        try write(integer(chunkCount) + integer(dataset.count) + dataset)
        try file.commit(byteCount: offset)
    }

    private static func bytes(of values: [Float]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 4 * values.count) { buffer, filled in
            for (index, value) in values.enumerated() {
                unsafe UnsafeMutableRawBufferPointer(buffer).storeBytes(
                    of: value.bitPattern.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
            }
            filled = 4 * values.count
        }
    }
}
