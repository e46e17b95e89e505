#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file open for reading at any offset, from any thread.
///
/// Reads copy into the caller's buffer (`pread`): a file that is cut short while it is read gives
/// an error, where a memory mapping would end the process.
public final class InputFile: Sendable {
    /// The path as the user named it.
    public let path: String
    /// The length of the file when it was opened.
    public let byteCount: Int
    /// Device, inode, length and modification time: changes when the file is replaced or written.
    public let identity: FileIdentity
    private let descriptor: Int32

    /// Opens a regular file.
    ///
    /// - Throws: `FileError` when it cannot be opened, or when it is not the file but a Git LFS
    ///   pointer to it, which no reader of any format wants.
    public init(path: String) throws(FileError) {
        // A pipe without a writer is refused like any other, not waited for.
        let descriptor = retrying { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw .last("open", path: path) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let error = FileError.last("fstat", path: path)
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileError(InputFile.fault(mode: status.st_mode), path: path)
        }
        self.path = path
        self.descriptor = descriptor
        self.byteCount = Int(status.st_size)
        self.identity = FileIdentity(status)
        if byteCount < Placeholder.gitLFSByteLimit,
            placeholder == .gitLFSPointer
        {
            throw FileError(.placeholder(.gitLFSPointer), path: path)
        }
    }

    /// What stands here instead of a file of any format; `nil` where nothing is known to.
    public var placeholder: Placeholder? {
        let count = min(byteCount, Placeholder.byteCount)
        guard let bytes = try? read(at: 0, count: count) else { return nil }
        return Placeholder(bytes, fileByteCount: byteCount)
    }

    /// What is wrong with what is no regular file.
    private static func fault(mode: mode_t) -> FileError.Kind {
        switch mode & S_IFMT {
        case S_IFDIR: .isDirectory
        case S_IFIFO: .notSeekable(found: "a pipe")
        case S_IFSOCK: .notSeekable(found: "a socket")
        default: .notSeekable(found: "a device")
        }
    }

    deinit { close(descriptor) }

    /// Fails when the file is no longer as it was when it was opened: what has been read may be of
    /// two states of it.
    ///
    /// One that another file has taken the place of is still there for those who have it open.
    public func requireUnchanged() throws(FileError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .last("fstat", path: path) }
        let now = FileIdentity(status)
        guard now.byteCount >= byteCount else { throw FileError(.shrank, path: path) }
        guard now == identity else { throw FileError(.changed, path: path) }
    }

    /// Fills `buffer` with the bytes from `offset` on, or throws when the file has fewer.
    public func read(
        at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(FileError) {
        let count = buffer.count
        guard offset >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw FileError(
                .outOfBounds(offset: offset, count: count, available: byteCount), path: path)
        }
        var done = 0
        while done < count, let base = buffer.baseAddress {
            let result = retrying {
                unsafe pread(descriptor, base + done, count - done, off_t(offset + done))
            }
            guard result >= 0 else { throw .last("read", path: path) }
            if result == 0 { throw FileError(.shrank, path: path) }
            done += result
        }
    }

    /// The bytes `offset ..< offset + count`.
    ///
    /// The bound is checked before memory is taken, so a hostile count cannot exhaust it.
    public func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw FileError(
                .outOfBounds(offset: offset, count: count, available: byteCount), path: path)
        }
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeMutableBytes { buffer -> Result<Void, FileError> in
            do throws(FileError) {
                return unsafe .success(try read(at: offset, into: buffer))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        return bytes
    }

    /// The whole file, refused when it is longer than `limit`.
    public static func contents(
        path: String, limit: Int = 1 << 30
    ) throws(FileError) -> [UInt8] {
        let file = try InputFile(path: path)
        guard file.byteCount <= limit else {
            throw FileError(
                .system(
                    operation: "read", errno: EFBIG,
                    message: "\(file.byteCount) bytes found, at most \(limit) expected"),
                path: path)
        }
        return try file.read(at: 0, count: file.byteCount)
    }
}

/// What tells one version of a file from another without reading it.
public struct FileIdentity: Hashable, Sendable {
    /// The device that the file is on.
    public let device: UInt64
    /// The inode number.
    public let inode: UInt64
    /// The length in bytes.
    public let byteCount: Int
    /// Seconds since 1970 of the last modification.
    public let modifiedSeconds: Int
    /// Nanoseconds within that second.
    public let modifiedNanoseconds: Int

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        byteCount = Int(status.st_size)
        #if canImport(Glibc)
            modifiedSeconds = status.st_mtim.tv_sec
            modifiedNanoseconds = status.st_mtim.tv_nsec
        #else
            modifiedSeconds = status.st_mtimespec.tv_sec
            modifiedNanoseconds = status.st_mtimespec.tv_nsec
        #endif
    }

    /// The identity of what is at `path` now (links followed), or `nil` when nothing is, or nothing
    /// that the system can look at.
    public init?(path: String) {
        guard let found = try? FileIdentity.of(path) else { return nil }
        self = found
    }

    /// The identity of what is at `path` now (links followed), or `nil` when nothing is.
    ///
    /// - Throws: `FileError` when the system cannot tell.
    public static func of(_ path: String) throws(FileError) -> FileIdentity? {
        var status = stat()
        if unsafe stat(path, &status) == 0 { return FileIdentity(status) }
        guard [ENOENT, ENOTDIR, ELOOP].contains(errno) else { throw .last("stat", path: path) }
        return nil
    }

    /// Whether both are the same file on disk, whatever its contents.
    public func isSameFile(as other: FileIdentity) -> Bool {
        device == other.device && inode == other.inode
    }
}

extension FileError {
    /// The error that `errno` names now, after `operation` on `path` failed.
    static func last(_ operation: String, path: String, needed: Int = 0) -> FileError {
        let code = errno
        let kind: Kind =
            switch code {
            case ENOENT: .notFound
            case EISDIR: .isDirectory
            case EACCES, EPERM, EROFS: .permissionDenied
            case ENOSPC, EDQUOT: .diskFull(needed: needed)
            default:
                unsafe .system(
                    operation: operation, errno: code, message: String(cString: strerror(code)))
            }
        return FileError(kind, path: path)
    }
}
