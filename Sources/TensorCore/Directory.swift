#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A directory of files.
public enum Directory {
    /// Makes a directory, with those above it, unless it is there.
    ///
    /// - Returns: What was made, from the top down.
    /// - Throws: `FileError` that names the part of the path that cannot be made.
    @discardableResult
    public static func create(_ path: String) throws(FileError) -> [String] {
        var made: [String] = []
        // Every part that a slash ends, then the whole.
        let ends = path.indices.dropFirst().filter { path[$0] == "/" } + [path.endIndex]
        for end in ends {
            let part = String(path[..<end])
            if unsafe mkdir(part, 0o777) == 0 {
                made.append(part)
                continue
            }
            let error = FileError.last("create folder", path: part)
            var status = stat()
            guard unsafe stat(part, &status) == 0 else { throw error }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw FileError(
                    .system(
                        operation: "create folder", errno: EEXIST, message: "a file is in the way"),
                    path: part)
            }
        }
        return made
    }

    /// What a symbolic link leads to, as it says; `nil` for anything else.
    public static func target(ofLink path: String) -> String? {
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe target.withUnsafeMutableBytes { buffer in
            unsafe buffer.bindMemory(to: CChar.self).baseAddress.map {
                unsafe readlink(path, $0, Int(PATH_MAX))
            } ?? 0
        }
        return count > 0 ? String(decoding: target.prefix(count), as: UTF8.self) : nil
    }

    /// The names in the directory at `path`, in bytewise order.
    ///
    /// - Throws: `FileError` when it cannot be listed.
    public static func names(in path: String) throws(FileError) -> [String] {
        guard let handle = unsafe opendir(path) else { throw .last("list", path: path) }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while true {
            // The end and a failure look the same but for this.
            errno = 0
            guard let entry = unsafe readdir(handle) else {
                guard errno == 0 else { throw .last("list", path: path) }
                break
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(
                    to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)
                ) { unsafe String(cString: $0) }
            }
            names.append(name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
