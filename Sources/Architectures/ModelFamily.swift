public import TensorCore

/// A family of models as data: what its checkpoints look like on the Hugging Face side, and what
/// its GGUF files look like.
///
/// A family is one file under `Families/`, listed in `ModelFamily.all`. Nothing outside its lineage
/// names it: families that share parts are one folder, and what several lineages share is in
/// `Rules/`.
public struct ModelFamily: Sendable {
    /// Another value of `general.architecture` for some configurations.
    public struct Variant: Sendable {
        /// The value.
        public let architecture: String
        /// Whether a configuration is one of these.
        public let holds: @Sendable (ModelConfiguration) throws(ArchitectureError) -> Bool

        /// A variant.
        public init(
            _ architecture: String,
            where holds:
                @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> Bool
        ) {
            self.architecture = architecture
            self.holds = holds
        }
    }

    /// A tensor that is computed from the configuration.
    public struct GeneratedTensor: Sendable, Hashable {
        /// The GGUF name.
        public let name: String
        /// The values of its only dimension.
        public let values: [Float]

        /// A tensor of one dimension.
        public init(_ name: String, _ values: [Float]) {
            self.name = name
            self.values = values
        }
    }

    /// The family's name, which its file bears: `Qwen3`.
    public internal(set) var name: String
    /// The value of `general.architecture`, unless a variant says otherwise.
    public internal(set) var architecture: String
    /// The variants; of several that hold the first counts.
    public internal(set) var variants: [Variant] = []
    /// The model classes of transformers, as `architectures` names them.
    ///
    /// The base model inside each (`LlamaModel` of `LlamaForCausalLM`) is understood too.
    public internal(set) var classes: [String]
    /// What transformers assumes when the configuration does not say.
    public internal(set) var defaults: [ConfigurationDefault]
    /// The metadata made of the configuration, in file order.
    public internal(set) var keys: [MetadataRule]
    /// The tensors.
    public internal(set) var tensors: TensorModules
    /// What its checkpoints have beyond plain tensors.
    public internal(set) var checkpoint = CheckpointRules()
    /// How a file says that the rotary embedding is stretched.
    public internal(set) var rotary = RotaryRules.yarn
    /// What a file of this family takes for granted.
    public internal(set) var checks: [ConfigurationCheck] = []
    /// What is said about the tokenizer beyond its own files.
    public internal(set) var tokenizer = TokenizerRules()
    /// How the way back goes, from a GGUF file's keys to `config.json`; `nil` where it is not known.
    public internal(set) var export: ConfigurationExport?
    /// How the model runs; `nil` where it does not.
    var decoder: DecoderRule?
    /// Configurations that are of this family although they bear the class of another.
    var claims: (@Sendable (ModelConfiguration) -> Bool)?

    /// The family of a `config.json`.
    ///
    /// - Throws: `ArchitectureError.Kind.unknownArchitecture`, which lists what is supported.
    public static func of(config: JSON, path: String) throws(ArchitectureError) -> ModelFamily {
        let configuration = ModelConfiguration(config, path: path)
        let name = try configuration.architectureName()
        if wrappers.contains(name), let family = ofLanguageModel(config) { return family }
        if let family = all.first(where: { $0.claims?(configuration) ?? false }) { return family }
        if let family = all.first(where: { $0.classes.contains(name) }) { return family }
        // The base model inside a class, saved without its head.
        for ending in ["TextModel", "Model"] where name.hasSuffix(ending) {
            let stem = String(name.dropLast(ending.count))
            let wholes = Set(
                ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration"].map { stem + $0 })
            if let family = all.first(where: { !wholes.isDisjoint(with: $0.classes) }) {
                return family
            }
        }
        if let family = ofLanguageModel(config) { return family }
        throw configuration.fault(
            .unknownArchitecture(name, supported: all.flatMap(\.classes).sorted()),
            "architectures")
    }

    /// The value of `general.architecture` for a configuration.
    public func architecture(
        of configuration: ModelConfiguration
    ) throws(ArchitectureError) -> String {
        for variant in variants where try variant.holds(configuration) {
            return variant.architecture
        }
        return architecture
    }

    /// All values of `general.architecture`.
    public var architectures: [String] { [architecture] + variants.map(\.architecture) }

    /// The configuration with the family's defaults, checked.
    public func configuration(
        _ config: JSON, path: String
    ) throws(ArchitectureError) -> ModelConfiguration {
        var configuration = ModelConfiguration(config, defaults: defaults, path: path)
        if checkpoint.multiTokenPrediction == .kept {
            configuration.predictorCount = try configuration.numNextnPredictLayers()
        }
        if tensors.rules.contains(where: \.makesQueries) {
            try configuration.checkAttention()
        } else {
            _ = try configuration.numHiddenLayers()
        }
        try configuration.checkLayerTypes()
        let rotary = try RotaryParameters(configuration)
        guard (self.rotary.scalings + self.rotary.lost).contains(rotary.type) else {
            throw rotary.unsupported(self.rotary.scalings)
        }
        configuration.notices = try rotary.review()
        configuration.architecture = try architecture(of: configuration)
        return configuration
    }

    /// Looks at the options that a GGUF file of this family cannot express.
    ///
    /// - Returns: What may be left out, and what readers of the file compute otherwise.
    /// - Throws: `ArchitectureError` about those of which there is no file that readers load.
    public func review(
        _ configuration: ModelConfiguration
    ) throws(ArchitectureError) -> ConfigurationReview {
        var review = ConfigurationReview()
        review.departures = try RotaryParameters(configuration).departures(rotary)
        for check in checks {
            let found = try check.run(configuration)
            review.notices += found.notices
            review.departures += found.departures
        }
        return review
    }

    /// What rules make of a configuration.
    public func entries(
        _ rules: [MetadataRule], of configuration: ModelConfiguration, fileType: UInt32
    ) throws(ArchitectureError) -> [MetadataEntry] {
        var entries: [MetadataEntry] = []
        let architecture = try architecture(of: configuration)
        for rule in rules {
            switch rule {
            case .fileType: entries.append(.init("general.file_type", .uint32(fileType)))
            case .entries(let make):
                for entry in try make(configuration) {
                    let key = entry.key.split(
                        separator: "{arch}", omittingEmptySubsequences: false
                    ).joined(separator: architecture)
                    entries.append(.init(key, entry.value))
                }
            }
        }
        return entries
    }
}

extension ModelFamily {
    /// Whether a GGUF file holds an output matrix beside the embeddings.
    public enum OutputPlace: Sendable, Hashable {
        /// There is no place for one.
        case none
        /// One that is the embeddings is left out where the configuration ties the two.
        case unlessTied
        /// It is written whenever a checkpoint has it.
        case always
    }

    /// The rules' name of the token embeddings.
    public var embeddingName: String? { source(of: "token_embd.weight")?.sources[0].pattern.text }

    /// The rules' names of output matrices and of other copies of the embeddings.
    public var outputMatrices: [(name: String, place: OutputPlace)] {
        let output = source(of: "output.weight").map {
            (
                name: $0.sources[0].pattern.text,
                place: $0.presence == .unlessTied ? OutputPlace.unlessTied : .always
            )
        }
        return (output.map { [$0] } ?? [])
            + tensors.rules.filter(\.isCopy).map { ($0.sources[0].pattern.text, .none) }
    }

    private func source(of output: String) -> TensorRule? {
        tensors.rules.first { $0.outputs.contains { $0.name.text == output } }
    }
}
