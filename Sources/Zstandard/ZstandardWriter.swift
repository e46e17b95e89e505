import CZstd
public import TensorCore

/// Writes a Zstandard file, piece by piece, with a checksum of its contents at the end.
@safe
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
        guard let stream = unsafe ZSTD_createCStream() else {
            throw ZstandardError(.library(message: "no memory"), path: file.path)
        }
        unsafe ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, level)
        unsafe ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1)
        self.file = file
        unsafe self.stream = unsafe stream
        unsafe output = .allocate(byteCount: 1 << 17, alignment: 64)
    }

    deinit {
        unsafe ZSTD_freeCStream(stream)
        unsafe output.deallocate()
    }

    /// Compresses `bytes`.
    ///
    /// - Throws: `FileError`, `ZstandardError`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        try unsafe compress(bytes, directive: ZSTD_e_continue)
    }

    /// Compresses `bytes`.
    ///
    /// - Throws: `FileError`, `ZstandardError`.
    public func write(_ bytes: [UInt8]) throws {
        try unsafe bytes.withUnsafeBytes { try unsafe write($0) }
    }

    /// Ends the frame and gives the file its name.
    ///
    /// - Returns: The length of the file.
    /// - Throws: `FileError`, `ZstandardError`.
    @discardableResult
    public func commit() throws -> Int {
        try unsafe compress(UnsafeRawBufferPointer(start: nil, count: 0), directive: ZSTD_e_end)
        try file.commit(byteCount: offset)
        return offset
    }

    private func compress(
        _ bytes: UnsafeRawBufferPointer, directive: ZSTD_EndDirective
    ) throws {
        var input = unsafe ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var room = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = unsafe ZSTD_compressStream2(stream, &room, &input, directive)
            guard ZSTD_isError(left) == 0 else {
                throw ZstandardError(
                    .library(message: unsafe String(cString: ZSTD_getErrorName(left))),
                    path: file.path)
            }
            try unsafe file.write(UnsafeRawBufferPointer(rebasing: output[..<room.pos]), at: offset)
            unsafe offset += room.pos
            if unsafe directive == ZSTD_e_end ? left == 0 : input.pos == input.size { return }
        }
    }
}
