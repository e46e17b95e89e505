public import TensorCore

/// Why a Hugging Face directory cannot be converted.
public struct ConversionError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// A file that every checkpoint has is not there.
        case missingFile(String)
        /// A value of another type than the key wants.
        case invalidValue(found: String, expected: String)
        /// The weights are packed by a quantization method that is not undone here.
        case quantizedCheckpoint(method: String)
        /// Tensors that the model's configuration asks for are not in the checkpoint.
        case missingTensors([String])
        /// Tensors of the checkpoint have no place in this family's GGUF files.
        case unmappedTensors([String])
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
        /// A reranker, whose output head would have to be rebuilt.
        case reranker
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
    public var problem: String {
        switch kind {
        case .missingFile(let name): "\(name) is missing"
        case .invalidValue(let found, let expected): "found \(found), expected \(expected)"
        case .quantizedCheckpoint(let method):
            "the weights are quantized (\(method)), expected F32, F16 or BF16 weights"
        case .missingTensors(let names):
            "\(names.count) tensors are missing: \(ConversionError.list(names))"
        case .unmappedTensors(let names):
            "\(names.count) tensors have no place in a GGUF file of this architecture: "
                + ConversionError.list(names)
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
        case .reranker: "a reranking model found, expected a language or embedding model"
        }
    }
    /// What the user can do.
    public var remedy: String? {
        switch kind {
        case .missingFile: "Name the directory of a complete Hugging Face checkpoint."
        case .quantizedCheckpoint: "Convert the model that it was quantized from."
        case .missingTensors: "The checkpoint is incomplete; fetch all of its files again."
        case .vocabularyMismatch:
            "Set vocab_size in config.json to the number of rows if the weights are right."
        case .malformedFrontMatter: "Correct the block between the --- lines, or remove it."
        default: nil
        }
    }
    /// Always bad data.
    public var exitCode: ExitCode { .badData }

    private static func list(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    }
}
