/// A file type of GGUF (`Q4_K_M`): picks a format for every tensor of a model.
///
/// The choice depends on the tensor's name, on the layer it is in, on the model's family and on
/// how many tensors of the same kind came before, so a recipe sees the whole list of tensors at once.
/// Each recipe is declared once under `Recipes/` as a static member whose name is the file type's
/// name verbatim, and listed once in `Recipe.all`.
public struct Recipe: Sendable, CustomStringConvertible {
    /// The name that the field uses: `Q4_K_M`.
    public let name: String
    /// The number stored under `general.file_type`; `nil` when the source's number is kept.
    public let fileType: UInt32?
    /// Other names that are accepted on a command line: `Q4_K` for `Q4_K_M`.
    public let aliases: [String]
    /// One line for the list of types.
    public let summary: String
    /// Which format each kind of tensor gets; `nil` when every tensor keeps its format.
    let precision: MixedPrecision?
    /// Whether tensors of the default format need importance, which the format itself can do
    /// without.
    let expectsImportance: Bool

    /// Declares a recipe.
    init(
        _ name: String, fileType: UInt32?, aliases: [String] = [], summary: String,
        expectsImportance: Bool = false, _ precision: MixedPrecision?
    ) {
        self.name = name
        self.fileType = fileType
        self.aliases = aliases
        self.summary = summary
        self.expectsImportance = expectsImportance
        self.precision = precision
    }

    /// The format that most tensors get; `nil` when every tensor keeps its own.
    public var defaultFormat: Format? { precision?.base }

    /// The name.
    public var description: String { name }
}

/// The format picked for one tensor, and why.
public struct FormatChoice: Sendable, Hashable {
    /// Why a tensor gets its format.
    public enum Reason: Sendable, Hashable {
        /// The recipe's rule for tensors of this kind.
        case recipe
        /// Not a tensor that is quantized (norms, biases, one-dimensional): keeps its format.
        case kept
        /// The format wanted does not divide the row; this is the format that does.
        case fallback(from: Format)
        /// An option named the format.
        case override
        /// The format wanted needs importance and there is none; this one does without.
        case raised(from: Format)
        /// Chosen for this tensor by what its rounding does to the model's predictions.
        case allocated
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
