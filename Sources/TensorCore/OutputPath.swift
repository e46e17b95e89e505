#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where an output goes that is named by a path.
enum OutputPath {
    /// As many links of links as Linux follows.
    private static let mostLinks = 40

    /// The path itself, or what it points to when it is a symbolic link, which stays; nothing need
    /// be there yet.
    ///
    /// - Throws: `FileError` when links go round in a circle.
    static func destination(of path: String) throws(FileError) -> String {
        var place = path
        for _ in 0..<mostLinks {
            var status = stat()
            guard unsafe lstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else {
                return place
            }
            var target = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = unsafe readlink(place, &target, target.count)
            guard count >= 0 else { throw .last("follow", path: path) }
            guard
                let name = String(
                    validating: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            else {
                errno = EILSEQ
                throw .last("follow", path: path)
            }
            place = name.hasPrefix("/") ? name : split(place).directory + name
        }
        errno = ELOOP
        throw .last("follow", path: path)
    }

    /// A path's folder, with its slash, and the name in it.
    static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[...slash]), String(path[path.index(after: slash)...]))
    }
}
