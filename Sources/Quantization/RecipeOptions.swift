/// What a user may change about a recipe.
public struct RecipeOptions: Sendable {
    /// Every tensor that is quantized at all gets the recipe's default format (`--pure`).
    public var isPure = false
    /// The format of `output.weight`; also of the token embeddings where they serve as output
    /// matrix and `tokenEmbeddingFormat` says nothing (`--output-tensor-type`).
    public var outputFormat: Format?
    /// The format of the token embeddings (`--token-embedding-type`).
    public var tokenEmbeddingFormat: Format?
    /// `output.weight` keeps its format (`--leave-output-tensor`).
    public var leavesOutput = false
    /// Formats by tensor name; the first pattern that matches decides (`--tensor-type`).
    ///
    /// They say nothing where the recipe's default format is not quantized (F32, F16, BF16).
    public var overrides: [TensorOverride] = []

    /// Creates the options of a plain run: none.
    public init() {}
}

/// A format for all tensors whose name contains a match of a pattern: `attn_q=q8_0`.
public struct TensorOverride: Sendable, Hashable {
    /// A regular expression, in lower case.
    public let pattern: String
    /// The format of the tensors that match.
    public let format: Format

    /// Creates an override.
    ///
    /// Throws when the pattern is no regular expression.
    public init(pattern: String, format: Format) throws(RecipeError) {
        self.pattern = pattern.lowercased()
        self.format = format
        _ = try compiled()
    }

    /// Reads `PATTERN=FORMAT`.
    ///
    /// Throws when there is no `=`, when either side is empty, when the pattern is no regular
    /// expression and when no format has the name.
    public init(parsing text: String) throws(RecipeError) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw RecipeError(.malformedOverride(text))
        }
        let name = String(text[text.index(after: equals)...])
        guard !name.isEmpty else { throw RecipeError(.malformedOverride(text)) }
        try self.init(pattern: String(text[..<equals]), format: Format.parse(name))
    }

    /// The pattern, ready for matching. (`Regex` is not `Sendable`, so it is not kept.)
    func compiled() throws(RecipeError) -> Regex<AnyRegexOutput> {
        do {
            return try Regex(pattern)
        } catch {
            throw RecipeError(.invalidPattern(pattern))
        }
    }
}

extension Format {
    /// The format called `name`, whatever its case.
    ///
    /// Throws when there is none, or when it is one that cannot be written from numbers.
    public static func parse(_ name: String) throws(RecipeError) -> Format {
        guard let format = named(name) else {
            let names = all.filter { $0.encode != nil }.map(\.name)
            throw RecipeError(.unknownType(name, nearest: nearestNames(to: name, among: names)))
        }
        guard format.encode != nil else { throw RecipeError(.notWritable(format.name)) }
        return format
    }
}
