import CZstd
public import TensorCore

/// Reads a Zstandard file from its start, piece by piece.
///
/// Frames may follow one another, as `cat a.zst b.zst` makes them. Memory: the window that the
/// stream asks for, at most 128 MiB, and one input piece.
public final class ZstandardReader {
    private let path: String
    private let next: (UnsafeMutableRawBufferPointer) throws -> Int
    private let stream: OpaquePointer
    private let input: UnsafeMutableRawBufferPointer
    private var pending = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
    private var isAtEnd = false
    /// Whether the last byte decoded was the last of a frame.
    private var isBetweenFrames = true

    /// The four bytes that a Zstandard frame starts with.
    public static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

    /// Starts at the first byte of `file`.
    ///
    /// - Throws: `ZstandardError` when there is no memory for the decoder.
    public convenience init(file: InputFile) throws(ZstandardError) {
        var offset = 0
        try self.init(path: file.path) { buffer in
            let count = min(buffer.count, file.byteCount - offset)
            try file.read(
                at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            offset += count
            return count
        }
    }

    /// Starts at the first byte of what `next` gives.
    ///
    /// - Parameters:
    ///   - path: The path that messages name.
    ///   - next: Fills a buffer with the bytes that come next and tells how many came; fewer come at
    ///     the end only.
    /// - Throws: `ZstandardError` when there is no memory for the decoder.
    public init(
        path: String, next: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws(ZstandardError) {
        guard let stream = ZSTD_createDStream() else {
            throw ZstandardError(.library(message: "no memory"), path: path)
        }
        self.path = path
        self.next = next
        self.stream = stream
        input = .allocate(byteCount: 1 << 17, alignment: 64)
    }

    deinit {
        ZSTD_freeDStream(stream)
        input.deallocate()
    }

    /// Whether `file` starts as a Zstandard frame does.
    public static func isCompressed(_ file: InputFile) throws(FileError) -> Bool {
        isCompressed(try file.read(at: 0, count: min(magic.count, file.byteCount)))
    }

    /// Whether bytes start as a Zstandard frame does.
    public static func isCompressed(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

    /// Fills `buffer` with the bytes that come next; fewer come at the end only.
    ///
    /// - Returns: How many bytes came.
    /// - Throws: `ZstandardError` when the stream is damaged or ends inside a frame; `FileError`.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while output.pos < output.size {
            if pending.pos == pending.size, !isAtEnd {
                let count = try next(input)
                isAtEnd = count < input.count
                pending = ZSTD_inBuffer(src: input.baseAddress, size: count, pos: 0)
            }
            let isOutOfInput = pending.pos == pending.size
            if isOutOfInput, isBetweenFrames { break }
            let before = output.pos
            let code = ZSTD_decompressStream(stream, &output, &pending)
            guard ZSTD_isError(code) == 0 else {
                throw ZstandardError(
                    .damaged(message: String(cString: ZSTD_getErrorName(code))), path: path)
            }
            isBetweenFrames = code == 0
            if isOutOfInput, output.pos == before, !isBetweenFrames {
                throw ZstandardError(.truncated, path: path)
            }
        }
        return output.pos
    }
}
