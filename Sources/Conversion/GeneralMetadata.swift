import Architectures
import GGUF
import TensorCore

/// The `general.*` keys about where a model comes from: recommended sampling, names, licence, base
/// models, data sets, tags.
///
/// Sources in falling precedence: the model card's front matter, `_name_or_path` of `config.json`,
/// the directory's name. Keys and order are the reference converter's.
struct GeneralMetadata {
    /// The keys in file order, without `general.architecture` and `general.type`.
    private(set) var entries: [MetadataEntry] = []
    /// What the user should know.
    private(set) var notices: [String] = []
    /// What could not be read.
    private(set) var warnings: [String] = []

    /// Derives the keys.
    ///
    /// - Parameters:
    ///   - overrides: What the user's file sets, which has precedence.
    ///   - name: The model's name, which has precedence over that too.
    ///   - sampling: The directory whose recommendations count, where it is another.
    ///   - adapterParameterCount: Of an adapter the negated number of parameters that it changes.
    init(
        directory: HuggingFaceDirectory, tensors: [TensorDescription], overrides: MetadataFile?,
        name: String?, sampling: HuggingFaceDirectory? = nil, adapterParameterCount: Int? = nil
    ) throws {
        let card = try ModelCard(directory: directory)
        if let failure = card.failure { warnings.append(failure) }
        let parameterCount = adapterParameterCount ?? SizeLabel.elementCount(tensors)
        var texts = card.texts

        var ids: [String] = []
        // A name, not a path of the computer on which the file was saved.
        if let id = directory.config["_name_or_path"]?.text,
            id.utf8.count(where: { $0 == UInt8(ascii: "/") }) <= 1
        {
            ids.append(id)
        }
        ids.append(directory.id)
        for id in ids {
            let parts = ModelName(id, parameterCount: parameterCount)
            let derived = [
                "name": ModelName.title(parts.full),
                "organization": parts.organization.map(ModelName.title),
                "basename": parts.basename, "finetune": parts.finetune, "version": parts.version,
                "size_label": parts.sizeLabel,
            ]
            for (key, value) in derived where texts[key] == nil { texts[key] = value }
        }
        for (field, key) in GeneralMetadata.textKeys {
            if let text = try overrides?.text(key) { texts[field] = text.value }
        }
        if let name { texts["name"] = name }
        if texts["name"] == nil { texts["name"] = directory.name }
        if texts["size_label"] == nil, parameterCount >= 0 {
            texts["size_label"] = SizeLabel.of(tensors)
        }

        try appendSampling((sampling ?? directory).generationConfig, overrides)
        for (field, key) in GeneralMetadata.textKeys { append(key, texts[field]) }
        let models = try overrides?.sources("general.base_models")
        append("base_model", models == nil ? card.baseModels : models?.value, parameterCount)
        let datasets = try overrides?.sources("general.datasets")
        append("dataset", datasets == nil ? card.datasets : datasets?.value, parameterCount)
        append("general.tags", try overrides?.texts("general.tags") ?? card.tags)
        append("general.languages", try overrides?.texts("general.languages") ?? card.languages)
        let known = GeneralMetadata.settableKeys
        for key in overrides?.keys ?? [] where !known.contains(key) {
            notices.append("\(overrides?.path ?? ""): \(key) is no key that can be set; left out")
        }
    }

    /// The fields of a model card and their keys, in file order.
    private static let textKeys: [(field: String, key: String)] = [
        ("name", "general.name"), ("author", "general.author"), ("version", "general.version"),
        ("organization", "general.organization"), ("finetune", "general.finetune"),
        ("basename", "general.basename"), ("description", "general.description"),
        ("quantized_by", "general.quantized_by"), ("size_label", "general.size_label"),
        ("license", "general.license"), ("license_name", "general.license.name"),
        ("license_link", "general.license.link"), ("url", "general.url"), ("doi", "general.doi"),
        ("uuid", "general.uuid"), ("repo_url", "general.repo_url"),
        ("source_url", "general.source.url"),
        ("source_doi", "general.source.doi"), ("source_uuid", "general.source.uuid"),
        ("source_repo_url", "general.source.repo_url"),
    ]

    /// Empty texts are not written.
    private mutating func append(_ key: String, _ text: String?) {
        guard let text, !text.isEmpty else { return }
        entries.append(.init(key, .string(text)))
    }

    private mutating func append(_ key: String, _ texts: [String]) {
        guard !texts.isEmpty else { return }
        entries.append(.init(key, .strings(texts.map { ByteString($0) })))
    }

    /// Keys of `generation_config.json`, the first that is there counts, and of a GGUF file.
    private static let samplingKeys: [(sources: [String], key: String, isInteger: Bool)] = [
        (["top_k"], "top_k", true), (["top_p"], "top_p", false), (["min_p"], "min_p", false),
        (["xtc_probability"], "xtc_probability", false),
        (["xtc_threshold"], "xtc_threshold", false), (["temperature"], "temp", false),
        (["penalty_last_n"], "penalty_last_n", true),
        (["penalty_repeat", "repetition_penalty"], "penalty_repeat", false),
        (["mirostat"], "mirostat", true), (["mirostat_tau"], "mirostat_tau", false),
        (["mirostat_eta"], "mirostat_eta", false),
    ]

    /// The keys that a user can set.
    private static let settableKeys: Set<String> = {
        var keys = Set(textKeys.map(\.key))
        for entry in samplingKeys { keys.insert("general.sampling.\(entry.key)") }
        keys.formUnion([
            "general.sampling.sequence", "general.base_models", "general.datasets",
            "general.tags", "general.languages",
        ])
        return keys
    }()

    /// Numbers that `generation_config.json` recommends, or the user sets.
    private mutating func appendSampling(_ config: JSON?, _ overrides: MetadataFile?) throws {
        let sequence = try overrides?.text("general.sampling.sequence")
        let recommended = config?["sequence"]?.text
        append("general.sampling.sequence", sequence == nil ? recommended : sequence?.value)
        for (sources, name, isInteger) in GeneralMetadata.samplingKeys {
            let key = "general.sampling.\(name)"
            let source = sources.first { config?[$0] != nil } ?? sources[0]
            let override: JSON? = overrides?[key]
            let recommended: JSON? = config?[source]
            guard let value = override ?? recommended, !value.isNull else { continue }
            if isInteger, let integer = value.integer.flatMap({ Int32(exactly: $0) }) {
                entries.append(.init(key, .int32(integer)))
            } else if !isInteger, let number = value.double {
                entries.append(.init(key, .float32(Float(number))))
            } else if let overrides, override != nil {
                throw overrides.fault(
                    key, found: value.kindName,
                    expected: isInteger ? "a whole number of 32 bits" : "a number")
            } else {
                notices.append("generation_config.json: \(source) is no number; left out")
            }
        }
    }

    /// The models or data sets that a model was made from.
    private mutating func append(
        _ kind: String, _ sources: [ModelCard.Source]?, _ parameterCount: Int
    ) {
        guard let sources else { return }
        entries.append(.init("general.\(kind).count", .uint32(UInt32(clamping: sources.count))))
        let fields = [
            "name", "author", "version", "organization", "description", "url", "doi", "uuid",
            "repo_url",
        ]
        for (index, source) in sources.enumerated() {
            let texts = source.texts(parameterCount: parameterCount)
            for field in fields { append("general.\(kind).\(index).\(field)", texts[field]) }
        }
    }
}
