public import TensorCore

/// A file type of GGUF (`Q4_K_M`): picks a format for every tensor of a model.
///
/// The choice depends on the tensor's name, on the layer it is in, on the model's family and on
/// how many tensors of the same kind came before, so a recipe sees the whole catalogue at once.
public struct Recipe: Sendable, CustomStringConvertible {
    /// The name that the field uses: `Q4_K_M`.
    public let name: String
    /// The number stored under `general.file_type`.
    public let fileType: UInt32
    /// Other names that are accepted on a command line: `Q4_K` for `Q4_K_M`.
    public let aliases: [String]
    /// One line for the list of types.
    public let summary: String
    /// The format that most tensors get.
    public let defaultFormat: Format
    /// Picks one choice per tensor of `model`, in the same order.
    public let choose: @Sendable (_ model: RecipeModel) throws(RecipeError) -> [FormatChoice]

    /// Declares a recipe.
    init(
        name: String, fileType: UInt32, aliases: [String] = [], summary: String,
        defaultFormat: Format,
        choose: @escaping @Sendable (_ model: RecipeModel) throws(RecipeError) -> [FormatChoice]
    ) {
        self.name = name
        self.fileType = fileType
        self.aliases = aliases
        self.summary = summary
        self.defaultFormat = defaultFormat
        self.choose = choose
    }

    public var description: String { name }
}

/// What a recipe knows of a model.
public struct RecipeModel: Sendable {
    /// A tensor of the model as a recipe sees it.
    public struct Tensor: Sendable {
        /// The tensor's GGUF name.
        public let name: String
        /// Outermost dimension first.
        public let shape: Shape
        /// The format that it has in the source.
        public let format: Format
        /// Whether the importance matrix has an entry for it.
        public let hasImportance: Bool

        /// Describes a tensor.
        public init(name: String, shape: Shape, format: Format, hasImportance: Bool) {
            self.name = name
            self.shape = shape
            self.format = format
            self.hasImportance = hasImportance
        }
    }

    /// `general.architecture`.
    public let architecture: String
    /// `<architecture>.block_count`.
    public let blockCount: Int
    /// `<architecture>.attention.head_count`, the largest of all layers.
    public let headCount: Int
    /// `<architecture>.attention.head_count_kv`, the largest of all layers.
    public let headCountKV: Int
    /// `<architecture>.expert_count`, 0 without experts.
    public let expertCount: Int
    /// Whether an importance matrix is used at all.
    public let hasImportanceMatrix: Bool
    /// The tensors in the order in which they are written.
    public let tensors: [Tensor]

    /// Describes a model.
    public init(
        architecture: String, blockCount: Int, headCount: Int, headCountKV: Int, expertCount: Int,
        hasImportanceMatrix: Bool, tensors: [Tensor]
    ) {
        self.architecture = architecture
        self.blockCount = blockCount
        self.headCount = headCount
        self.headCountKV = headCountKV
        self.expertCount = expertCount
        self.hasImportanceMatrix = hasImportanceMatrix
        self.tensors = tensors
    }
}

/// The format picked for one tensor, and why.
public struct FormatChoice: Sendable, Hashable {
    /// Why a tensor gets its format.
    public enum Reason: Sendable, Hashable {
        /// The recipe's rule for tensors of this kind.
        case recipe
        /// Not a tensor that is quantized (norms, biases, one-dimensional): keeps its format.
        case kept
        /// The recipe's format does not divide the row; this is the format that does.
        case fallback(from: Format)
        /// An option named the format.
        case override
    }

    /// The format to write.
    public let format: Format
    /// Why.
    public let reason: Reason

    /// Creates a choice.
    public init(_ format: Format, _ reason: Reason) {
        self.format = format
        self.reason = reason
    }
}

/// Why a recipe cannot be applied to a model.
public struct RecipeError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// This format needs an importance matrix and the tensor has no entry in one.
        case importanceRequired(Format)
        /// No format divides rows of this length.
        case noFormatFits(rowLength: Int, wanted: Format)
        /// No recipe or format has this name.
        case unknownType(String, nearest: [String])
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

    public var file: String? { nil }
    public var place: String? { tensor }
    public var problem: String {
        switch kind {
        case .importanceRequired(let format):
            "\(format) needs an importance matrix, and there is none for this tensor"
        case .noFormatFits(let rowLength, let wanted):
            "rows of \(rowLength) values do not fit \(wanted) nor any format it falls back to"
        case .unknownType(let name, _): "no type is called \(name)"
        }
    }
    public var remedy: String? {
        switch kind {
        case .importanceRequired:
            "Make one from calibration text and pass it with --imatrix, or pick a larger type."
        case .noFormatFits: "Pick F16 or BF16 for it."
        case .unknownType(_, let nearest):
            nearest.isEmpty ? nil : "Did you mean \(nearest.joined(separator: ", "))?"
        }
    }
    public var exitCode: ExitCode {
        if case .unknownType = kind { return .usage }
        return .badData
    }
}
