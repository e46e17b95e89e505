#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Folder {
    /// A path from the root, whether or not it is there: `.` and `..` are taken out.
    static func absolute(_ path: String) -> String {
        var whole = path
        if !path.hasPrefix("/") {
            let folder = unsafe getcwd(nil, 0)
            defer { unsafe free(folder) }
            whole = unsafe (folder.map { unsafe String(cString: $0) } ?? "") + "/" + path
        }
        var parts: [Substring] = []
        for part in whole.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
