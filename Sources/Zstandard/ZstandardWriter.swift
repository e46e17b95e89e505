import CZstd
public import TensorCore

/// Writes a Zstandard file, piece by piece, with a checksum of its contents at the end.
public final class ZstandardWriter {
    private let file: OutputFile
    private let stream: OpaquePointer
    private let output: UnsafeMutableRawBufferPointer
    private var offset = 0

    /// Starts a frame at the first byte of `file`.
    ///
    /// - Parameter level: Zstandard's compression level, 1 (fast) to 19 (small).
    /// - Throws: `ZstandardError` when there is no memory for the encoder.
    public init(file: OutputFile, level: Int32 = 3) throws(ZstandardError) {
        guard let stream = ZSTD_createCStream() else {
            throw ZstandardError(.library(message: "no memory"), path: file.path)
        }
        ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, level)
        ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1)
        self.file = file
        self.stream = stream
        output = .allocate(byteCount: 1 << 17, alignment: 64)
    }

    deinit {
        ZSTD_freeCStream(stream)
        output.deallocate()
    }

    /// Compresses `bytes`.
    ///
    /// - Throws: `FileError`, `ZstandardError`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        try compress(bytes, directive: ZSTD_e_continue)
    }

    /// Compresses `bytes`.
    ///
    /// - Throws: `FileError`, `ZstandardError`.
    public func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Ends the frame and gives the file its name.
    ///
    /// - Returns: The length of the file.
    /// - Throws: `FileError`, `ZstandardError`.
    @discardableResult
    public func commit() throws -> Int {
        try compress(UnsafeRawBufferPointer(start: nil, count: 0), directive: ZSTD_e_end)
        try file.commit(byteCount: offset)
        return offset
    }

    private func compress(
        _ bytes: UnsafeRawBufferPointer, directive: ZSTD_EndDirective
    ) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var room = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = ZSTD_compressStream2(stream, &room, &input, directive)
            guard ZSTD_isError(left) == 0 else {
                throw ZstandardError(
                    .library(message: String(cString: ZSTD_getErrorName(left))), path: file.path)
            }
            if room.pos > 0 {
                try file.write(UnsafeRawBufferPointer(rebasing: output[..<room.pos]), at: offset)
                offset += room.pos
            }
            if directive == ZSTD_e_end ? left == 0 : input.pos == input.size { return }
        }
    }
}
