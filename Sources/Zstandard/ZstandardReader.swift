import CZstd
public import TensorCore

/// Reads a Zstandard file from its start, piece by piece.
///
/// Frames may follow one another, as `cat a.zst b.zst` makes them. Memory: the window that the
/// stream asks for, at most 128 MiB, and one input piece.
@safe
public final class ZstandardReader {
    private let path: String
    private let next: (UnsafeMutableRawBufferPointer) throws -> Int
    private let stream: OpaquePointer
    private let input: UnsafeMutableRawBufferPointer
    private var pending = unsafe ZSTD_inBuffer(src: nil, size: 0, pos: 0)
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
        try unsafe self.init(path: file.path) { buffer in
            let count = min(buffer.count, file.byteCount - offset)
            try unsafe file.read(
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
        guard let stream = unsafe ZSTD_createDStream() else {
            throw ZstandardError(.library(message: "no memory"), path: path)
        }
        self.path = path
        unsafe self.next = unsafe next
        unsafe self.stream = unsafe stream
        unsafe input = .allocate(byteCount: 1 << 17, alignment: 64)
    }

    deinit {
        unsafe ZSTD_freeDStream(stream)
        unsafe input.deallocate()
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
        var output = unsafe ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while unsafe output.pos < output.size {
            if unsafe pending.pos == pending.size, !isAtEnd {
                let count = try unsafe next(input)
                isAtEnd = unsafe count < input.count
                unsafe pending = unsafe ZSTD_inBuffer(src: input.baseAddress, size: count, pos: 0)
            }
            let isOutOfInput = unsafe pending.pos == pending.size
            if isOutOfInput, isBetweenFrames { break }
            let before = unsafe output.pos
            let code = unsafe ZSTD_decompressStream(stream, &output, &pending)
            guard ZSTD_isError(code) == 0 else {
                throw ZstandardError(
                    .damaged(message: unsafe String(cString: ZSTD_getErrorName(code))), path: path)
            }
            isBetweenFrames = code == 0
            if isOutOfInput, unsafe output.pos == before, !isBetweenFrames {
                throw ZstandardError(.truncated, path: path)
            }
        }
        return unsafe output.pos
    }
}
