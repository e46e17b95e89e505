public import TensorCore

/// A metadata entry as the user writes it: `KEY=TYPE:VALUE`, or `KEY=VALUE` for a key that is there
/// and keeps its type.
///
/// Types are those of GGUF, `u8` to `u64`, `i8` to `i64`, `f32`, `f64`, `bool` and `str`; `int` and
/// `float` are `u32` and `f32`. With `[]` behind a type the value is a JSON array.
public struct MetadataEntry: Sendable, Hashable {
    /// The key.
    public let key: String
    /// What stands behind the equals sign.
    private let text: String

    /// The entries' option, for what is wrong about them.
    private static let option = "--set"

    /// Takes an entry apart at its first equals sign.
    ///
    /// - Throws: `PipelineError` when it has none, or the key is empty or too long for GGUF.
    public init(parsing text: String) throws(PipelineError) {
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals != text.startIndex
        else { throw MetadataEntry.fault(text, "KEY=TYPE:VALUE") }
        key = String(text[..<equals])
        self.text = String(text[text.utf8.index(after: equals)...])
        guard key.utf8.count <= MetadataOverride.longestKey else {
            throw MetadataEntry.fault(
                text, "a key of at most \(MetadataOverride.longestKey) bytes")
        }
    }

    private static func fault(_ found: String, _ expected: String) -> PipelineError {
        PipelineError(.malformedOption(found: found, expected: expected), path: option)
    }

    /// The value.
    ///
    /// - Parameter current: What the key has now; its type is kept where none is named.
    /// - Throws: `PipelineError` when there is no type, or the text is no value of it.
    public func value(replacing current: MetadataValue?) throws(PipelineError) -> MetadataValue {
        if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            var name = String(text[..<colon])
            let content = String(text[text.utf8.index(after: colon)...])
            let isArray = name.hasSuffix("[]")
            if isArray { name.removeLast(2) }
            if let type = ElementType(name: name) {
                return try value(content, of: type, isArray: isArray)
            }
        }
        guard let current else {
            throw MetadataEntry.fault(
                "\(key)=\(text)", "a type for the new key, such as \(key)=str:\(text)")
        }
        guard let (type, isArray) = ElementType.of(current) else {
            throw MetadataEntry.fault("\(key)=\(text)", "TYPE:VALUE")
        }
        return try value(text, of: type, isArray: isArray)
    }

    private func value(
        _ content: String, of type: ElementType, isArray: Bool
    ) throws(PipelineError) -> MetadataValue {
        guard isArray else {
            guard let value = type.value(of: content) else {
                throw MetadataEntry.fault("\(key)=\(text)", type.expected)
            }
            return value
        }
        guard let elements = (try? JSON.parse(Array(content.utf8)))?.array else {
            throw MetadataEntry.fault(
                "\(key)=\(text)", "a JSON array, such as \(type == .text ? "[\"a\"]" : "[1, 2]")")
        }
        let values = elements.compactMap { type.value(ofElement: $0) }
        guard values.count == elements.count, let array = type.array(of: values) else {
            throw MetadataEntry.fault("\(key)=\(text)", "an array, each element \(type.expected)")
        }
        return array
    }
}

/// The types of metadata values and of arrays' elements, as users write them.
enum ElementType: String {
    case u8, u16, u32, u64, i8, i16, i32, i64, f32, f64, bool
    case text = "str"

    init?(name: String) {
        switch name {
        case "int": self = .u32
        case "float": self = .f32
        default: self.init(rawValue: name)
        }
    }

    static func of(_ value: MetadataValue) -> (type: ElementType, isArray: Bool)? {
        switch value {
        case .uint8: (.u8, false)
        case .int8: (.i8, false)
        case .uint16: (.u16, false)
        case .int16: (.i16, false)
        case .uint32: (.u32, false)
        case .int32: (.i32, false)
        case .uint64: (.u64, false)
        case .int64: (.i64, false)
        case .float32: (.f32, false)
        case .float64: (.f64, false)
        case .bool: (.bool, false)
        case .string: (.text, false)
        case .uint8s: (.u8, true)
        case .int8s: (.i8, true)
        case .uint16s: (.u16, true)
        case .int16s: (.i16, true)
        case .uint32s: (.u32, true)
        case .int32s: (.i32, true)
        case .uint64s: (.u64, true)
        case .int64s: (.i64, true)
        case .float32s: (.f32, true)
        case .float64s: (.f64, true)
        case .bools: (.bool, true)
        case .strings: (.text, true)
        }
    }

    var expected: String {
        switch self {
        case .u8: "a whole number from 0 to \(UInt8.max)"
        case .u16: "a whole number from 0 to \(UInt16.max)"
        case .u32: "a whole number from 0 to \(UInt32.max)"
        case .u64: "a whole number from 0 to \(UInt64.max)"
        case .i8: "a whole number from \(Int8.min) to \(Int8.max)"
        case .i16: "a whole number from \(Int16.min) to \(Int16.max)"
        case .i32: "a whole number from \(Int32.min) to \(Int32.max)"
        case .i64: "a whole number from \(Int64.min) to \(Int64.max)"
        case .f32, .f64: "a finite number"
        case .bool: "true or false"
        case .text: "a text"
        }
    }

    func value(of text: String) -> MetadataValue? {
        switch self {
        case .u8: UInt8(text).map { .uint8($0) }
        case .u16: UInt16(text).map { .uint16($0) }
        case .u32: UInt32(text).map { .uint32($0) }
        case .u64: UInt64(text).map { .uint64($0) }
        case .i8: Int8(text).map { .int8($0) }
        case .i16: Int16(text).map { .int16($0) }
        case .i32: Int32(text).map { .int32($0) }
        case .i64: Int64(text).map { .int64($0) }
        case .f32: Float(text).flatMap { $0.isFinite ? .float32($0) : nil }
        case .f64: Double(text).flatMap { $0.isFinite ? .float64($0) : nil }
        case .bool: Bool(text).map { .bool($0) }
        case .text: .string(text)
        }
    }

    /// The value of an array's element; texts alone stand in quotation marks.
    func value(ofElement element: JSON) -> MetadataValue? {
        if let text = element.bytes { return self == .text ? .string(text) : nil }
        guard self != .text else { return nil }
        return value(of: String(decoding: element.writtenCompactly(), as: UTF8.self))
    }

    /// An array of values of this type.
    func array(of values: [MetadataValue]) -> MetadataValue? {
        func all<Value>(_ take: (MetadataValue) -> Value?) -> [Value]? {
            let taken = values.compactMap(take)
            return taken.count == values.count ? taken : nil
        }
        return switch self {
        case .u8: all { if case .uint8(let value) = $0 { value } else { nil } }.map { .uint8s($0) }
        case .u16:
            all { if case .uint16(let value) = $0 { value } else { nil } }.map { .uint16s($0) }
        case .u32:
            all { if case .uint32(let value) = $0 { value } else { nil } }.map { .uint32s($0) }
        case .u64:
            all { if case .uint64(let value) = $0 { value } else { nil } }.map { .uint64s($0) }
        case .i8: all { if case .int8(let value) = $0 { value } else { nil } }.map { .int8s($0) }
        case .i16:
            all { if case .int16(let value) = $0 { value } else { nil } }.map { .int16s($0) }
        case .i32:
            all { if case .int32(let value) = $0 { value } else { nil } }.map { .int32s($0) }
        case .i64:
            all { if case .int64(let value) = $0 { value } else { nil } }.map { .int64s($0) }
        case .f32:
            all { if case .float32(let value) = $0 { value } else { nil } }.map { .float32s($0) }
        case .f64:
            all { if case .float64(let value) = $0 { value } else { nil } }.map { .float64s($0) }
        case .bool: all { if case .bool(let value) = $0 { value } else { nil } }.map { .bools($0) }
        case .text:
            all { if case .string(let value) = $0 { value } else { nil } }.map { .strings($0) }
        }
    }
}
