#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file, a pipe, a device or standard input, read once from its start.
///
/// What is read at several places must be an `InputFile`.
public final class SequentialInput {
    /// The path as the user named it, or `standard input` for `-`.
    public let path: String
    /// What is read: device and inode tell a pipe that is named twice.
    public let identity: FileIdentity
    /// Whether the bytes come once only: a pipe, a device, standard input.
    public let comesOnce: Bool
    private let descriptor: Int32
    /// Bytes that were looked at and not yet read.
    private var held: ArraySlice<UInt8> = []

    /// What `-` is called in messages.
    public static let standardInputName = "standard input"

    /// Whether a path names standard input.
    public static func isStandardInput(_ path: String) -> Bool {
        ["-", "/dev/stdin", "/dev/fd/0"].contains(path)
    }

    /// Opens what is at `path`; `-` is standard input.
    ///
    /// - Throws: `FileError` when it cannot be opened, or is a directory.
    public init(path: String) throws(FileError) {
        let isStandardInput = SequentialInput.isStandardInput(path)
        self.path = path == "-" ? SequentialInput.standardInputName : path
        descriptor =
            isStandardInput
            ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
            : retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .last("open", path: self.path) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let error = FileError.last("fstat", path: self.path)
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            close(descriptor)
            throw FileError(.isDirectory, path: self.path)
        }
        comesOnce = isStandardInput || status.st_mode & S_IFMT != S_IFREG
        identity = FileIdentity(status)
    }

    deinit { close(descriptor) }

    /// The next bytes without reading them: `count`, or fewer at the end.
    public func peek(_ count: Int) throws(FileError) -> ArraySlice<UInt8> {
        guard held.count < count else { return held.prefix(count) }
        var bytes = [UInt8](repeating: 0, count: count)
        let found = try unsafe bytes.withUnsafeMutableBytes { buffer -> Result<Int, FileError> in
            do throws(FileError) {
                return unsafe .success(try read(into: buffer))
            } catch {
                return .failure(error)
            }
        }.get()
        held = bytes[..<found]
        return held
    }

    /// Fills `buffer` with the bytes that come next; fewer come at the end only.
    ///
    /// - Returns: How many bytes came.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        var done = min(held.count, buffer.count)
        unsafe buffer.copyBytes(from: held.prefix(done))
        held = held.dropFirst(done)
        guard let base = buffer.baseAddress else { return 0 }
        while done < buffer.count {
            let result = retrying {
                unsafe systemRead(descriptor, base + done, buffer.count - done)
            }
            guard result >= 0 else { throw .last("read", path: path) }
            if result == 0 { break }
            done += result
        }
        return done
    }
}

/// The system's `read`, whose name the method hides.
private func systemRead(
    _ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int
) -> Int { unsafe read(descriptor, bytes, count) }
