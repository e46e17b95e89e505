/// Text as the bytes that a file holds.
///
/// Swift's `String` compares by canonical equivalence (`é` equals `e` + combining acute), so two
/// different tokens of a vocabulary can be "equal" keys of a dictionary. Tokens, merges and keys
/// are therefore kept and compared as bytes. The bytes need not be valid UTF-8.
public struct ByteString: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral,
    Comparable
{
    /// The bytes.
    public var bytes: [UInt8]

    /// Creates a string from bytes.
    @inlinable
    public init(bytes: [UInt8]) { self.bytes = bytes }

    /// Creates a string from some bytes of a larger buffer.
    @inlinable
    public init<Bytes: Sequence>(_ bytes: Bytes) where Bytes.Element == UInt8 {
        self.bytes = Array(bytes)
    }

    /// Creates a string from the UTF-8 bytes of `text`.
    @inlinable
    public init(_ text: String) { bytes = Array(text.utf8) }

    /// Creates a string from a literal.
    @inlinable
    public init(stringLiteral text: String) { bytes = Array(text.utf8) }

    /// The text; bytes that are not UTF-8 are replaced by U+FFFD.
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    /// The text, or `nil` when the bytes are not UTF-8.
    public var validated: String? { String(validating: bytes, as: UTF8.self) }

    /// Compares byte by byte.
    public static func < (left: ByteString, right: ByteString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension ByteString {
    /// The text with a line feed at the end of every line, as Python reads text: a carriage return,
    /// alone or before a line feed, becomes one.
    public var withLineFeeds: ByteString {
        let (lineFeed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
        guard bytes.contains(carriageReturn) else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            if byte == lineFeed, index > 0, bytes[index - 1] == carriageReturn { continue }
            result.append(byte == carriageReturn ? lineFeed : byte)
        }
        return ByteString(bytes: result)
    }
}
