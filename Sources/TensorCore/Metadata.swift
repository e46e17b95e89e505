/// A typed metadata value, with exactly the types that a GGUF file can hold.
public enum MetadataValue: Hashable, Sendable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(ByteString)
    case uint64(UInt64)
    case int64(Int64)
    case float64(Double)
    case uint8s([UInt8])
    case int8s([Int8])
    case uint16s([UInt16])
    case int16s([Int16])
    case uint32s([UInt32])
    case int32s([Int32])
    case float32s([Float])
    case bools([Bool])
    case strings(ByteStrings)
    case uint64s([UInt64])
    case int64s([Int64])
    case float64s([Double])

    /// A string value.
    public static func string(_ text: String) -> MetadataValue { .string(ByteString(text)) }

    /// An array of strings.
    public static func strings(_ strings: [ByteString]) -> MetadataValue {
        .strings(ByteStrings(strings))
    }

    /// The value as an integer, when it is one that fits.
    public var integer: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The value as a floating-point number, when it is one.
    public var float: Float? {
        switch self {
        case .float32(let value): value
        case .float64(let value): Float(value)
        default: nil
        }
    }

    /// The value as a Boolean, when it is one.
    public var boolean: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value as text, when it is a string; bytes that are not UTF-8 are replaced.
    public var text: String? {
        if case .string(let value) = self { value.description } else { nil }
    }

    /// The elements as integers, when it is an array of integers that fit.
    public var integers: [Int]? {
        switch self {
        case .uint8s(let values): values.map { Int($0) }
        case .int8s(let values): values.map { Int($0) }
        case .uint16s(let values): values.map { Int($0) }
        case .int16s(let values): values.map { Int($0) }
        case .uint32s(let values): values.map { Int($0) }
        case .int32s(let values): values.map { Int($0) }
        case .int64s(let values): values.map { Int($0) }
        case .uint64s(let values):
            values.allSatisfy({ $0 <= UInt64(Int.max) }) ? values.map { Int($0) } : nil
        default: nil
        }
    }

    /// The type as the GGUF specification names it: `UINT32`, `ARRAY[STRING]`.
    public var typeName: String {
        switch self {
        case .uint8: "UINT8"
        case .int8: "INT8"
        case .uint16: "UINT16"
        case .int16: "INT16"
        case .uint32: "UINT32"
        case .int32: "INT32"
        case .float32: "FLOAT32"
        case .bool: "BOOL"
        case .string: "STRING"
        case .uint64: "UINT64"
        case .int64: "INT64"
        case .float64: "FLOAT64"
        case .uint8s: "ARRAY[UINT8]"
        case .int8s: "ARRAY[INT8]"
        case .uint16s: "ARRAY[UINT16]"
        case .int16s: "ARRAY[INT16]"
        case .uint32s: "ARRAY[UINT32]"
        case .int32s: "ARRAY[INT32]"
        case .float32s: "ARRAY[FLOAT32]"
        case .bools: "ARRAY[BOOL]"
        case .strings: "ARRAY[STRING]"
        case .uint64s: "ARRAY[UINT64]"
        case .int64s: "ARRAY[INT64]"
        case .float64s: "ARRAY[FLOAT64]"
        }
    }
}

/// Metadata in file order, with unique keys.
public struct Metadata: Sendable, Equatable {
    /// The keys and values in file order.
    public private(set) var entries: [(key: String, value: MetadataValue)] = []
    private var positions: [ByteString: Int] = [:]

    /// Creates metadata without entries.
    public init() {}

    /// The value of `key`.
    ///
    /// Setting a known key replaces its value in place, a new key goes to the
    /// end, `nil` removes.
    public subscript(key: String) -> MetadataValue? {
        get { positions[ByteString(key)].map { entries[$0].value } }
        set {
            let name = ByteString(key)
            switch (positions[name], newValue) {
            case (let position?, let value?): entries[position].value = value
            case (let position?, nil):
                entries.remove(at: position)
                positions[name] = nil
                for index in position..<entries.count {
                    positions[ByteString(entries[index].key)] = index
                }
            case (nil, let value?):
                positions[name] = entries.count
                entries.append((key, value))
            case (nil, nil): break
            }
        }
    }

    /// Removes `key` where it stands and puts it at the end, as the peer's writer does.
    public mutating func moveToEnd(_ key: String, _ value: MetadataValue) {
        self[key] = nil
        self[key] = value
    }

    /// Equal keys with equal values in the same order.
    public static func == (left: Metadata, right: Metadata) -> Bool {
        left.entries.count == right.entries.count
            && zip(left.entries, right.entries).allSatisfy {
                $0.key == $1.key && $0.value == $1.value
            }
    }
}
