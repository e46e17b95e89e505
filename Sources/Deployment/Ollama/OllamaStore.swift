import Crypto
public import Modelfiles
import Pipeline
import Reporting
public import TensorCore

/// The folder in which Ollama keeps models: `~/.ollama/models`, or what `OLLAMA_MODELS` names.
///
/// Blobs are named by their digests; a manifest lists those of a model. A server that runs sees a
/// model as soon as its manifest is there, which is written last.
public struct OllamaStore: Sendable {
    /// The folder.
    public let path: String

    /// The store in a folder, which need not be there yet.
    public init(path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// A part of a model.
    public struct Layer: Sendable, Hashable {
        /// What it is.
        public let mediaType: String
        /// `sha256:` and its digest.
        public let digest: String
        /// Its length in bytes.
        public let byteCount: Int

        var json: JSON {
            [
                "mediaType": .string(ByteString(mediaType)), "digest": .string(ByteString(digest)),
                "size": .integer(byteCount),
            ]
        }
    }

    /// What was laid out.
    public struct Result: Sendable {
        /// The manifest's path.
        public let manifest: String
        /// How the model's bytes came into the store.
        public let manner: FileCopy.Manner
        /// The parts.
        public let layers: [Layer]
    }

    private static let configurationType = "application/vnd.docker.container.image.v1+json"
    private static let manifestType = "application/vnd.docker.distribution.manifest.v2+json"
    private static func layerType(_ name: String) -> String {
        "application/vnd.ollama.image.\(name)"
    }

    /// Lays out a model.
    ///
    /// - Parameters:
    ///   - model: A GGUF file in one part.
    ///   - modelfile: What is said of it; its FROM is not looked at.
    ///   - name: The name that it gets.
    /// - Throws: `DeploymentError` for a model that Ollama cannot run, `ModelfileError`, `FileError`.
    /// - Complexity: O(bytes of the model), which are read once for their digest.
    public func add(
        _ model: ModelFacts, _ modelfile: Modelfile, as name: OllamaName
    ) throws -> Result {
        try Engine.ollama.check(model)
        try OllamaStore.check(modelfile)
        // What is wrong with it shows before the model is read.
        let parameters = try modelfile.parameterObject()
        try Directory.create("\(path)/blobs")
        let digest = try Digests.sha256(of: InputFile(path: model.path))
        let manner = try FileCopy.place(model.path, at: "\(path)/blobs/sha256-\(digest)")
        var layers = [
            Layer(
                mediaType: OllamaStore.layerType("model"), digest: "sha256:\(digest)",
                byteCount: model.byteCount)
        ]
        func add(_ name: String, _ text: String) throws {
            layers.append(try blob(Array(text.utf8), OllamaStore.layerType(name)))
        }
        if let template = modelfile.template { try add("template", template) }
        if let system = modelfile.system { try add("system", system) }
        for license in modelfile.licenses { try add("license", license) }
        if parameters.members?.isEmpty == false {
            layers.append(
                try blob(parameters.writtenCompactly(), OllamaStore.layerType("params")))
        }
        let messages = modelfile.messages.map { message -> JSON in
            [
                "role": .string(ByteString(message.role)),
                "content": .string(ByteString(message.content)),
            ]
        }
        if !messages.isEmpty {
            layers.append(
                try blob(
                    JSON.array(messages).writtenCompactly(), OllamaStore.layerType("messages")))
        }
        let configuration = try blob(
            OllamaStore.configuration(model, layers).writtenCompactly(),
            OllamaStore.configurationType)
        let manifest: JSON = [
            "schemaVersion": 2, "mediaType": .string(ByteString(OllamaStore.manifestType)),
            "config": configuration.json, "layers": .array(layers.map(\.json)),
        ]
        let folder = "\(path)/manifests/\(name.host)/\(name.namespace)/\(name.model)"
        try Directory.create(folder)
        try OutputFile.write(manifest.writtenCompactly(), to: "\(folder)/\(name.tag)")
        return Result(manifest: "\(folder)/\(name.tag)", manner: manner, layers: layers)
    }

    /// Refuses what a store holds in layers that are not written here.
    private static func check(_ modelfile: Modelfile) throws(DeploymentError) {
        for instruction in modelfile.instructions {
            switch instruction {
            case .adapter, .draft, .renderer, .parser, .requires:
                throw DeploymentError(
                    problem: "a Modelfile with ADAPTER, DRAFT, RENDERER, PARSER or REQUIRES is not"
                        + " laid out", remedy: "Give it to ollama create.", exitCode: .usage)
            default: break
            }
        }
    }

    private func blob(_ bytes: [UInt8], _ mediaType: String) throws -> Layer {
        let digits = SHA256.hash(data: bytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        let file = "\(path)/blobs/sha256-\(digits)"
        if FileIdentity(path: file)?.byteCount != bytes.count {
            try OutputFile.write(bytes, to: file)
        }
        return Layer(mediaType: mediaType, digest: "sha256:\(digits)", byteCount: bytes.count)
    }

    /// What Ollama shows of a model without opening it.
    private static func configuration(_ model: ModelFacts, _ layers: [Layer]) -> JSON {
        let family = JSON.string(ByteString(model.architecture))
        return [
            "model_format": "gguf", "model_family": family, "model_families": [family],
            "model_type": .string(ByteString(people(model.elementCount ?? 0))),
            "file_type": .string(ByteString(model.typeName)),
            "architecture": .string(ByteString(processor)), "os": "linux",
            "rootfs": [
                "type": "layers",
                "diff_ids": .array(layers.map { .string(ByteString($0.digest)) }),
            ],
        ]
    }

    /// The processor by the name that containers have for it.
    private static var processor: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }

    /// A count as Ollama writes it: `8B`, `134.52M`.
    static func people(_ count: Int) -> String {
        for (unit, name, places) in [(1e9, "B", 1), (1e6, "M", 2), (1e3, "K", 0)]
        where Double(count) >= unit {
            let value = Double(count) / unit
            let isWhole = value == value.rounded(.down)
            return NumberFormat.fixed(value, isWhole ? 0 : places) + name
        }
        return "\(count)"
    }
}
