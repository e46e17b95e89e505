import TensorCore

/// Reads the fields of one Protocol Buffers message, lazily and without trust.
///
/// A field is a key (number and wire type), then a value. Groups (wire types 3 and 4) are obsolete
/// and refused. Every length is checked against what is left before anything is copied.
struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(Range<Int>)
        case fixed32(UInt32)
    }

    let bytes: [UInt8]
    let end: Int
    let file: String
    private(set) var position: Int

    init(bytes: [UInt8], range: Range<Int>, file: String) {
        self.bytes = bytes
        self.file = file
        position = max(range.lowerBound, 0)
        end = min(range.upperBound, bytes.count)
    }

    func fault(_ what: String, at offset: Int? = nil) -> TokenizationError {
        TokenizationError(
            .malformedProtobuf(what), file: file, place: "byte \(offset ?? position)")
    }

    /// The next field, or `nil` at the end of the message.
    mutating func next() throws(TokenizationError) -> (number: UInt64, value: Value)? {
        guard position < end else { return nil }
        let start = position
        let key = try varint()
        let number = key >> 3
        guard number > 0, number < 1 << 29 else {
            throw fault("field number \(number)", at: start)
        }
        switch key & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try fixed(byteCount: 8)))
        case 2:
            let count = try varint()
            guard count <= UInt64(end - position) else {
                throw fault(
                    "a length of \(count) bytes where \(end - position) are left", at: start)
            }
            let range = position..<(position + Int(count))
            position = range.upperBound
            return (number, .bytes(range))
        case 5: return (number, .fixed32(UInt32(try fixed(byteCount: 4))))
        default: throw fault("wire type \(key & 7)", at: start)
        }
    }

    private mutating func varint() throws(TokenizationError) -> UInt64 {
        let start = position
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            // The tenth byte has room for one bit only.
            guard shift < 63 || byte <= 1 else { throw fault("a number above 64 bits", at: start) }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
            guard shift < 70 else { throw fault("a number above 64 bits", at: start) }
        }
        throw fault("the message ends inside a number", at: start)
    }

    private mutating func fixed(byteCount: Int) throws(TokenizationError) -> UInt64 {
        guard byteCount <= end - position else { throw fault("the message ends inside a number") }
        var result: UInt64 = 0
        for index in 0..<byteCount {
            result |= UInt64(bytes[position + index]) << UInt64(8 * index)
        }
        position += byteCount
        return result
    }
}
