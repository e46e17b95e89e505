#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension SourceFile {
    /// Looks at the file at `path`, behind links.
    ///
    /// - Throws: `FileError`, `ClusterError` for what is no file.
    init(path: String) throws {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw FileError(.notFound, path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ClusterError(
                file: path, problem: "no plain file found, which tasks on many nodes can all read")
        }
        self.path = path
        byteCount = Int(status.st_size)
        #if canImport(Glibc)
            modified = Int(status.st_mtim.tv_sec)
        #else
            modified = Int(status.st_mtimespec.tv_sec)
        #endif
    }

    /// The plain files in a folder.
    ///
    /// - Throws: `FileError`.
    static func files(in folder: String) throws -> [SourceFile] {
        try Directory.names(in: folder).filter { !$0.hasPrefix(".") }
            .compactMap { try? SourceFile(path: "\(folder)/\($0)") }
    }

    /// The line of the list that tasks compare: `BYTES SECONDS PATH`.
    var line: String { "\(byteCount) \(modified) \(path)" }

    /// Reads a line of the list.
    init?(line: some StringProtocol) {
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count == 3, let bytes = Int(words[0]), let seconds = Int(words[1]) else {
            return nil
        }
        (byteCount, modified, path) = (bytes, seconds, String(words[2]))
    }

    /// What has become of the file since it was listed, in words; `nil` when it is the same.
    var change: String? {
        guard let now = try? SourceFile(path: path) else { return "is not there any more" }
        if now.byteCount != byteCount { return "has \(now.byteCount) bytes, had \(byteCount)" }
        return now.modified == modified ? nil : "was written again"
    }
}
