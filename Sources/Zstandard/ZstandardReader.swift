import CZstd
public import TensorCore

/// Reads a Zstandard file from its start, piece by piece.
///
/// Frames may follow one another, as `cat a.zst b.zst` makes them. Memory: the window that the
/// stream asks for, at most 128 MiB, and one input piece.
public final class ZstandardReader {
    private let file: InputFile
    private let stream: OpaquePointer
    private let input: UnsafeMutableRawBufferPointer
    private var pending = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
    private var offset = 0
    /// Whether the last byte decoded was the last of a frame.
    private var isBetweenFrames = true

    /// The four bytes that a Zstandard frame starts with.
    public static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

    /// Starts at the first byte of `file`.
    ///
    /// - Throws: `ZstandardError` when there is no memory for the decoder.
    public init(file: InputFile) throws(ZstandardError) {
        guard let stream = ZSTD_createDStream() else {
            throw ZstandardError(.library(message: "no memory"), path: file.path)
        }
        self.file = file
        self.stream = stream
        input = .allocate(byteCount: 1 << 17, alignment: 64)
    }

    deinit {
        ZSTD_freeDStream(stream)
        input.deallocate()
    }

    /// Whether `file` starts as a Zstandard frame does.
    public static func isCompressed(_ file: InputFile) throws(FileError) -> Bool {
        guard file.byteCount >= magic.count else { return false }
        return try file.read(at: 0, count: magic.count) == magic
    }

    /// Fills `buffer` with the bytes that come next; fewer come at the end only.
    ///
    /// - Returns: How many bytes came.
    /// - Throws: `ZstandardError` when the stream is damaged or ends inside a frame; `FileError`.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while output.pos < output.size {
            if pending.pos == pending.size, offset < file.byteCount {
                let piece = UnsafeMutableRawBufferPointer(
                    rebasing: input[..<min(input.count, file.byteCount - offset)])
                try file.read(at: offset, into: piece)
                offset += piece.count
                pending = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
            }
            let isOutOfInput = pending.pos == pending.size
            if isOutOfInput, isBetweenFrames { break }
            let before = output.pos
            let code = ZSTD_decompressStream(stream, &output, &pending)
            guard ZSTD_isError(code) == 0 else {
                throw ZstandardError(
                    .damaged(message: String(cString: ZSTD_getErrorName(code))), path: file.path)
            }
            isBetweenFrames = code == 0
            if isOutOfInput, output.pos == before, !isBetweenFrames {
                throw ZstandardError(.truncated, path: file.path)
            }
        }
        return output.pos
    }

    /// Everything that `file` decompresses to.
    ///
    /// - Throws: `ZstandardError` when it is more than `limit` bytes: a small file can hold a
    ///   stream of any length.
    public static func contents(of file: InputFile, limit: Int) throws -> [UInt8] {
        let reader = try ZstandardReader(file: file)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        var bytes: [UInt8] = []
        while true {
            let count = try reader.read(into: piece)
            guard bytes.count + count <= limit else {
                throw ZstandardError(.tooLong(limit: limit), path: file.path)
            }
            bytes.append(contentsOf: piece[..<count])
            if count < piece.count { return bytes }
        }
    }
}
