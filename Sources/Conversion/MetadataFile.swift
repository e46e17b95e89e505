import TensorCore

/// A JSON file that sets `general.*` keys of a GGUF file: `{"general.name": "My model"}`.
///
/// `null` leaves a key out. Base models and data sets are arrays of objects with the fields `name`,
/// `author`, `version`, `organization`, `description`, `url`, `doi`, `uuid` and `repo_url`, under
/// `general.base_models` and `general.datasets`.
public struct MetadataFile: Sendable {
    /// The file.
    public let path: String
    private let members: [JSON.Member]

    /// Reads a file.
    ///
    /// - Throws: `FileError`, `JSONError`; `ConversionError` when it is not an object.
    public init(path: String) throws {
        let json = try JSON.parse(path: path)
        guard let members = json.members else {
            throw ConversionError(
                .invalidValue(found: json.kindName, expected: "an object of general.* keys"),
                path: path)
        }
        self.path = path
        self.members = members
    }

    /// The keys in file order.
    var keys: [String] { members.map(\.key.description) }

    subscript(key: String) -> JSON? { JSON.object(members)[key] }

    /// What the file says about a key: a value, or that there is to be none.
    struct Setting<Value> {
        let value: Value?
    }

    /// The text under `key`; `nil` when the file does not have the key.
    func text(_ key: String) throws -> Setting<String>? {
        guard let value = self[key] else { return nil }
        guard !value.isNull else { return Setting(value: nil) }
        guard let text = value.text else {
            throw fault(key, found: value.kindName, expected: "a string")
        }
        return Setting(value: text)
    }

    /// The texts under `key`; `nil` when the file does not have the key.
    func texts(_ key: String) throws -> [String]? {
        guard let value = self[key] else { return nil }
        guard !value.isNull else { return [] }
        let texts = value.array?.compactMap(\.text)
        guard let texts, texts.count == value.array?.count else {
            throw fault(key, found: value.kindName, expected: "an array of strings")
        }
        return texts
    }

    /// The models or data sets under `key`; `nil` when the file does not have the key.
    func sources(_ key: String) throws -> Setting<[ModelCard.Source]>? {
        guard let value = self[key] else { return nil }
        guard !value.isNull else { return Setting(value: nil) }
        guard let items = value.array else {
            throw fault(key, found: value.kindName, expected: "an array of objects")
        }
        return Setting(
            value: try items.map { item in
                var fields: [String: String] = [:]
                for member in item.members ?? [] {
                    fields[member.key.description] = member.value.text
                }
                guard let members = item.members, fields.count == members.count else {
                    throw fault(
                        key, found: item.kindName, expected: "objects whose values are strings")
                }
                return .fields(fields)
            })
    }

    /// An error about a key.
    func fault(_ key: String, found: String, expected: String) -> ConversionError {
        ConversionError(.invalidValue(found: found, expected: expected), path: path, place: key)
    }
}
