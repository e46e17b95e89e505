public import TensorCore

/// A family of encoders of pictures or sound as data: what they are called in a checkpoint, and what
/// the projector file (`mmproj`) of llama.cpp calls them.
///
/// A family is one file under `Projectors/Families/`, listed in `ProjectorFamily.all`. The code that
/// obeys it, `ProjectorSource` in `Conversion`, names none.
public struct ProjectorFamily: Sendable {
    /// A kind of format that a tensor has whatever type the file is of.
    public enum FixedFormat: Sendable, Hashable {
        case f32
        case f16
        /// F16 in a file of F16, else F32.
        case f16OrF32
    }

    /// Tensors of a fixed format: those whose name has a part.
    public struct FormatRule: Sendable {
        /// The part of the name.
        let part: String
        /// Whether the name is that of the checkpoint.
        let isSource: Bool
        /// What they are.
        let format: FixedFormat

        /// Tensors whose name in the checkpoint has this part.
        @inline(never)
        static func source(_ part: String, _ format: FixedFormat) -> Self {
            .init(part: part, isSource: true, format: format)
        }
        /// Tensors whose name in the file has this part.
        @inline(never)
        static func output(_ part: String, _ format: FixedFormat) -> Self {
            .init(part: part, isSource: false, format: format)
        }
    }

    /// The family's name, which its file bears.
    public internal(set) var name: String
    /// The model classes, as `architectures` names them.
    public internal(set) var classes: [String]
    /// The encoder of pictures; `nil` where there is none.
    public internal(set) var vision: ProjectorSection?
    /// The encoder of sound; `nil` where there is none.
    public internal(set) var audio: ProjectorSection?
    /// The metadata behind those that all files have.
    public internal(set) var keys: [ProjectorKey]
    /// What checkpoints call otherwise: a part of a name and the rules' word for it, applied in turn.
    public internal(set) var spellings: [ModelFamily.Spelling] = []
    /// What the names of these encoders' tensors begin with; all others are the language model's.
    public internal(set) var prefixes: [String]
    /// Parts of the names of tensors that readers have no use for.
    public internal(set) var ignored: [String] = []
    /// The tensors.
    public internal(set) var tensors: ProjectorTensors
    /// Tensors of fixed formats; the first rule that holds counts.
    public internal(set) var formats: [FormatRule] = []
    /// Tensors that are computed from the configuration: a name in the checkpoint's words, a shape
    /// and values.
    var generated: (@Sendable (ProjectorModel) throws(ArchitectureError) -> [GeneratedTensor])?
    /// Norms over batches, which are a factor and an addend in the file.
    public internal(set) var batchNorms: [BatchNorm] = []
    /// Whether what one layer has all must have.
    public internal(set) var hasLikeLayers = true
    /// What is assumed where the files about preprocessing do not say.
    var preprocessing: [ConfigurationDefault] = []
    /// Whether a tensor, by the rules' name, has no place in the file of a model.
    var leavesOut: (@Sendable (String, ProjectorModel) throws(ArchitectureError) -> Bool)?

    /// A norm over batches: `weight`, `bias`, `running_mean` and `running_var` of a module.
    public struct BatchNorm: Sendable {
        /// The module's name in the checkpoint.
        public let source: TensorPattern
        /// The module's name in the file.
        public let name: TensorPattern
        /// What is added to a variance.
        public let epsilon: Float = 1e-5

        init(_ source: String, _ name: String) {
            self.source = TensorPattern(source)
            self.name = TensorPattern(name)
        }
    }

    /// A tensor that is computed.
    public struct GeneratedTensor: Sendable {
        /// The name in the file.
        public let name: String
        /// Outermost dimension first.
        public let shape: [Int]
        /// The values.
        public let values: [Float]
    }

    /// The family of a `config.json`, and the class.
    ///
    /// An encoder's own class (`vision_config.architectures`) counts before the model's.
    ///
    /// - Throws: `ArchitectureError.Kind.unknownArchitecture`, which lists what is supported.
    @inline(never)
    public static func of(config: JSON, path: String) throws(ArchitectureError) -> ProjectorFamily {
        let configuration = ModelConfiguration(config, path: path)
        let own = config["vision_config"]?["architectures"]?.array?.first?.text
        let name = if let own { own } else { try configuration.architectureName() }
        if let family = all.first(where: { $0.classes.contains(name) }) { return family }
        throw configuration.fault(
            .unknownArchitecture(name, supported: all.flatMap(\.classes).sorted()),
            "architectures")
    }

    /// The tensors that are computed.
    public func generatedTensors(
        _ model: ProjectorModel
    ) throws(ArchitectureError) -> [GeneratedTensor] { try generated?(model) ?? [] }

    /// Whether a tensor, by the rules' name, is left out of the file.
    public func leavesOut(
        _ name: String, _ model: ProjectorModel
    ) throws(ArchitectureError) -> Bool { try leavesOut?(name, model) ?? false }

    /// The fixed format of a tensor; `nil` where the file's type decides.
    public func fixedFormat(ofTensor output: String, from source: String) -> FixedFormat? {
        let usual: [FormatRule] = [
            .output(".patch_embd.weight", .f16OrF32), .output(".patch_merger.weight", .f16OrF32),
        ]
        return (formats + usual).first {
            TensorPattern.find($0.part, in: $0.isSource ? source : output) != nil
        }?.format
    }

    /// The rules' name of a tensor; `nil` for one that is not the encoders'.
    public func ruleName(of name: String) -> String? {
        var name = name
        for spelling in spellings {
            guard let range = TensorPattern.find(spelling.other, in: name) else { continue }
            name.replaceSubrange(range, with: spelling.own)
        }
        guard prefixes.contains(where: name.hasPrefix),
            !ignored.contains(where: { TensorPattern.find($0, in: name) != nil })
        else { return nil }
        return name
    }
}

/// Where an encoder's configuration is, and what its class assumes.
public struct ProjectorSection: Sendable {
    /// The keys that lead to it: `vision_config`.
    let path: [String]
    /// What is assumed, and what is renamed.
    let defaults: [ConfigurationDefault]
    /// Whether a model may do without.
    let isOptional: Bool
    /// A key that only models with this encoder have, where there is no path to tell by.
    let mark: String?

    /// A section of `config.json`.
    init(
        _ path: String..., defaults: [ConfigurationDefault] = [], isOptional: Bool = false,
        mark: String? = nil
    ) {
        self.path = path
        self.defaults = defaults
        self.isOptional = isOptional
        self.mark = mark
    }

    /// The section of a configuration.
    func configuration(
        _ whole: JSON, file: String
    ) throws(ArchitectureError) -> ModelConfiguration? {
        var json = whole
        for key in path {
            guard let next = json[key], next.members != nil else {
                guard isOptional else {
                    throw ArchitectureError(
                        .missingKey, path: file, key: path.joined(separator: "."))
                }
                return nil
            }
            json = next
        }
        if let mark, (json[mark]?.integer ?? 0) < 1 {
            throw ArchitectureError(.missingKey, path: file, key: mark)
        }
        return ModelConfiguration(json, defaults: defaults, path: file)
    }
}

/// What the metadata of a projector file are made of.
public struct ProjectorModel: Sendable {
    /// All of `config.json`.
    public let whole: ModelConfiguration
    /// Its language model's part.
    public let text: ModelConfiguration
    /// The encoder of pictures.
    public let vision: ModelConfiguration?
    /// The encoder of sound.
    public let audio: ModelConfiguration?
    /// `preprocessor_config.json` and `processor_config.json`, the latter first.
    public let preprocessor: ModelConfiguration
    /// The dimensions of the encoders' tensors, outermost first, by the rules' names.
    public var shapes: [String: [Int]] = [:]

    /// Takes the parts of a configuration.
    ///
    /// - Parameter preprocessor: The members of the files about preprocessing, merged.
    public init(
        _ family: ProjectorFamily, config: JSON, path: String, preprocessor: JSON,
        preprocessorPath: String
    ) throws(ArchitectureError) {
        let textKeys = ["text_config", "llm_config", "lm_config", "language_config", "lfm"]
        let text =
            textKeys.lazy.compactMap { config[$0] }.first { $0.members != nil }
            ?? config["thinker_config"]?["text_config"] ?? .null
        whole = ModelConfiguration(
            .object((config.members ?? []).filter { $0.key != "text_config" }), path: path)
        self.text = ModelConfiguration(
            .object(
                (config.members ?? []).filter {
                    text[$0.key.description] == nil && $0.key != "text_config"
                }
                    + (text.members ?? [])), path: path)
        self.preprocessor = ModelConfiguration(
            preprocessor, defaults: family.preprocessing, path: preprocessorPath)
        vision = try family.vision?.configuration(config, file: path)
        audio = try family.audio?.configuration(config, file: path)
        guard vision != nil || audio != nil else {
            throw ArchitectureError(
                .missingKey, path: path, key: "vision_config")
        }
    }

    /// The number of layers of an encoder; 0 where there is none.
    public func blockCount(ofAudio isAudio: Bool) throws(ArchitectureError) -> Int {
        guard let section = isAudio ? audio : vision else { return 0 }
        let count = try section.integer(ProjectorKey.blockKeys) ?? 0
        guard (0...ModelConfiguration.layerLimit).contains(count) else {
            throw section.fault(
                .layerCountOutOfRange(found: count, limit: ModelConfiguration.layerLimit),
                section.first(of: ProjectorKey.blockKeys)?.key)
        }
        return count
    }
}
