import TensorCore

/// An importance matrix in the older binary form.
struct LegacyImportance {
    /// The values of one tensor, those of experts one expert after the other.
    struct Entry {
        /// Mean squares.
        var means: [Float]
        /// How often the tensor was multiplied with; once in a window.
        var callCount: Int
    }

    /// The entries by the tensor's name.
    var entries: [ByteString: Entry] = [:]
    /// The text, where the file names it.
    var datasets: [String] = []
    /// The number of windows; 0 where the file does not say.
    var chunkCount = 0

    /// Whether a file is in this form: it is, unless it starts as a GGUF file does.
    static func isForm(of file: InputFile) throws -> Bool {
        try file.read(at: 0, count: min(4, file.byteCount)) != Array("GGUF".utf8)
    }

    /// Reads the older binary form, little-endian: the number of entries (int32); for each the
    /// length of its name (int32), the name, the number of calls (int32), the number of values
    /// (int32), the values (float32), each the mean times the number of calls; and, in files of later
    /// versions, the number of windows (int32) and the name of the text with its length (int32).
    ///
    /// - Throws: `GGUFError` when the file ends early, a count cannot be right, a name stands twice
    ///   or a value is negative or not finite; `FileError`.
    init(_ file: InputFile) throws {
        var reader = HeaderReader(file: file)
        // Four bytes each for the name's length, the calls, the number of values and one value.
        let count = try reader.int32Count("entries", unit: 16)
        guard count > 0 else {
            throw reader.fault(
                .invalidValue(key: "the number of entries", found: "0", expected: "at least 1"))
        }
        for _ in 0..<count {
            let name = try reader.int32Text("the name of an entry")
            let calls = try reader.integer(Int32.self, "the number of calls for \(name)")
            guard calls >= 0 else {
                throw reader.fault(
                    .invalidValue(
                        key: "the number of calls", found: "\(calls)", expected: "at least 0"),
                    place: name)
            }
            let valueCount = try reader.int32Count("values of \(name)", unit: 4)
            guard valueCount > 0 else {
                throw reader.fault(
                    .invalidValue(
                        key: "the number of values", found: "0", expected: "at least 1"),
                    place: name)
            }
            var values: [Float] = []
            values.reserveCapacity(valueCount)
            for column in 0..<valueCount {
                let stored = try reader.float("the values of \(name)")
                let value = calls > 0 ? stored / Float(calls) : stored
                try ImportanceMatrix.check(value, column: column, name: name, path: file.path)
                values.append(value)
            }
            guard entries[ByteString(name)] == nil else {
                throw reader.fault(.duplicate(what: "entry", name: name))
            }
            entries[ByteString(name)] = Entry(means: values, callCount: Int(calls))
        }
        guard reader.remaining > 0 else { return }
        chunkCount = max(0, Int(try reader.integer(Int32.self, "the number of windows")))
        datasets = [try reader.int32Text("the name of the text")]
    }
}

extension HeaderReader {
    /// A 32-bit count of things that take at least `unit` bytes each in the file.
    fileprivate mutating func int32Count(_ what: String, unit: Int) throws -> Int {
        let start = place
        let count = try integer(Int32.self, "the number of \(what)")
        guard count >= 0, Int(count) <= remaining / unit else {
            throw fault(
                .countTooLarge(
                    what: what, found: UInt64(UInt32(bitPattern: count)), limit: remaining / unit),
                place: start)
        }
        return Int(count)
    }

    /// A text with a 32-bit length in front.
    fileprivate mutating func int32Text(_ what: String) throws -> String {
        let start = place
        let count = try int32Count("bytes of \(what)", unit: 1)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for _ in 0..<count { bytes.append(try integer(UInt8.self, what)) }
        guard let text = ByteString(bytes: bytes).validated else {
            throw fault(.invalidText(what: what), place: start)
        }
        return text
    }
}
