public import TensorCore

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
    /// Formats chosen for single tensors, by name, in place of the recipe's mixture; what an option
    /// names comes before them.
    public var allocation: [String: Format] = [:]
    /// What becomes of tensors that need importance and have none.
    public var missingImportance = MissingImportance.error

    /// Creates the options of a plain run: none.
    public init() {}
}

/// What becomes of a tensor whose format needs importance when there is none for it.
public enum MissingImportance: String, Sendable, CaseIterable {
    /// The tensor gets the nearest larger format that needs none.
    case raise
    /// There is no plan.
    case error
}

/// A format for all tensors whose name contains a match of a pattern: `attn_q=q8_0`.
public struct TensorOverride: Sendable, Hashable {
    /// A regular expression in lower case, as `std::regex` reads it.
    public let pattern: NamePattern
    /// The format of the tensors that match.
    public let format: Format
    /// What lower case has made another escape of: `\D` becomes `\d`.
    public let loweredEscapes: [String]

    /// Creates an override.
    ///
    /// The pattern becomes lower case, the escapes in it too.
    /// - Throws: `RecipeError` when the pattern is no regular expression.
    public init(pattern: String, format: Format) throws(RecipeError) {
        let bytes = Array(pattern.utf8)
        // A pattern of another case would be another text than a file's name can have.
        let lower = bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        do {
            self.pattern = try NamePattern(String(decoding: lower, as: UTF8.self))
        } catch {
            throw RecipeError(.invalidPattern(error))
        }
        loweredEscapes = TensorOverride.escapes(in: bytes).filter { "BDSW".contains($0) }
            .map { "\\\($0)" }
        self.format = format
    }

    /// The characters that a backslash stands before.
    private static func escapes(in bytes: [UInt8]) -> [Character] {
        var found: [Character] = []
        var index = 0
        while index + 1 < bytes.count {
            let isEscape = bytes[index] == UInt8(ascii: "\\")
            if isEscape { found.append(Character(Unicode.Scalar(bytes[index + 1]))) }
            index += isEscape ? 2 : 1
        }
        return found
    }

    /// Reads `PATTERN=FORMAT`; the last `=` separates them, since no format has one in its name.
    ///
    /// - Throws: `RecipeError` when there is no `=`, when either side is empty, when the pattern is
    ///   no regular expression and when no format has the name.
    public init(parsing text: String) throws(RecipeError) {
        guard let equals = text.utf8.lastIndex(of: UInt8(ascii: "=")), equals != text.startIndex
        else { throw RecipeError(.malformedOverride(text)) }
        let name = String(text[text.utf8.index(after: equals)...])
        guard !name.isEmpty else { throw RecipeError(.malformedOverride(text)) }
        try self.init(pattern: String(text[..<equals]), format: Format.parse(name))
    }

    /// Reads a file of overrides: `PATTERN=FORMAT` any number of times, separated by white space.
    ///
    /// - Throws: `RecipeError` as `init(parsing:)` does.
    public static func list(parsing bytes: [UInt8]) throws(RecipeError) -> [TensorOverride] {
        var overrides: [TensorOverride] = []
        for word in bytes.split(whereSeparator: { $0 == 0x20 || (0x09...0x0D).contains($0) }) {
            overrides.append(try TensorOverride(parsing: String(decoding: word, as: UTF8.self)))
        }
        return overrides
    }

    /// Whether the pattern occurs in a tensor's name.
    func covers(_ tensor: RecipeModel.Tensor) throws(RecipeError) -> Bool {
        do {
            return try pattern.occurs(in: tensor.name)
        } catch {
            throw RecipeError(.invalidPattern(error), tensor: tensor.name)
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
