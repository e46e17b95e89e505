import Reporting
import TensorCore

/// What the hub reads of a card.
struct CardFrontMatter {
    let text: String
    let warnings: [String]
    /// The original's name on the hub.
    let baseModel: String?

    init(_ rows: [CardRow], _ request: ModelCardText.Request) {
        let metadata = rows.map(\.model.metadata)
        func first(_ key: String) -> String? {
            metadata.lazy.compactMap { $0["general.\(key)"]?.text }.first { !$0.isEmpty }
        }
        func all(_ key: String) -> [String] {
            var found: [String] = []
            for case .strings(let texts)? in metadata.map({ $0["general.\(key)"] }) {
                for text in texts.map(\.description) where !found.contains(text) {
                    found.append(text)
                }
            }
            return found
        }
        var warnings: [String] = []
        baseModel = request.baseModel ?? CardFrontMatter.base(rows)
        if baseModel == nil {
            warnings.append("the original's name on the hub is not known: give --base-model")
        }
        let license = first("license")
        if license == nil {
            warnings.append("no license is known: the card says none")
        }
        let isGGUF = rows.allSatisfy { $0.model.container == .gguf }
        let isEncoder = rows[0].model.isEncoder
        var tags = [isGGUF ? "gguf" : nil, "quantized"].compactMap { $0 }
        if rows.contains(where: { QualityReport.Rounding($0.model.metadata) == .importance }) {
            tags.append("imatrix")
        }
        // The pipeline's name stands in a field of its own.
        let pipelines = ["text-generation", "feature-extraction", "sentence-similarity"]
        let told = all("tags")
        tags += told.filter { !tags.contains($0) && !pipelines.contains($0) }
        let pipeline =
            told.first { pipelines.contains($0) }
            ?? (isEncoder ? "sentence-similarity" : "text-generation")
        let languages = all("languages")
        let fields: JSON = .members([
            ("base_model", baseModel.map { .words($0) }),
            ("base_model_relation", baseModel == nil ? nil : "quantized"),
            ("license", license.map { .words($0.lowercased()) }),
            ("license_name", first("license.name").map { .words($0) }),
            ("license_link", first("license.link").map { .words($0) }),
            ("language", languages.isEmpty ? nil : .words(languages)),
            ("library_name", .words(isGGUF ? "gguf" : "transformers")),
            ("pipeline_tag", .words(pipeline)),
            ("quantized_by", (request.quantizedBy ?? first("quantized_by")).map { .words($0) }),
            ("tags", .words(tags)),
        ])
        text = YAMLText.document(fields) + "---\n"
        self.warnings = warnings
    }

    /// The original's name on the hub, where the files tell: a quantized directory names it as its
    /// base, a file as the place that it comes from.
    private static func base(_ rows: [CardRow]) -> String? {
        for row in rows {
            let metadata = row.model.metadata
            var keys = ["source.repo_url", "source.url"]
            if row.model.quantization != nil { keys.append("base_model.0.repo_url") }
            for key in keys {
                guard let address = metadata["general.\(key)"]?.text,
                    let id = hubName(address)
                else { continue }
                return id
            }
        }
        return nil
    }

    /// `OWNER/NAME` of an address on the hub.
    private static func hubName(_ address: String) -> String? {
        let prefix = "https://huggingface.co/"
        guard address.hasPrefix(prefix) else { return nil }
        let parts = address.dropFirst(prefix.count).split(separator: "/")
        guard parts.count == 2, !["datasets", "spaces"].contains(parts[0]) else { return nil }
        return parts.joined(separator: "/")
    }
}

/// Title and first sentence.
struct CardHeading {
    let text: String

    init(_ rows: [CardRow], _ request: ModelCardText.Request, base: String?) {
        let containers = Set(rows.map(\.model.container))
        let name = base?.split(separator: "/").last.map(String.init) ?? rows[0].model.name
        let title = request.title ?? name + (containers == [.gguf] ? " GGUF" : " quantized")
        var source = "The model \(markdownEscaped(name))"
        if let base {
            // A name of the hub has no characters that an address would have to hide.
            let isPlain = base.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || "-_./".utf8.contains($0)
            }
            source =
                isPlain
                ? "[\(markdownEscaped(base))](https://huggingface.co/\(base))"
                : markdownEscaped(base)
        }
        var forms: [String] = []
        if containers.contains(.gguf) {
            forms.append("GGUF files for llama.cpp, Ollama and what builds on them")
        }
        if containers.contains(.directory) {
            forms.append("checkpoints for vLLM and other engines")
        }
        text = """
            # \(markdownEscaped(title))

            \(source) as \(forms.joined(separator: ", and as ")), made with Ingot \(markdownEscaped(request.toolVersion)).

            """
    }
}
