import TensorCore

/// Texts from files, pipes and standard input.
public enum TextFiles {
    /// The longest text that is read, in bytes.
    public static let byteCountLimit = 1 << 30

    /// A text of one or several files.
    public struct Contents: Sendable {
        /// The bytes, one file after the other with nothing between them, without byte order marks.
        public var bytes: [UInt8] = []
        /// What a reader of figures should know of the text.
        public var warnings: [EvaluationWarning] = []
    }

    /// Reads texts: files, pipes, `-` for standard input; plain or compressed with Zstandard.
    ///
    /// A byte order mark is taken off; everything else stays as it is, and what may be meant
    /// otherwise (CR LF, NUL, bytes that are not UTF-8) is told.
    ///
    /// - Throws: `EvaluationError` about what is no text, `FileError`, `ZstandardError`; a text of
    ///   more than `limit` bytes.
    public static func contents(
        paths: [String], limit: Int = byteCountLimit
    ) throws -> Contents {
        var contents = Contents()
        var ends: [(path: String, end: Int, removed: Int)] = []
        try forEach(paths, isText: true) { stream in
            var bytes = try all(of: stream, limit: limit - contents.bytes.count)
            let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
            if hasMark {
                bytes.removeFirst(3)
                contents.warnings.append(.byteOrderMark(text: stream.path))
            }
            contents.warnings += controlWarnings(bytes, path: stream.path)
            contents.bytes += bytes
            ends.append((stream.path, contents.bytes.count, hasMark ? 3 : 0))
        }
        // A character may begin in one file and end in the next.
        if let place = EvaluationText.firstInvalidByte(contents.bytes),
            let number = ends.firstIndex(where: { place < $0.end })
        {
            let start = number == 0 ? 0 : ends[number - 1].end
            contents.warnings.append(
                .invalidUTF8(
                    text: ends[number].path, firstByte: place - start + ends[number].removed))
        }
        return contents
    }

    /// The bytes of each file as they are, decompressed.
    ///
    /// - Throws: As `contents`.
    public static func bytes(
        paths: [String], limit: Int = byteCountLimit
    ) throws -> [(path: String, bytes: [UInt8])] {
        var files: [(path: String, bytes: [UInt8])] = []
        var left = limit
        try forEach(paths, isText: false) { stream in
            let bytes = try all(of: stream, limit: left)
            left -= bytes.count
            files.append((stream.path, bytes))
        }
        return files
    }

    private static func forEach(
        _ paths: [String], isText: Bool, _ body: (TextStream) throws -> Void
    ) throws {
        var once: [FileIdentity] = []
        for path in paths {
            let stream = try TextStream(path: path, isText: isText)
            if stream.input.comesOnce {
                guard !once.contains(where: { $0.isSameFile(as: stream.input.identity) }) else {
                    throw FileError(.comesOnce, path: stream.path)
                }
                once.append(stream.input.identity)
            }
            try body(stream)
        }
    }

    private static func all(of stream: TextStream, limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        while true {
            let count = try stream.read(into: piece)
            guard count <= limit - bytes.count else {
                throw FileError(.tooLong(limit: limit), path: stream.path)
            }
            bytes.append(contentsOf: piece[..<count])
            if count < piece.count { return bytes }
        }
    }

    private static func controlWarnings(_ bytes: [UInt8], path: String) -> [EvaluationWarning] {
        var (pairs, returns, zeros) = (0, 0, 0)
        var firstZero = 0
        bytes.withUnsafeBufferPointer { bytes in
            for index in bytes.indices {
                switch bytes[index] {
                case 0x0D:
                    let isPair = index + 1 < bytes.count && bytes[index + 1] == 0x0A
                    if isPair { pairs += 1 } else { returns += 1 }
                case 0:
                    if zeros == 0 { firstZero = index }
                    zeros += 1
                default: break
                }
            }
        }
        var warnings: [EvaluationWarning] = []
        if pairs + returns > 0 {
            warnings.append(.carriageReturns(text: path, pairs: pairs, single: returns))
        }
        if zeros > 0 {
            warnings.append(.zeroBytes(text: path, count: zeros, firstByte: firstZero))
        }
        return warnings
    }
}
