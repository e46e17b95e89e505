#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// What has been written, read back; and when it goes to the disk.
extension OutputFile {
    /// The length of the file now.
    public var byteCount: Int {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Fills `buffer` with the bytes from `offset` on; `false` when the file has fewer.
    public func read(
        at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(FileError) -> Bool {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let result = retrying {
                unsafe pread(descriptor, base + done, buffer.count - done, off_t(offset + done))
            }
            guard result >= 0 else { throw .last("read", path: path) }
            if result == 0 { return false }
            done += result
        }
        return true
    }

    /// Cuts the file to `byteCount`.
    public func truncate(to byteCount: Int) throws(FileError) {
        guard retrying({ ftruncate(descriptor, off_t(byteCount)) }) == 0 else {
            throw .last("truncate", path: path)
        }
    }

    /// Waits until what has been written is on the disk.
    public func flush() throws(FileError) {
        guard retrying({ fsync(descriptor) }) == 0 else { throw .last("flush", path: path) }
    }

    /// Has the system forget what it holds of the file in memory, so that the next read comes from
    /// the disk.
    ///
    /// Only what has been flushed is forgotten.
    public func dropFromMemory() {
        #if canImport(Glibc)
            _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        #endif
    }
}
