#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An error in opening, reading or writing a file.
public struct FileError: IngotError, Hashable {
    /// The kinds of file error.
    public enum Kind: Sendable, Hashable {
        /// Nothing exists at the path.
        case notFound
        /// The path is a directory and a file was wanted.
        case isDirectory
        /// The path is neither a regular file nor a directory (a pipe, a device, a socket).
        case notRegular
        /// What was found (`a pipe`, `a device`, `a socket`) cannot be read at any place.
        case notSeekable(found: String)
        /// What gives its bytes once was to be read a second time.
        case comesOnce
        /// More bytes than the most that is read.
        case tooLong(limit: Int)
        /// The user may not read or write there.
        case permissionDenied
        /// Bytes `offset ..< offset + count` were wanted, the file has `available` bytes.
        case outOfBounds(offset: Int, count: Int, available: Int)
        /// The file became shorter while it was read.
        case shrank
        /// The file was written to while it was read.
        case changed
        /// No space is left on the device, or a quota is used up.
        case diskFull(needed: Int)
        /// Something else stands in the place of the file.
        case placeholder(Placeholder)
        /// A link to something that is not there.
        case brokenLink(to: String)
        /// Another failure that the operating system names.
        case system(operation: String, errno: Int32, message: String)
    }

    /// What went wrong.
    public let kind: Kind
    /// The path as the user named it.
    public let path: String

    /// Creates an error about the file at `path`.
    public init(_ kind: Kind, path: String) {
        self.kind = kind
        self.path = path
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// The place in it.
    public var place: String? {
        if case .outOfBounds(let offset, _, _) = kind { return "byte \(offset)" }
        return nil
    }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .notFound: "no such file or folder"
        case .isDirectory: "is a directory, expected a file"
        case .notRegular: "is not a regular file"
        case .notSeekable(let found):
            "is \(found), expected a file that can be read at any place"
        case .comesOnce: "is named twice, and gives its bytes only once"
        case .tooLong(let limit): "more than \(limit) bytes found, at most that expected"
        case .permissionDenied: "permission denied"
        case .outOfBounds(_, let count, let available):
            "file ends too early: \(count) bytes expected here, the file has \(available) in all"
        case .shrank: "file became shorter while it was read"
        case .changed: "file was written to while it was read"
        case .diskFull(let needed): "no space left on the device for \(needed) bytes"
        case .placeholder(let placeholder): placeholder.meaning
        case .brokenLink(let target): "is a link to \(target), which is not there"
        case .system(let operation, _, let message): "\(operation) failed: \(message)"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .outOfBounds: "The file is truncated; fetch it again."
        case .shrank, .changed: "Run again when no other program writes to it."
        case .diskFull: "Free space or write to another disk."
        case .isDirectory: "Name a file inside it."
        case .placeholder(let placeholder): placeholder.remedy
        case .brokenLink: "Fetch the file again."
        case .notSeekable: "Write its contents to a file and name that."
        case .system(_, EEXIST, _): "Give another name, or remove what is there."
        case .comesOnce: "Write it to a file, or name it once."
        case .notFound where path == "-":
            "Only texts are read from standard input; write it to a file and name that."
        default: nil
        }
    }
    /// Whether the system failed, whatever the file holds: another try may end otherwise.
    public var isFailureOfSystem: Bool {
        if case .system(_, let code, _) = kind { return code != EFBIG }
        return false
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .outOfBounds, .placeholder, .tooLong: .badData
        case .comesOnce: .usage
        default: .inputOutput
        }
    }
}
