import Architectures
import Conversion
public import GGUF
import Pipeline
public import Quantization
import TensorCore

/// A model that is to be planned, wherever it is: a GGUF file, a Hugging Face directory, or a bare
/// `config.json`.
public struct ModelAtPath: Sendable {
    /// What is at the path.
    public enum Kind: String, Sendable, Hashable, Encodable {
        /// A GGUF file, or all parts of a split one.
        case gguf
        /// A Hugging Face directory with weights.
        case directory
        /// A configuration without weights.
        case configuration
    }

    /// A type of the model's file.
    public struct TypedModel: Sendable {
        /// The type's name; that of the file itself where none is asked for.
        public let type: String
        /// The model with its tensors in that type.
        public let model: PlannedModel
        /// Whether the type asks for an importance matrix or calibration.
        public let needsImportance: Bool
        /// How the bytes of weights were found, in words.
        public let weightsFrom: String
        /// What engines make of a quantized directory; `nil` of GGUF files and of floats.
        public let checkpoint: CheckpointType?

        /// A model in a type.
        public init(
            type: String, model: PlannedModel, needsImportance: Bool, weightsFrom: String,
            checkpoint: CheckpointType? = nil
        ) {
            self.type = type
            self.model = model
            self.needsImportance = needsImportance
            self.weightsFrom = weightsFrom
            self.checkpoint = checkpoint
        }
    }

    /// What is at the path.
    public let kind: Kind
    /// The path.
    public let path: String
    /// The tensors and metadata.
    public let source: any TensorSource
    /// What was found out on the way, in sentences.
    public let notices: [String]

    /// Opens a model; no weights are read.
    ///
    /// - Throws: Errors of the file that is at fault.
    public init(path: String) throws {
        self.path = path
        if path.hasSuffix(".json") {
            let source = try ConfigurationSource(path: path)
            (kind, self.source, notices) = (.configuration, source, source.notices)
            return
        }
        guard Paths.isFolder(path) else {
            (kind, source, notices) = (.gguf, try SplitSource.open(path: path), [])
            return
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        let names = try Directory.names(in: folder)
        // A directory of which only the small files are there yet.
        let hasWeights = names.contains {
            $0.hasSuffix(".safetensors") || $0.hasSuffix(".bin") || $0 == "snapshots"
        }
        if names.contains("config.json"), !hasWeights {
            let source = try ConfigurationSource(path: folder + "config.json")
            (kind, self.source) = (.configuration, source)
            notices = ["no weights are there: planned from config.json"] + source.notices
            return
        }
        let source = try ConversionSource(directory: path, options: .init(outputType: .auto))
        (kind, self.source) = (.directory, source)
        notices = source.notices + source.warnings
    }

    /// How the bytes of a type are found that is to be written yet, in words.
    public var writtenOrigin: String {
        switch kind {
        case .gguf: "exact: what ingot quantize would write"
        case .directory: "exact: what ingot convert or quantize would write"
        case .configuration: "by the family's rules for config.json"
        }
    }

    /// The model as it is: a file's own types, a directory's as `convert` would write it.
    ///
    /// - Throws: `PlanningError`.
    public func asItIs() throws -> TypedModel {
        let fileType = source.metadata["general.file_type"]?.integer
        let name =
            (kind == .configuration ? "BF16" : nil)
            ?? fileType.flatMap { number in
                Recipe.all.first { $0.fileType.map { Int($0) } == number }?.name
            } ?? mainFormat
        return TypedModel(
            type: name, model: try PlannedModel(source), needsImportance: false,
            weightsFrom: kind == .gguf ? "exact: the file's tensors" : writtenOrigin)
    }

    /// The format of most bytes.
    private var mainFormat: String {
        var elements: [String: Int] = [:]
        for tensor in source.tensors {
            elements[tensor.format.name, default: 0] &+= tensor.shape.elementCount
        }
        return elements.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? "unknown"
    }

    /// The model in a type, as `quantize` would write it from the original weights.
    ///
    /// A type that asks for importance is planned as with an importance matrix of all tensors.
    ///
    /// - Throws: `RecipeError`, `PipelineError`, `PlanningError`.
    public func quantized(to recipe: Recipe) throws -> TypedModel {
        var options = QuantizeOptions(allowsRequantization: true)
        var needsImportance = false
        let formats: [Format]
        do {
            formats = try Plan.formats(source, recipe: recipe, options: options)
        } catch is RecipeError {
            options.calibrated = Set(source.tensors.map(\.name))
            formats = try Plan.formats(source, recipe: recipe, options: options)
            needsImportance = true
        }
        return TypedModel(
            type: recipe.name,
            model: try PlannedModel(
                metadata: source.metadata, tensors: Array(zip(source.tensors, formats)),
                path: path), needsImportance: needsImportance, weightsFrom: writtenOrigin)
    }

    /// The types of `--all-types`, the most bytes first.
    public static let ladder: [Recipe] = Recipe.all.filter { $0.fileType != nil }
        .sorted {
            ($0.defaultFormat?.bitsPerWeight ?? 0, $0.name)
                > ($1.defaultFormat?.bitsPerWeight ?? 0, $1.name)
        }

    /// The types that people choose among most.
    public static let usualTypes = [
        "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M", "IQ3_XXS", "Q2_K",
    ]
}
