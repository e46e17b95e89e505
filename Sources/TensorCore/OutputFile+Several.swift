#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension OutputFile {
    /// What a small file is to hold.
    public struct Content: Sendable {
        /// The file's path.
        public let path: String
        /// Its bytes.
        public let bytes: [UInt8]

        /// Bytes for a path.
        public init(path: String, bytes: [UInt8]) {
            self.path = path
            self.bytes = bytes
        }
    }

    /// Writes whole small files, of which either all get their names or none stays.
    ///
    /// - Parameter folder: A folder that is made for them when need be; what was made of it goes
    ///   with them.
    public static func write(
        _ contents: [Content], making folder: String? = nil
    ) throws(FileError) {
        var made: [String] = []
        if let folder { made = try Directory.create(folder) }
        var files: [OutputFile] = []
        do {
            for content in contents {
                let file = try OutputFile(path: content.path)
                files.append(file)
                try file.write(content.bytes, at: 0)
            }
            for file in files { try file.commit() }
        } catch {
            for file in files { file.removeCommitted() }
            // What has no name yet goes with its file.
            files = []
            for folder in made.reversed() { unsafe rmdir(folder) }
            throw error
        }
    }
}
