/// Builds binary files by hand, little-endian, for tests of malformed input.
public struct ByteBuilder: Sendable {
    /// The bytes so far.
    public var bytes: [UInt8] = []

    /// Creates an empty builder.
    public init() {}

    /// Appends an integer.
    public mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends a float.
    public mutating func append(_ value: Float) { append(value.bitPattern) }

    /// Appends the bytes of a text, without a length.
    public mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// Appends a text as GGUF stores it: a 64-bit length, then the bytes.
    public mutating func appendGGUF(_ text: String) {
        append(UInt64(text.utf8.count))
        append(text)
    }
}
