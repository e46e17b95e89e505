public import TensorCore

/// Why a recipe cannot be applied to a model.
public struct RecipeError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// This format needs an importance matrix and the tensor has no entry in one.
        case importanceRequired(Format)
        /// No format divides rows of this length.
        case noFormatFits(rowLength: Int, wanted: Format)
        /// The layer of a tensor of a model with experts cannot be told from its name.
        case layerUnknown(blockCount: Int)
        /// No recipe or format has this name.
        case unknownType(String, nearest: [String])
        /// A format of this name exists, but nothing is quantized to it.
        case notWritable(String)
        /// Not of the form `PATTERN=FORMAT`.
        case malformedOverride(String)
        /// Not a regular expression.
        case invalidPattern(PatternError)
    }

    /// What is wrong.
    public let kind: Kind
    /// The tensor's name.
    public let tensor: String?

    /// Creates an error about `tensor`.
    public init(_ kind: Kind, tensor: String? = nil) {
        self.kind = kind
        self.tensor = tensor
    }

    /// Options and models are no files: `nil`.
    public var file: String? { nil }
    /// The tensor.
    public var place: String? { tensor }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .importanceRequired(let format):
            "\(format) needs an importance matrix, and there is none for this tensor"
        case .noFormatFits(let rowLength, let wanted):
            "rows of \(rowLength) values do not fit \(wanted) nor any format it falls back to"
        case .layerUnknown(let blockCount):
            "found no layer number in the name, expected blk.N with N below \(blockCount)"
        case .unknownType(let name, _): "no type is called \(name)"
        case .notWritable(let name): "\(name) can be read, but models are not quantized to it"
        case .malformedOverride(let text):
            "found \"\(text)\", expected a name pattern, an equals sign and a format"
        case .invalidPattern(let error): "\(error.place ?? ""): \(error.problem)"
        }
    }
    /// What to do about it.
    public var remedy: String? {
        switch kind {
        case .importanceRequired:
            "Make one from calibration text and pass it with --imatrix, pick a larger type, or let"
                + " such tensors have one: --imatrix-missing raise."
        case .noFormatFits: "Pick F16 or BF16 for it."
        case .layerUnknown: nil
        case .unknownType(_, let nearest):
            nearest.isEmpty ? nil : "Did you mean \(nearest.joined(separator: ", "))?"
        case .notWritable(let name):
            Format.named(name)?.insteadOfRecipe ?? "Pick a type from the list of types."
        case .malformedOverride: "For example: attn_v=q6_k"
        case .invalidPattern(let error): error.remedy
        }
    }
    /// Usage for options and names, bad data for models.
    public var exitCode: ExitCode {
        switch kind {
        case .unknownType, .notWritable, .malformedOverride, .invalidPattern: .usage
        case .importanceRequired, .noFormatFits, .layerUnknown: .badData
        }
    }
}
