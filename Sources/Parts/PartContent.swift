public import TensorCore

/// A part that is no stretch of the output: what it is about as JSON, and what was gathered.
///
/// Layout, little-endian: `INGOTP01`, the length of the head (8 bytes), the head, the rest.
public struct PartContent: Sendable {
    /// What it is about, as JSON.
    public let head: [UInt8]
    /// What was gathered.
    public let body: ArraySlice<UInt8>

    private static let magic = Array("INGOTP01".utf8)

    /// Reads the file of a part.
    ///
    /// - Throws: `PartError` when it is of another form; `FileError`.
    public init(path: String) throws {
        let bytes = try InputFile.contents(path: path, limit: PartContent.byteLimit)
        guard bytes.starts(with: PartContent.magic), bytes.count >= 16 else {
            throw PartError(
                .content(found: "another file", expected: "what a part gathered"), path: path)
        }
        let length = unsafe bytes.withUnsafeBytes {
            unsafe UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        guard length <= UInt64(bytes.count - 16) else {
            throw PartError(
                .content(
                    found: "a head of \(length) bytes", expected: "at most \(bytes.count - 16)"),
                path: path)
        }
        head = Array(bytes[16..<16 + Int(length)])
        body = bytes[(16 + Int(length))...]
    }

    /// As much as a part may gather.
    private static let byteLimit = 1 << 36

    /// Writes the file of a part, whole or not at all.
    ///
    /// - Throws: `FileError`.
    public static func write(head: [UInt8], body: [UInt8], to path: String) throws(FileError) {
        let file = try OutputFile(path: path, byteCount: 16 + head.count + body.count)
        let length = unsafe withUnsafeBytes(of: UInt64(head.count).littleEndian) {
            unsafe Array($0)
        }
        try file.write(magic + length + head, at: 0)
        try file.write(body, at: 16 + head.count)
        try file.commit()
    }
}

extension PartNumber {
    /// The part's stretch of so many items of equal cost, such as windows of a text.
    public func range(of itemCount: Int) -> Range<Int> {
        // Whatever the counts, no product overflows.
        func place(_ part: Int) -> Int {
            itemCount / count * part + itemCount % count * part / count
        }
        return place(number - 1)..<place(number)
    }
}
