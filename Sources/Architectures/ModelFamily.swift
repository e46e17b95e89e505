public import TensorCore

/// A family of models as data: what its checkpoints look like on the Hugging Face side, and what
/// its GGUF files look like.
///
/// A family is one file under `Families/`, listed in `ModelFamily.all`; nothing outside that file
/// names it.
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

    /// What becomes of layers behind the last one, which predict further tokens
    /// (`num_nextn_predict_layers`).
    public enum Predictors: Sendable, Hashable {
        /// No checkpoint of the family has them.
        case none
        /// They are left out of the file.
        case leftOut
        /// They are blocks of the file like all others.
        case kept
        /// They are blocks of the file, and named apart in a checkpoint: `mtp.layers.0.…` is the
        /// layer behind the last. Modules beside the layers belong to the first of them, under the
        /// names given here.
        case apart(prefix: String, modules: [String: String])
    }

    /// A number that every layer has learned, which a checkpoint has as a tensor of one element and
    /// a GGUF file as metadata: one F32 array for all layers.
    public struct LearnedNumber: Sendable, Hashable {
        /// The tensors.
        public let pattern: TensorPattern
        /// The metadata key.
        public let key: String
        /// The shape with which transformers stores it: `[1]`, or none for a scalar.
        public let shape: [Int]

        /// A number with a name in each layer.
        public init(_ pattern: String, _ key: String, shape: [Int]) {
            self.pattern = TensorPattern(pattern)
            self.key = key
            self.shape = shape
        }
    }

    /// A token that plays a part for which the tokenizer's files name none.
    public struct TokenRole: Sendable, Hashable {
        /// The part, as tokenizer files call it: `eos`, `eot`.
        public let role: String
        /// The token's text.
        public let token: String

        /// Gives a part to a token.
        public init(_ role: String, _ token: String) {
            self.role = role
            self.token = token
        }
    }

    /// The family's name, which its file bears: `Qwen3`.
    public let name: String
    /// The value of `general.architecture`, unless a variant says otherwise.
    public let architecture: String
    /// The variants; of several that hold the first counts.
    public let variants: [Variant]
    /// The model classes of transformers, as `architectures` names them.
    ///
    /// The base model inside each (`LlamaModel` of `LlamaForCausalLM`) is understood too.
    public let classes: [String]
    /// What transformers assumes when the configuration does not say.
    public let defaults: [ConfigurationDefault]
    /// The hyperparameters in file order.
    public let hyperparameters: [HyperparameterRule]
    /// The tensors.
    public let tensors: [TensorRule]
    /// Other names that checkpoints have for the same tensors.
    public let spellings: [Spelling]
    /// Tensors that are written as metadata.
    public let learned: [LearnedNumber]
    /// What becomes of layers that predict further tokens.
    public let predictors: Predictors
    /// Whether layers have attention; what every decoder with attention must fulfil is checked then.
    public let hasAttention: Bool
    /// The kinds of packed weights (`quant_method`) that the rules write as they are.
    public let packedMethods: [String]
    /// How a file says that the rotary embedding is stretched.
    public let rotary: RotaryRules
    /// What a file of this family takes for granted.
    public let checks: [ConfigurationCheck]
    /// The value of `tokenizer.ggml.model` where the tokenizer's files can be written as several
    /// kinds; `nil` where they decide.
    public let tokenizer: String?
    /// Whether `add_prefix_space` of `tokenizer_config.json` is written.
    public let writesPrefixSpace: Bool
    /// Whether `add_prefix_space` is written behind all other keys of the tokenizer.
    public let writesPrefixSpaceLast: Bool
    /// Parts that are given to tokens by their text.
    public let tokenRoles: [TokenRole]
    /// Keys about the tokenizer that stand in front of the tokenizer's own.
    public let leadingTokenizerKeys: [HyperparameterRule]
    /// Keys that stand among those of a unigram tokenizer, behind that of the space in front.
    public let segmentKeys: [HyperparameterRule]
    /// Tokenizer keys that this family adds to or changes in what the tokenizer's files say.
    public let tokenizerKeys: @Sendable (ModelConfiguration) -> [Hyperparameter]
    /// How the way back goes, from a GGUF file's keys to `config.json`; `nil` where it is not known.
    public let export: ConfigurationExport?

    /// Declares a family.
    init(
        name: String, architecture: String, variants: [Variant] = [], classes: [String],
        defaults: [ConfigurationDefault], hyperparameters: [HyperparameterRule],
        tensors: [TensorRule], spellings: [Spelling] = [], learned: [LearnedNumber] = [],
        predictors: Predictors = .none, hasAttention: Bool = true, packedMethods: [String] = [],
        rotary: RotaryRules = .yarn, checks: [ConfigurationCheck] = [],
        tokenizer: String? = nil, writesPrefixSpace: Bool = false,
        writesPrefixSpaceLast: Bool = false, tokenRoles: [TokenRole] = [],
        leadingTokenizerKeys: [HyperparameterRule] = [],
        segmentKeys: [HyperparameterRule] = [],
        tokenizerKeys: @escaping @Sendable (ModelConfiguration) -> [Hyperparameter] = { _ in [] },
        export: ConfigurationExport? = nil
    ) {
        self.name = name
        self.architecture = architecture
        self.variants = variants
        self.classes = classes
        self.defaults = defaults
        self.hyperparameters = hyperparameters
        self.tensors = tensors
        self.spellings = spellings
        self.learned = learned
        self.predictors = predictors
        self.hasAttention = hasAttention
        self.packedMethods = packedMethods
        self.rotary = rotary
        self.checks = checks
        self.tokenizer = tokenizer
        self.writesPrefixSpace = writesPrefixSpace
        self.writesPrefixSpaceLast = writesPrefixSpaceLast
        self.tokenRoles = tokenRoles
        self.leadingTokenizerKeys = leadingTokenizerKeys
        self.segmentKeys = segmentKeys
        self.tokenizerKeys = tokenizerKeys
        self.export = export
    }

    /// The family of a `config.json`.
    ///
    /// - Throws: `ArchitectureError.Kind.unknownArchitecture`, which lists what is supported.
    public static func of(config: JSON, path: String) throws(ArchitectureError) -> ModelFamily {
        let configuration = ModelConfiguration(config, path: path)
        let name = try configuration.architectureName()
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
        if predictors == .kept {
            configuration.predictorCount = try configuration.numNextnPredictLayers()
        }
        if hasAttention {
            try configuration.checkAttention()
        } else {
            _ = try configuration.numHiddenLayers()
        }
        try configuration.checkLayerTypes()
        let rotary = try RotaryParameters(configuration)
        guard self.rotary.scalings.contains(rotary.type) else {
            throw rotary.unsupported(self.rotary.scalings)
        }
        configuration.notices = try rotary.review()
        configuration.architecture = try architecture(of: configuration)
        return configuration
    }

    /// Looks at the options that a GGUF file of this family cannot express.
    ///
    /// - Returns: Sentences about those that may be left out.
    /// - Throws: `ArchitectureError` about those without which the model is another.
    public func review(
        _ configuration: ModelConfiguration
    ) throws(ArchitectureError) -> [String] {
        var left: [String] = []
        for check in checks { left += try check.run(configuration) }
        return left
    }

    /// The hyperparameters of a model, in file order.
    public func hyperparameters(
        of configuration: ModelConfiguration, fileType: UInt32
    ) throws(ArchitectureError) -> [Hyperparameter] {
        try entries(hyperparameters, of: configuration, fileType: fileType)
    }

    /// What rules make of a configuration.
    public func entries(
        _ rules: [HyperparameterRule], of configuration: ModelConfiguration, fileType: UInt32
    ) throws(ArchitectureError) -> [Hyperparameter] {
        var entries: [Hyperparameter] = []
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
            + tensors.filter(\.isCopy).map { ($0.sources[0].pattern.text, .none) }
    }

    private func source(of output: String) -> TensorRule? {
        tensors.first { $0.outputs.contains { $0.name.text == output } }
    }

    /// How many layers that predict further tokens a checkpoint has, of a family that names them
    /// apart.
    ///
    /// - Parameter names: The names of its tensors.
    public func predictorCount(
        of names: some Sequence<String>
    ) -> Int {
        guard case .apart(let prefix, _) = predictors else { return 0 }
        let layer = prefix + "layers."
        return names.reduce(0) { count, name in
            guard name.hasPrefix(layer),
                let number = Int(name.dropFirst(layer.count).prefix { $0 != "." }),
                (0..<ModelConfiguration.layerLimit).contains(number)
            else { return count }
            return max(count, number + 1)
        }
    }

    /// A tensor's name with layers that are named apart counted on behind the others.
    public func ruleName(
        countingOn name: String, in configuration: ModelConfiguration
    ) throws(ArchitectureError) -> String {
        guard case .apart(let prefix, let modules) = predictors, name.hasPrefix(prefix) else {
            return name
        }
        let rest = name.dropFirst(prefix.count)
        let layerCount = try configuration.numHiddenLayers()
        if rest.hasPrefix("layers.") {
            let inner = rest.dropFirst("layers.".count)
            let digits = inner.prefix { $0 != "." }
            guard let number = Int(digits), (0..<ModelConfiguration.layerLimit).contains(number),
                "\(number)" == digits
            else { return name }
            return "model.layers.\(layerCount + number)\(inner.dropFirst(digits.count))"
        }
        let module = rest.prefix { $0 != "." }
        guard let other = modules[String(module)] else { return name }
        return "model.layers.\(layerCount).\(other)\(rest.dropFirst(module.count))"
    }
}
