#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A new folder for files that are wanted only while the process works; it goes away with them
/// when it is removed, when nothing holds it any more, or when an interrupt ends the process.
public final class TemporaryFolder: Sendable {
    /// The folder's path, without a closing slash.
    public let path: String

    /// The folder for such folders: what `TMPDIR` names, or else `/tmp`.
    public static var usualParent: String {
        let named = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? ""
        return named.isEmpty ? "/tmp" : named
    }

    /// Makes a folder in the folder `parent`, with a name that nothing has.
    ///
    /// - Throws: `FileError` when that is not possible.
    public init(in parent: String = usualParent) throws(FileError) {
        let template = (parent.hasSuffix("/") ? parent : parent + "/") + "ingot-XXXXXX"
        var name = Array(template.utf8CString)
        guard unsafe mkdtemp(&name) != nil else { throw .last("create folder", path: parent) }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        TemporaryFiles.add(path)
    }

    deinit { remove() }

    /// Removes the folder and what is in it.
    public func remove() {
        TemporaryFolder.remove(path)
        TemporaryFiles.remove(path)
    }

    static func remove(_ path: String) {
        // Once more where listing failed, which may pass.
        let names = (try? Directory.names(in: path)) ?? (try? Directory.names(in: path)) ?? []
        for name in names where name != "." && name != ".." {
            // A link goes away by itself, a folder does not.
            if unsafe unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
        }
        unsafe rmdir(path)
    }
}
