public import TensorCore

/// Why a Hugging Face directory cannot be converted.
public struct ConversionError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// A file that every checkpoint has is not there.
        case missingFile(String)
        /// Something else in the place of a model's directory.
        case notAModel(NotAModel)
        /// A value of another type than the key wants.
        case invalidValue(found: String, expected: String)
        /// Tensors that the model's configuration asks for are not in the checkpoint.
        case missingTensors([String])
        /// Tensors of the checkpoint have no place in this family's GGUF files.
        case unmappedTensors([String])
        /// Tensors of an adapter that has not been merged into the weights.
        case adapterTensors([String])
        /// An output matrix that is not the embeddings, where a GGUF file has one matrix for both.
        case headWithoutPlace(embeddings: String, architecture: String)
        /// A tensor of another shape than the configuration says.
        case shapeMismatch(found: Shape, expected: [Int])
        /// The embedding has rows for another number of tokens than the configuration says.
        case vocabularyMismatch(rows: Int, vocabSize: Int)
        /// A shape that cannot be what the family's tensors are made of.
        case invalidShape([Int])
        /// An expert beyond the number that the configuration says.
        case unexpectedExpert(Int, count: Int)
        /// A tensor of the GGUF file that the checkpoint has in two spellings.
        case duplicateTensor(sources: [String])
        /// Elements of a type that cannot be converted.
        case unsupportedDataType(String)
        /// The front matter of the model card is not understood.
        case malformedFrontMatter(found: String)
        /// Shapes that contradict sizes which the configuration leaves to its class.
        indirect case assumedSizes(Kind, [String])
        /// A token that has a part to play in all models of this family.
        case missingToken(String, role: String)
        /// A reranker, whose output head would have to be rebuilt.
        case reranker
        /// A GGUF file that cannot be made a directory of.
        case notExportable(String)
        /// Tensors of a GGUF file that no tensors of the class become.
        case tensorsWithoutSource([String], className: String)
        /// What would be another when the exported directory is converted.
        case changedByExport([String])
    }

    /// What is wrong.
    public let kind: Kind
    /// The file or directory.
    public let path: String
    /// The tensor or key.
    public let place: String?

    /// Creates an error about `path`.
    public init(_ kind: Kind, path: String, place: String? = nil) {
        self.kind = kind
        self.path = path
        self.place = place
    }

    /// The file or directory.
    public var file: String? { path }
    /// What was found and what was expected.
    public var problem: String { ConversionError.problem(kind) }

    private static func problem(_ kind: Kind) -> String {
        switch kind {
        case .assumedSizes(let kind, let sizes):
            "\(problem(kind)); config.json does not say \(sizes.joined(separator: ", ")), which its"
                + " model class assumes"
        case .missingFile(let name): "\(name) is missing"
        case .notAModel(let found): found.problem
        case .invalidValue(let found, let expected): "found \(found), expected \(expected)"
        case .missingTensors(let names):
            "\(names.count) tensors are missing: \(ConversionError.list(names))"
        case .unmappedTensors(let names):
            "\(names.count) tensors have no place in a GGUF file of this architecture: "
                + ConversionError.list(names)
        case .adapterTensors(let names):
            "\(names.count) tensors of an adapter found, expected weights with it merged in: "
                + ConversionError.list(names)
        case .headWithoutPlace(let embeddings, let architecture):
            "other values than those of the embeddings (\(embeddings)) found; GGUF's "
                + "\(architecture) has one matrix for both"
        case .shapeMismatch(let found, let expected):
            "shape \(found) found, the configuration expects \(expected)"
        case .vocabularyMismatch(let rows, let vocabSize):
            "rows for \(rows) tokens found, the configuration expects \(vocabSize)"
        case .invalidShape(let shape):
            "shape \(shape) found, which does not go with the rest of the configuration"
        case .unexpectedExpert(let expert, let count):
            "expert \(expert) found, the configuration says \(count) experts, 0 to \(count - 1)"
        case .duplicateTensor(let sources):
            "the checkpoint has it twice, the second time as " + ConversionError.list(sources)
        case .unsupportedDataType(let name): "values of type \(name) cannot be converted"
        case .malformedFrontMatter(let found):
            "front matter that is not understood: \(found)"
        case .missingToken(let token, let role):
            "the token \(token) is missing, which is this family's \(role)"
        case .reranker: "a reranking model found, expected a language or embedding model"
        case .notExportable(let found): "\(found), cannot be exported"
        case .tensorsWithoutSource(let names, let className):
            "\(names.count) tensors that a \(className) does not have: "
                + ConversionError.list(names)
        case .changedByExport(let changes):
            "the file would not come back: " + changes.prefix(5).joined(separator: "; ")
                + (changes.count > 5 ? "; and \(changes.count - 5) more" : "")
        }
    }
    /// What the user can do.
    public var remedy: String? {
        switch kind {
        case .assumedSizes: "The configuration is incomplete; fetch it again."
        case .notAModel(let found): found.remedy(path: path)
        case .missingFile: "Name the directory of a complete Hugging Face checkpoint."
        case .missingTensors: "The checkpoint is incomplete; fetch all of its files again."
        case .unmappedTensors: "Leave out what the model does without: --ignore-tensors PATTERN."
        case .adapterTensors:
            "Merge the adapter (PEFT's merge_and_unload) and save the model again."
        case .headWithoutPlace:
            "Where the embeddings' values will do, leave it out with --ignore-tensors."
        case .vocabularyMismatch:
            "Set vocab_size in config.json to the number of rows if the weights are right."
        case .malformedFrontMatter: "Correct the block between the --- lines, or remove it."
        case .changedByExport: "Use --allow-changes to export it all the same."
        default: nil
        }
    }
    /// Always bad data.
    public var exitCode: ExitCode { .badData }

    /// The same error, naming the sizes that the configuration does not say, if there are any.
    func naming(assumed: [(key: String, value: JSON)]) -> ConversionError {
        let sizes = assumed.compactMap { entry in
            ConversionError.sizes.contains(entry.key)
                ? entry.value.integer.map { "\(entry.key) (\($0))" } : nil
        }
        switch kind {
        case .shapeMismatch, .vocabularyMismatch, .missingTensors, .invalidShape:
            guard !sizes.isEmpty else { return self }
            return ConversionError(.assumedSizes(kind, sizes), path: path, place: place)
        default: return self
        }
    }

    private static let sizes: Set<String> = [
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "head_dim", "num_experts",
    ]

    static func list(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    }
}
