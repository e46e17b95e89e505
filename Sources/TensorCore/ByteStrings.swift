/// A list of byte strings that share one buffer.
///
/// A vocabulary has a hundred thousand entries: kept as arrays of their own, each would be an
/// allocation to make, to copy and to free in every command that only passes the list on.
public struct ByteStrings: Hashable, Sendable, RandomAccessCollection {
    /// The bytes of all entries, one after the other.
    public private(set) var bytes: [UInt8] = []
    /// Where each entry ends in `bytes`.
    public private(set) var ends: [Int] = []

    /// Creates an empty list.
    public init() {}

    /// Creates a list of some strings.
    public init(_ strings: some Sequence<ByteString>) {
        for string in strings { unsafe string.bytes.withUnsafeBytes { unsafe append($0) } }
    }

    /// Makes room for `count` entries of `byteCount` bytes in all.
    public mutating func reserve(count: Int, byteCount: Int) {
        ends.reserveCapacity(count)
        bytes.reserveCapacity(byteCount)
    }

    /// Adds an entry.
    public mutating func append(_ entry: UnsafeRawBufferPointer) {
        unsafe bytes.append(contentsOf: entry)
        ends.append(bytes.count)
    }

    /// The first position.
    public var startIndex: Int { 0 }
    /// The number of entries.
    public var endIndex: Int { ends.count }
    /// An entry.
    public subscript(position: Int) -> ByteString {
        ByteString(bytes[(position == 0 ? 0 : ends[position - 1])..<ends[position]])
    }
}
