#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Safetensors
public import TensorCore

/// A model directory as Hugging Face lays it out: its JSON files and its model card.
public struct HuggingFaceDirectory: Sendable {
    /// The path as the user named it.
    public let path: String
    /// The directory's own name.
    public let name: String
    /// `config.json`.
    public let config: JSON
    /// `generation_config.json`, when there is a sound one.
    public let generationConfig: JSON?
    /// `tokenizer_config.json`.
    public let tokenizerConfig: JSON?

    /// Reads the directory's JSON files.
    ///
    /// - Throws: `FileError`, `JSONError` or `ConversionError`.
    public init(path: String) throws {
        self.path = path
        guard let identity = HuggingFaceDirectory.directoryExists(path), identity else {
            throw FileError(
                FileIdentity(path: path) == nil
                    ? .notFound
                    : .system(
                        operation: "list", errno: ENOTDIR, message: "is a file, not a directory"),
                path: path)
        }
        name = HuggingFaceDirectory.name(of: path)
        let folder = path.hasSuffix("/") ? path : path + "/"
        func json(_ file: String) throws -> JSON? {
            FileIdentity(path: folder + file) == nil ? nil : try JSON.parse(path: folder + file)
        }
        guard let config = try json("config.json") else {
            if let adapter = try Checkpoint.adapter(in: path) { throw adapter }
            throw ConversionError(.missingFile("config.json"), path: path)
        }
        guard config.members != nil else {
            throw ConversionError(
                .invalidValue(found: config.kindName, expected: "an object"),
                path: folder + "config.json")
        }
        self.config = config
        // Not every published model has a sound one; nothing depends on it.
        generationConfig = try? json("generation_config.json")
        tokenizerConfig = try json("tokenizer_config.json")
    }

    /// The path of a file in the directory.
    func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

    /// The parsed JSON of a file in the directory; `nil` when there is none.
    func json(_ name: String) throws -> JSON? {
        FileIdentity(path: file(name)) == nil ? nil : try JSON.parse(path: file(name))
    }

    private static func directoryExists(_ path: String) -> Bool? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// The last part of a path; of the path that it stands for, when that is `.` or `..`.
    private static func name(of path: String) -> String {
        func last(_ path: String) -> String {
            path.split(separator: "/").last(where: { $0 != "." }).map(String.init) ?? ""
        }
        let name = last(path)
        guard name.isEmpty || name == ".." else { return name }
        guard let resolved = realpath(path, nil) else { return name }
        defer { free(resolved) }
        return last(String(cString: resolved))
    }
}
