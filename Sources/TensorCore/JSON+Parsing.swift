#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension JSON {
    /// Parses one JSON text (RFC 8259), strictly: no duplicate keys, no trailing bytes, at most
    /// `depthLimit` nested values.
    ///
    /// Time and memory are linear in the length of the text.
    ///
    /// `NaN`, `Infinity` and `-Infinity` are accepted as numbers: Python writes them.
    public static func parse(
        _ bytes: [UInt8], file: String? = nil, depthLimit: Int = 64
    ) throws(JSONError) -> JSON {
        // The closure's error type is fixed by hand: the compiler infers `any Error` here.
        let result: Result<JSON, JSONError> = unsafe bytes.withUnsafeBufferPointer { buffer in
            var parser = unsafe JSONParser(bytes: buffer, depthLimit: depthLimit)
            do throws(JSONError) {
                return .success(try parser.document())
            } catch {
                var located = error
                located.file = file
                return .failure(located)
            }
        }
        return try result.get()
    }

    /// Parses the file at `path`, refused when it is longer than `byteLimit`.
    ///
    /// A byte order mark in front, which some editors write, is no part of the text.
    ///
    /// - Throws: `JSONError`; `FileError` when the file cannot be read or is not JSON but what stands
    ///   in the place of files that were not fetched.
    public static func parse(path: String, byteLimit: Int = 1 << 28) throws -> JSON {
        var bytes = try InputFile.contents(path: path, limit: byteLimit)
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if bytes.starts(with: mark) { bytes.removeFirst(mark.count) }
        do {
            return try parse(bytes, file: path)
        } catch {
            guard let placeholder = Placeholder(bytes, fileByteCount: bytes.count) else {
                throw error
            }
            throw FileError(.placeholder(placeholder), path: path)
        }
    }
}

@safe
private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let depthLimit: Int
    var position = 0
    var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>, depthLimit: Int) {
        unsafe self.bytes = unsafe bytes
        self.depthLimit = depthLimit
    }

    mutating func document() throws(JSONError) -> JSON {
        skipSpace()
        let value = try value()
        skipSpace()
        guard unsafe position == bytes.count else { throw unexpected("the end of the text") }
        return value
    }

    private func fault(_ kind: JSONError.Kind, at offset: Int? = nil) -> JSONError {
        JSONError(kind: kind, offset: offset ?? position, file: nil)
    }

    private func unexpected(_ expected: String) -> JSONError {
        unsafe position < bytes.count
            ? fault(.unexpectedByte(bytes[position], expected: expected)) : fault(.unexpectedEnd)
    }

    private mutating func skipSpace() {
        while unsafe position < bytes.count {
            switch unsafe bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func value() throws(JSONError) -> JSON {
        guard unsafe position < bytes.count else { throw fault(.unexpectedEnd) }
        switch unsafe bytes[position] {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N"): return try word("NaN", .real(.nan))
        case UInt8(ascii: "I"): return try word("Infinity", .real(.infinity))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw unexpected("a value")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let count = text.utf8CodeUnitCount
        guard unsafe position + count <= bytes.count, let base = unsafe bytes.baseAddress,
            unsafe memcmp(base + position, text.utf8Start, count) == 0
        else { throw unexpected("a value") }
        position += count
        return value
    }

    private mutating func descend() throws(JSONError) {
        depth += 1
        guard depth <= depthLimit else { throw fault(.tooDeep(limit: depthLimit)) }
        position += 1
        skipSpace()
    }

    private mutating func array() throws(JSONError) -> JSON {
        try descend()
        defer { depth -= 1 }
        var values: [JSON] = []
        if unsafe position < bytes.count, unsafe bytes[position] == UInt8(ascii: "]") {
            position += 1
            return .array(values)
        }
        while true {
            values.append(try value())
            skipSpace()
            guard unsafe position < bytes.count else { throw fault(.unexpectedEnd) }
            switch unsafe bytes[position] {
            case UInt8(ascii: ","):
                position += 1
                skipSpace()
            case UInt8(ascii: "]"):
                position += 1
                return .array(values)
            default: throw unexpected("',' or ']'")
            }
        }
    }

    private mutating func object() throws(JSONError) -> JSON {
        try descend()
        defer { depth -= 1 }
        var members: [JSON.Member] = []
        var keys: Set<ByteString> = []
        if unsafe position < bytes.count, unsafe bytes[position] == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            guard unsafe position < bytes.count, unsafe bytes[position] == UInt8(ascii: "\"") else {
                throw unexpected("a key")
            }
            let start = position
            let key = try string()
            skipSpace()
            guard unsafe position < bytes.count, unsafe bytes[position] == UInt8(ascii: ":") else {
                throw unexpected("':'")
            }
            position += 1
            skipSpace()
            guard keys.insert(key).inserted else {
                throw fault(.duplicateKey(key.description), at: start)
            }
            members.append(JSON.Member(key: key, value: try value()))
            skipSpace()
            guard unsafe position < bytes.count else { throw fault(.unexpectedEnd) }
            switch unsafe bytes[position] {
            case UInt8(ascii: ","):
                position += 1
                skipSpace()
            case UInt8(ascii: "}"):
                position += 1
                return .object(members)
            default: throw unexpected("',' or '}'")
            }
        }
    }

    private mutating func string() throws(JSONError) -> ByteString {
        let start = position
        position += 1
        var result: [UInt8] = []
        var runStart = position
        var hasHighBytes = false
        while true {
            guard unsafe position < bytes.count else { throw fault(.unexpectedEnd) }
            let byte = unsafe bytes[position]
            if byte == UInt8(ascii: "\"") {
                unsafe result.append(contentsOf: bytes[runStart..<position])
                position += 1
                break
            }
            if byte == UInt8(ascii: "\\") {
                unsafe result.append(contentsOf: bytes[runStart..<position])
                try escape(into: &result)
                runStart = position
                continue
            }
            guard byte >= 0x20 else {
                throw fault(.invalidString("a control character that is not escaped"))
            }
            if byte >= 0x80 { hasHighBytes = true }
            position += 1
        }
        if hasHighBytes, String(validating: result, as: UTF8.self) == nil {
            throw fault(.invalidString("not UTF-8"), at: start)
        }
        return ByteString(bytes: result)
    }

    private mutating func escape(into result: inout [UInt8]) throws(JSONError) {
        position += 1
        guard unsafe position < bytes.count else { throw fault(.unexpectedEnd) }
        let byte = unsafe bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800...0xDBFF).contains(code), unsafe position + 1 < bytes.count,
                unsafe bytes[position] == UInt8(ascii: "\\"),
                unsafe bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let low = try hexadecimal()
                guard (0xDC00...0xDFFF).contains(low) else {
                    throw fault(.invalidString("half a surrogate pair"))
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = UnicodeScalar(code) else {
                throw fault(.invalidString("half a surrogate pair"))
            }
            result.append(contentsOf: String(Character(scalar)).utf8)
        default:
            position -= 1
            throw unexpected("an escape")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        guard unsafe position + 4 <= bytes.count else { throw fault(.unexpectedEnd) }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = unsafe Character(UnicodeScalar(bytes[position])).hexDigitValue else {
                throw unexpected("a hexadecimal digit")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        if unsafe bytes[position] == UInt8(ascii: "-") {
            position += 1
            if unsafe position < bytes.count, unsafe bytes[position] == UInt8(ascii: "I") {
                return try word("Infinity", .real(-.infinity))
            }
        }
        let digits = position
        var isReal = false
        scan: while unsafe position < bytes.count {
            switch unsafe bytes[position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): break
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"),
                UInt8(ascii: "-"):
                isReal = true
            default: break scan
            }
            position += 1
        }
        let text = unsafe String(decoding: bytes[start..<position], as: UTF8.self)
        // A leading zero, a missing digit before or after the point: JSON forbids what `Double`
        // would read.
        let first = unsafe digits < position ? bytes[digits] : 0
        let second = unsafe digits + 1 < position ? bytes[digits + 1] : 0
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        // Over bytes: searching a string for each number takes longer than all else.
        let hasEmptyFraction = (start..<position - 1).contains {
            unsafe bytes[$0] == UInt8(ascii: ".") && bytes[$0 + 1] | 0x20 == UInt8(ascii: "e")
        }
        guard isDigit(first), !(first == UInt8(ascii: "0") && isDigit(second)),
            unsafe isDigit(bytes[position - 1]), !hasEmptyFraction
        else { throw fault(.invalidNumber(text), at: start) }
        if !isReal, let value = Int(text) { return .integer(value) }
        guard let value = Double(text) else { throw fault(.invalidNumber(text), at: start) }
        return .real(value)
    }
}
