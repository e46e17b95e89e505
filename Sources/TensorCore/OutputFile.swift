import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary sibling, `.<name>.<process>-<number>.partial`. `commit()` flushes it to
/// the disk and renames it; an `OutputFile` that goes away uncommitted removes it. Positioned
/// writes may come from any thread. The disk begins to work while the file is still being written,
/// so that the flush at the end finds little left to do.
///
/// A path that is a symbolic link stays one: the file goes where it points.
public final class OutputFile: Sendable {
    /// The final path as the user named it.
    public let path: String
    /// Where the bytes are until `commit()`.
    public let temporaryPath: String
    /// Where they are afterwards.
    private let destination: String
    let descriptor: Int32
    /// Whether the unfinished file stays when this goes away uncommitted, to be continued later.
    let keepsUnfinished: Bool
    private let committed = Mutex(false)
    private let writtenByteCount = Atomic<Int>(0)
    /// The disk is set to work each time that this many bytes have been written.
    private static let writebackByteCount = 16 << 20
    private static let counter = Atomic<Int>(0)

    /// Creates the temporary sibling and reserves `byteCount` bytes for it.
    ///
    /// Reserving makes a disk that is too small fail here, before any work is done.
    public init(path: String, byteCount: Int = 0) throws(FileError) {
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            let type = status.st_mode & S_IFMT
            guard type == S_IFREG else {
                throw FileError(type == S_IFDIR ? .isDirectory : .notRegular, path: path)
            }
        }
        let destination = try OutputPath.destination(of: path)
        let (directory, name) = OutputPath.split(destination)
        let number = OutputFile.counter.add(1, ordering: .relaxed).newValue
        let temporaryPath = "\(directory).\(name).\(getpid())-\(number).partial"
        let descriptor = retrying {
            unsafe open(temporaryPath, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        }
        guard descriptor >= 0 else { throw .last("create", path: destination) }
        self.path = path
        self.destination = destination
        self.temporaryPath = temporaryPath
        self.descriptor = descriptor
        keepsUnfinished = false
        TemporaryFiles.add(temporaryPath)
        do {
            try reserve(byteCount)
        } catch {
            discard()
            throw error
        }
    }

    /// Opens the sibling `.<name>.<suffix>`, with what an earlier run left in it, for this process
    /// alone: `nil` when another process has it.
    ///
    /// - Throws: `FileError`, also where the file system has no locks.
    /// - Parameter keepsUnfinished: Whether the sibling stays when this goes away uncommitted.
    public init?(
        continuing path: String, suffix: String, keepsUnfinished: Bool
    ) throws(FileError) {
        let destination = try OutputPath.destination(of: path)
        let (directory, name) = OutputPath.split(destination)
        let temporaryPath = "\(directory).\(name).\(suffix)"
        var status = stat()
        if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw FileError(
                status.st_mode & S_IFMT == S_IFDIR ? .isDirectory : .notRegular, path: path)
        }
        while true {
            let descriptor = retrying {
                unsafe open(temporaryPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            }
            guard descriptor >= 0 else { throw .last("create", path: destination) }
            guard retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
                if errno == EWOULDBLOCK {
                    close(descriptor)
                    return nil
                }
                // A file system without locks.
                let error = FileError.last("lock", path: path)
                OutputFile.leave(descriptor, at: temporaryPath)
                throw error
            }
            // Its owner may have renamed or removed it between the two calls.
            do throws(FileError) {
                guard try OutputFile.isOpen(descriptor, at: temporaryPath) else {
                    close(descriptor)
                    continue
                }
            } catch {
                OutputFile.leave(descriptor, at: temporaryPath)
                throw error
            }
            self.descriptor = descriptor
            break
        }
        self.path = path
        self.destination = destination
        self.temporaryPath = temporaryPath
        self.keepsUnfinished = keepsUnfinished
        if !keepsUnfinished { TemporaryFiles.add(temporaryPath) }
    }

    /// Whether a path still leads to an open file.
    private static func isOpen(_ descriptor: Int32, at path: String) throws(FileError) -> Bool {
        var opened = stat()
        guard unsafe fstat(descriptor, &opened) == 0 else { throw .last("fstat", path: path) }
        return try FileIdentity.of(path)?.isSameFile(as: FileIdentity(opened)) == true
    }

    /// Closes a sibling that cannot be used, and removes it where nothing is in it.
    private static func leave(_ descriptor: Int32, at path: String) {
        var opened = stat()
        if unsafe fstat(descriptor, &opened) == 0, opened.st_size == 0, opened.st_nlink == 1 {
            unsafe unlink(path)
        }
        close(descriptor)
    }

    deinit {
        if !committed.withLock({ $0 }), !keepsUnfinished { discard() }
        close(descriptor)
    }

    /// Reserves bytes, so that a disk that is too small fails before any work is done.
    public func reserve(_ byteCount: Int) throws(FileError) {
        guard byteCount > 0 else { return }
        #if canImport(Glibc)
            var code = EINTR
            while code == EINTR { code = posix_fallocate(descriptor, 0, off_t(byteCount)) }
            // Some file systems cannot reserve; writing finds out then.
            if code == 0 || code == EOPNOTSUPP || code == EINVAL || code == ENOSYS { return }
            errno = code
            throw .last("reserve", path: path, needed: byteCount)
        #endif
    }

    /// Removes the unfinished file.
    public func discard() {
        unsafe unlink(temporaryPath)
        TemporaryFiles.remove(temporaryPath)
    }

    /// Writes `buffer` at `offset`.
    public func write(
        _ buffer: UnsafeRawBufferPointer, at offset: Int
    ) throws(FileError) {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let result = retrying {
                unsafe pwrite(descriptor, base + done, buffer.count - done, off_t(offset + done))
            }
            guard result > 0 else {
                throw .last("write", path: path, needed: buffer.count - done)
            }
            done += result
        }
        let written = writtenByteCount.add(done, ordering: .relaxed)
        let step = OutputFile.writebackByteCount
        if written.oldValue / step != written.newValue / step { ingot_start_writeback(descriptor) }
    }

    /// Writes `bytes` at `offset`.
    public func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        let result = unsafe bytes.withUnsafeBytes { buffer -> Result<Void, FileError> in
            do throws(FileError) {
                return unsafe .success(try write(buffer, at: offset))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Cuts or extends the file to `byteCount`, flushes it and gives it its final name.
    public func commit(byteCount: Int? = nil) throws(FileError) {
        if let byteCount { try truncate(to: byteCount) }
        try flush()
        guard unsafe rename(temporaryPath, destination) == 0 else {
            throw .last("rename", path: path)
        }
        committed.withLock { $0 = true }
        TemporaryFiles.remove(temporaryPath)
        // The rename itself is durable only when the directory is flushed too; the file is whole
        // either way, and not every file system can flush one.
        let directory = OutputPath.split(destination).directory
        let handle = retrying {
            unsafe open(directory.isEmpty ? "." : directory, O_RDONLY | O_CLOEXEC)
        }
        if handle >= 0 {
            _ = retrying { fsync(handle) }
            close(handle)
        }
    }

    /// Removes the file under its final name: one that is worth nothing without others that failed.
    public func removeCommitted() { if committed.withLock({ $0 }) { unsafe unlink(destination) } }

    /// Writes a whole small file at once, atomically.
    public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        let file = try OutputFile(path: path)
        try file.write(bytes, at: 0)
        try file.commit()
    }
}

/// The temporary files and folders of this process, so that an interrupt can remove them.
public enum TemporaryFiles {
    private static let paths = Mutex<Set<String>>([])

    static func add(_ path: String) { paths.withLock { _ = $0.insert(path) } }
    static func remove(_ path: String) { paths.withLock { _ = $0.remove(path) } }

    /// Removes every temporary file that is not committed, and every temporary folder; for use when
    /// the process must end.
    public static func removeAll() {
        for path in paths.withLock({ $0 }) where unsafe unlink(path) != 0 {
            TemporaryFolder.remove(path)
        }
    }
}
