import Safetensors
public import TensorCore

/// A model directory as Hugging Face lays it out: its JSON files and its model card.
public struct HuggingFaceDirectory: Sendable {
    /// The directory that holds `config.json`, named as the user began to.
    public let path: String
    /// The directory's own name; the repository's, where it is in the hub's cache.
    public let name: String
    /// The model's id on the hub where the path tells it, else its name.
    let id: String
    /// `config.json`.
    public let config: JSON
    /// `generation_config.json`, when there is a sound one.
    public let generationConfig: JSON?
    /// `tokenizer_config.json`.
    public let tokenizerConfig: JSON?
    /// What the user should know about where the model was found.
    let notices: [String]

    /// Reads the directory's JSON files.
    ///
    /// - Parameter path: The directory, or that of a repository in the hub's cache.
    /// - Throws: `FileError`, `JSONError` or `ConversionError`.
    public init(path: String) throws { try self.init(path: path, needsConfiguration: true) }

    /// Reads the JSON files of an adapter's directory, which mostly has no `config.json`.
    init(adapter path: String) throws { try self.init(path: path, needsConfiguration: false) }

    private init(path: String, needsConfiguration: Bool) throws {
        let location = try ModelLocation(path)
        self.path = location.path
        name = location.name
        id = location.owner.map { "\($0)/\(location.name)" } ?? location.name
        let folder = location.path.hasSuffix("/") ? location.path : location.path + "/"
        let names = try Directory.names(in: folder)
        try HuggingFaceDirectory.requireFetched(names, in: folder)
        func json(_ file: String) throws -> JSON? {
            names.contains(file) ? try JSON.parse(path: folder + file) : nil
        }
        guard let config = try json("config.json") ?? (needsConfiguration ? nil : .object([]))
        else {
            throw try HuggingFaceDirectory.absence(of: names, in: location.path)
        }
        guard config.members != nil else {
            throw ConversionError(
                .invalidValue(found: config.kindName, expected: "an object"),
                path: folder + "config.json")
        }
        self.config = config
        var notices = location.notices
        do {
            generationConfig = try json("generation_config.json")
        } catch let error as JSONError {
            // Not every published model has a sound one; nothing depends on it.
            generationConfig = nil
            notices.append("generation_config.json is left aside: \(error.problem)")
        }
        tokenizerConfig = try json("tokenizer_config.json")
        self.notices = notices
    }

    /// What the model at `path` is called, without reading it: the last part of the path, or the
    /// repository's name in the hub's cache.
    ///
    /// - Throws: `FileError` or `ConversionError` when nothing, or no single model, is there.
    public static func name(ofModelAt path: String) throws -> String {
        try ModelLocation(path).name
    }

    /// The path of a file in the directory.
    func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

    /// The parsed JSON of a file in the directory; `nil` when there is none.
    func json(_ name: String) throws -> JSON? {
        try FileIdentity.of(file(name)) == nil ? nil : try JSON.parse(path: file(name))
    }
}
