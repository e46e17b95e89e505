import TensorCore

/// What the front matter of a model card (`README.md`) says about the model.
///
/// <https://huggingface.co/docs/hub/model-cards#model-card-metadata>, and the keys that authors of
/// GGUF files have made a habit of.
struct ModelCard {
    /// A model or data set that the model was made from.
    enum Source {
        /// A Hugging Face id or an address.
        case id(String)
        /// Fields that the card spells out.
        case fields([String: String])
        /// Something else, which tells nothing.
        case unknown
    }

    /// Simple fields, by the name of their `general.` key.
    private(set) var texts: [String: String] = [:]
    /// `nil` when the card has no such field.
    private(set) var baseModels: [Source]?
    private(set) var datasets: [Source]?
    private(set) var tags: [String] = []
    private(set) var languages: [String] = []
    /// Why the card tells nothing although there is one.
    private(set) var failure: String?

    /// Reads the card of a directory; empty when there is none, it has no front matter or that
    /// cannot be understood: no model is worse for it.
    ///
    /// - Throws: `FileError` when the system fails to read it.
    init(directory: HuggingFaceDirectory) throws {
        let path = directory.file("README.md")
        var values: FrontMatter.Value?
        var failure: (any Error)?
        do {
            if try FileIdentity.of(path) != nil {
                values = try FrontMatter.parse(
                    InputFile.contents(path: path, limit: 1 << 24), path: path)
            }
        } catch let error as FileError where error.isFailureOfSystem {
            throw error
        } catch {
            failure = error
        }
        self.init(values ?? .null)
        self.failure = failure.map {
            "\($0) The file is written without what the model card says."
        }
    }

    /// Picks the known fields.
    init(_ values: FrontMatter.Value) {
        for (field, keys) in ModelCard.textFields {
            for key in keys where texts[field] == nil { texts[field] = values[key]?.joinedText }
        }
        baseModels = ModelCard.sources(
            values, ["base_model", "base_models", "base_model_sources"])
        datasets = ModelCard.sources(values, ["datasets", "dataset", "dataset_sources"])
        tags = ["tags", "pipeline_tag"].flatMap { values[$0]?.texts ?? [] }
        languages = ["languages", "language"].flatMap { values[$0]?.texts ?? [] }
    }

    /// Fields and the keys that may give them, the strongest first.
    private static let textFields: [(field: String, keys: [String])] = [
        ("name", ["name", "model_name"]), ("author", ["author", "model_author", "model_creator"]),
        ("version", ["version", "model_version"]),
        ("organization", ["organization", "model_organization"]),
        ("description", ["description", "model_description"]),
        ("finetune", ["finetune", "model_finetune"]),
        ("basename", ["basename", "model_basename", "model_type"]),
        ("size_label", ["size_label", "model_size_label"]),
        ("source_url", ["url", "model_url"]), ("source_doi", ["doi", "model_doi"]),
        ("source_uuid", ["uuid", "model_uuid"]),
        ("source_repo_url", ["repo_url", "model_repo_url"]),
        ("license", ["license"]), ("license_name", ["license_name"]),
        ("license_link", ["license_link"]),
    ]

    private static func sources(_ values: FrontMatter.Value, _ keys: [String]) -> [Source]? {
        guard let key = keys.first(where: { values.has($0) }) else { return nil }
        switch values[key] {
        case .string(let id)?: return [.id(id)]
        case .list(let items)?:
            return items.map { item in
                switch item {
                case .string(let id): .id(id)
                case .mapping(let fields):
                    .fields(
                        Dictionary(
                            fields.compactMap { key, value in value.text.map { (key, $0) } },
                            uniquingKeysWith: { $1 }))
                default: .unknown
                }
            }
        default: return []
        }
    }
}

extension ModelCard.Source {
    /// The fields that a GGUF file tells of a source.
    func texts(parameterCount: Int) -> [String: String] {
        switch self {
        case .unknown: [:]
        case .fields(let fields): fields
        case .id(let id): ModelCard.Source.texts(id: id, parameterCount: parameterCount)
        }
    }

    private static func texts(id: String, parameterCount: Int) -> [String: String] {
        var texts: [String: String] = [:]
        var name = id
        let isAddress = ["http://", "https://", "ssh://"].contains { id.hasPrefix($0) }
        if isAddress {
            texts["repo_url"] = id
            guard let match = id.wholeMatch(of: /https?:\/\/huggingface.co\/([^\/]+\/[^\/]+)/)
            else {
                return texts
            }
            name = String(match.1)
        }
        let parts = ModelName(name, parameterCount: parameterCount)
        texts["name"] = ModelName.title(parts.full)
        texts["organization"] = parts.organization.map(ModelName.title)
        texts["version"] = parts.version
        if !isAddress, let organization = parts.organization {
            texts["repo_url"] = "https://huggingface.co/\(organization)/\(parts.full)"
        }
        return texts
    }
}
