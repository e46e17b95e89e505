/// Writes the fields of one Protocol Buffers message.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    private mutating func append(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(value & 0x7F) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    mutating func append(_ field: Int, varint value: UInt64) {
        append(UInt64(field) << 3)
        append(value)
    }

    mutating func append(_ field: Int, float value: Float) {
        append(UInt64(field) << 3 | 5)
        unsafe withUnsafeBytes(of: value.bitPattern.littleEndian) { unsafe bytes += $0 }
    }

    mutating func append(_ field: Int, bytes content: [UInt8]) {
        append(UInt64(field) << 3 | 2)
        append(UInt64(content.count))
        bytes += content
    }
}
