#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Synchronization

/// A directory that appears under its name only when all of its files are complete.
///
/// Files are written into a temporary sibling, which is given the name at the end and removed when
/// that does not come. A name that is a symbolic link stays one: the directory goes where it points.
public final class OutputDirectory: Sendable {
    /// The name that it will have.
    public let path: String
    /// Where its files are written.
    public let temporaryPath: String
    private let destination: String
    private let isCommitted = Mutex(false)

    /// Creates the temporary sibling of `path`, where there must be nothing or an empty directory.
    ///
    /// - Throws: `FileError`.
    public init(path: String) throws(FileError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        try OutputDirectory.check(path: path)
        var destination = try OutputPath.destination(of: path)
        while destination.count > 1, destination.hasSuffix("/") { destination.removeLast() }
        let (parent, name) = OutputPath.split(destination)
        let temporaryPath = "\(parent).\(name).\(getpid()).partial"
        guard unsafe mkdir(temporaryPath, 0o777) == 0 else {
            throw .last("create", path: destination)
        }
        self.path = path
        self.destination = destination
        self.temporaryPath = temporaryPath
        TemporaryFiles.add(temporaryPath)
    }

    /// Checks that nothing is at `path`, or an empty directory: before work whose result goes there.
    ///
    /// - Throws: `FileError`.
    public static func check(path: String) throws(FileError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw exists(path, "a file is in the way") }
        // `.` and `..` are in every directory.
        guard try Directory.names(in: path).count <= 2 else {
            throw exists(path, "the directory is there and not empty")
        }
    }

    private static func exists(_ path: String, _ message: String) -> FileError {
        FileError(.system(operation: "create", errno: EEXIST, message: message), path: path)
    }

    /// The path of a file inside, until `commit`.
    public func file(_ name: String) -> String { "\(temporaryPath)/\(name)" }

    /// Gives the directory its name.
    public func commit() throws(FileError) {
        // Over an empty directory a rename is allowed.
        guard unsafe rename(temporaryPath, destination) == 0 else {
            throw .last("rename", path: path)
        }
        isCommitted.withLock { $0 = true }
        TemporaryFiles.remove(temporaryPath)
    }

    deinit {
        guard !isCommitted.withLock({ $0 }) else { return }
        TemporaryFolder.remove(temporaryPath)
        TemporaryFiles.remove(temporaryPath)
    }
}
