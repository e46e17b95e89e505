#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A directory of files.
public enum Directory {
    /// The names in the directory at `path`, in bytewise order.
    ///
    /// - Throws: `FileError` when it cannot be listed.
    public static func names(in path: String) throws(FileError) -> [String] {
        guard let handle = opendir(path) else {
            let code = errno
            throw FileError(
                code == ENOENT
                    ? .notFound
                    : code == EACCES
                        ? .permissionDenied
                        : .system(
                            operation: "list", errno: code,
                            message: String(cString: strerror(code))), path: path)
        }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(
                    to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)
                ) { String(cString: $0) }
            }
            names.append(name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
