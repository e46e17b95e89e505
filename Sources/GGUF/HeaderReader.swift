import TensorCore

/// Reads a GGUF header from front to back through a window, with every length checked against the
/// bytes that are left in the file before memory is taken for it.
struct HeaderReader {
    let file: InputFile
    /// Whether what an edit can mend is let through.
    let forRepair: Bool
    private(set) var offset: Int
    private var window: [UInt8] = []
    private var windowStart = 0
    private static let windowByteCount = 1 << 20

    init(file: InputFile, forRepair: Bool = false) {
        self.file = file
        self.forRepair = forRepair
        offset = 0
    }

    var remaining: Int { file.byteCount - offset }
    var place: String { "byte \(offset)" }

    func fault(_ kind: GGUFError.Kind, place: String? = nil) -> GGUFError {
        GGUFError(kind, path: file.path, place: place ?? self.place)
    }

    /// Makes the window hold `count` bytes from `offset` on; returns the index of the first.
    private mutating func need(_ count: Int, _ what: @autoclosure () -> String) throws -> Int {
        guard count <= remaining else {
            throw fault(.truncated(what: what(), needed: UInt64(count), available: remaining))
        }
        if offset < windowStart || offset + count > windowStart + window.count {
            windowStart = offset
            window = try file.read(
                at: offset, count: min(max(count, HeaderReader.windowByteCount), remaining))
        }
        let index = offset - windowStart
        offset += count
        return index
    }

    mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type = Value.self, _ what: @autoclosure () -> String
    ) throws -> Value {
        let index = try need(MemoryLayout<Value>.size, what())
        return unsafe window.withUnsafeBytes {
            unsafe Value(littleEndian: $0.loadUnaligned(fromByteOffset: index, as: Value.self))
        }
    }

    mutating func float(_ what: String) throws -> Float {
        Float(bitPattern: try integer(UInt32.self, what))
    }

    mutating func double(_ what: String) throws -> Double {
        Double(bitPattern: try integer(UInt64.self, what))
    }

    mutating func bool(_ what: String) throws -> Bool {
        let value = try integer(UInt8.self, what)
        try check(boolean: value, of: what)
        return value != 0
    }

    private func check(boolean value: UInt8, of key: String) throws {
        guard value <= 1 || forRepair else {
            throw fault(
                .mendable(
                    what: "a BOOL", found: "\(value)", expected: "0 or 1",
                    remedy: "Set it: ingot edit IN OUT --set \(key)=true."), place: key)
        }
    }

    mutating func string(_ what: String) throws -> ByteString {
        ByteString(window[try stringRange(what)])
    }

    /// Makes the window hold the next string; returns where its bytes are in it.
    private mutating func stringRange(_ what: String) throws -> Range<Int> {
        let start = place
        let length = try integer(UInt64.self, "the length of \(what)")
        guard length <= UInt64(HeaderReader.longest) else {
            throw fault(
                .countTooLarge(what: "bytes", found: length, limit: HeaderReader.longest),
                place: start)
        }
        guard length <= UInt64(remaining) else {
            throw fault(.truncated(what: what, needed: length, available: remaining))
        }
        let index = try need(Int(length), what)
        return index..<index + Int(length)
    }

    mutating func text(_ what: String) throws -> String {
        let start = place
        guard let text = try string(what).validated else {
            throw fault(.invalidText(what: what), place: start)
        }
        return text
    }

    /// The most bytes of a string and elements of an array that llama.cpp reads.
    private static let longest = 1 << 30

    /// A count of things that take at least `unit` bytes each in the file.
    mutating func count(_ what: String, unit: Int) throws -> Int {
        let start = place
        let count = try integer(UInt64.self, "the number of \(what)")
        let limit = min(remaining / unit, HeaderReader.longest)
        guard count <= UInt64(limit) else {
            throw fault(.countTooLarge(what: what, found: count, limit: limit), place: start)
        }
        return Int(count)
    }

    mutating func integers<Value: FixedWidthInteger>(
        _ type: Value.Type, _ what: String
    ) throws -> [Value] {
        let count = try self.count(what, unit: MemoryLayout<Value>.size)
        var values = [Value](repeating: 0, count: count)
        try unsafe values.withUnsafeMutableBytes { try unsafe file.read(at: offset, into: $0) }
        offset += count * MemoryLayout<Value>.size
        if Value(littleEndian: 1) != 1 { values = values.map { Value(littleEndian: $0) } }
        return values
    }

    mutating func value(type: UInt32, key: String) throws -> MetadataValue {
        switch type {
        case 0: return .uint8(try integer(UInt8.self, key))
        case 1: return .int8(try integer(Int8.self, key))
        case 2: return .uint16(try integer(UInt16.self, key))
        case 3: return .int16(try integer(Int16.self, key))
        case 4: return .uint32(try integer(UInt32.self, key))
        case 5: return .int32(try integer(Int32.self, key))
        case 6: return .float32(try float(key))
        case 7: return .bool(try bool(key))
        case 8: return .string(try string(key))
        case 9: return try array(key: key)
        case 10: return .uint64(try integer(UInt64.self, key))
        case 11: return .int64(try integer(Int64.self, key))
        case 12: return .float64(try double(key))
        default: throw fault(.unknownMetadataType(type), place: key)
        }
    }

    private mutating func array(key: String) throws -> MetadataValue {
        let type = try integer(UInt32.self, "the element type of \(key)")
        let what = "elements of \(key)"
        switch type {
        case 0: return .uint8s(try integers(UInt8.self, what))
        case 1: return .int8s(try integers(Int8.self, what))
        case 2: return .uint16s(try integers(UInt16.self, what))
        case 3: return .int16s(try integers(Int16.self, what))
        case 4: return .uint32s(try integers(UInt32.self, what))
        case 5: return .int32s(try integers(Int32.self, what))
        case 6: return .float32s(try integers(UInt32.self, what).map { Float(bitPattern: $0) })
        case 7:
            let values = try integers(UInt8.self, what)
            try check(boolean: values.max() ?? 0, of: key)
            return .bools(values.map { $0 != 0 })
        case 8:
            let count = try self.count(what, unit: 8)
            var strings = ByteStrings()
            // Room for a vocabulary; a hostile count gets no memory before its entries are read.
            strings.reserve(count: min(count, 1 << 17), byteCount: min(8 * count, 1 << 20))
            for _ in 0..<count {
                let range = try stringRange(what)
                unsafe window.withUnsafeBytes { unsafe strings.append(.init(rebasing: $0[range])) }
            }
            return .strings(strings)
        case 9: throw fault(.nestedArray, place: key)
        case 10: return .uint64s(try integers(UInt64.self, what))
        case 11: return .int64s(try integers(Int64.self, what))
        case 12: return .float64s(try integers(UInt64.self, what).map { Double(bitPattern: $0) })
        default: throw fault(.unknownMetadataType(type), place: key)
        }
    }
}
