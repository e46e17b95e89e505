#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file of which some bytes are replaced where they stand.
public enum RewrittenFile {
    /// Replaces bytes and flushes them to the disk.
    ///
    /// What is there before is lost: whoever needs it makes a copy first.
    ///
    /// - Throws: `FileError` when the file cannot be written or another process rewrites it.
    public static func replace(
        _ bytes: [UInt8], at offset: Int, in path: String
    ) throws(FileError) {
        let descriptor = retrying { unsafe open(path, O_WRONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .last("open", path: path) }
        defer { close(descriptor) }
        guard retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
            throw .last("lock", path: path)
        }
        var done = 0
        while done < bytes.count {
            let result = unsafe bytes.withUnsafeBytes { buffer in
                unsafe buffer.baseAddress.map { base in
                    retrying {
                        unsafe pwrite(
                            descriptor, base + done, buffer.count - done, off_t(offset + done))
                    }
                } ?? 0
            }
            guard result > 0 else {
                throw .last("write", path: path, needed: bytes.count - done)
            }
            done += result
        }
        guard retrying({ fsync(descriptor) }) == 0 else { throw .last("flush", path: path) }
    }
}
