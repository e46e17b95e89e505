/// What a pre-tokenizer name of GGUF (`tokenizer.ggml.pre`) means: a row of the table that both the
/// encoder and the converter read.
struct PreTokenizerName: Sendable {
    /// The normalizers that stand beside the splitting rules in `tokenizer.json`.
    ///
    /// A GGUF file does
    /// not record them and nothing is normalized when a text is encoded; they only tell names apart.
    enum Normalization: Sendable, Equatable {
        case none
        case nfc
    }

    /// The name.
    let name: String
    /// Other names that are read as this one.
    var aliases: [String] = []
    /// Normalizers of the `tokenizer.json` files that the name is derived from.
    var normalizations: [Normalization] = [.none]
    /// The patterns, applied one after the other: each cuts the pieces that the one before left.
    let patterns: [String]
    /// Spellings of the same rules in `tokenizer.json` files that differ from `patterns`.
    var variants: [[String]] = []
    /// Whether a word that is a token as a whole needs no merges.
    var ignoresMerges = false
    /// Whether BOS is added when the file does not say.
    var addsBOS = false
    /// The `model_type`s that decide for this name where several have the same rules.
    var modelTypes: [String] = []

    /// The row of a name, or `nil` when it is not known.
    static func row(named name: String) -> PreTokenizerName? {
        table.first { $0.name == name || $0.aliases.contains(name) }
    }

    /// The name for a `tokenizer.json`.
    ///
    /// Normalizer and splitting rules are compared as trees, so spelling does not matter. Among
    /// names with equal rules the model type decides, then the order of the table: they encode
    /// alike, only the label differs.
    static func derive(
        _ definition: HFTokenizerDefinition, modelType: String?, file: String? = nil
    ) throws(TokenizationError) -> String {
        switch definition.model {
        case .wordPiece: return "bert-bge"
        case .unigram, .wordLevel: return "default"
        case .bpe: if !definition.isByteLevel { return "default" }
        }
        let unknown = TokenizationError(
            .unknownPreTokenizer(definition: definition.splittingText), file: file)
        guard let rules = SplittingRules(definition) else { throw unknown }
        let fitting = table.filter { $0.means(rules) }
        guard let first = fitting.first else { throw unknown }
        return (fitting.first { modelType.map($0.modelTypes.contains) ?? false } ?? first).name
    }

    private func means(_ rules: SplittingRules) -> Bool {
        guard normalizations.contains(rules.normalization) else { return false }
        return ([patterns] + variants).contains { spelling in
            spelling.count == rules.patterns.count
                && zip(spelling, rules.patterns).allSatisfy { Pattern($0) == $1 }
        }
    }
}

extension Vocabulary {
    /// The names of pre-tokenizers whose rules are known.
    public static var preTokenizerNames: [String] {
        PreTokenizerName.table.map(\.name).sorted()
    }

    /// The names that models of a type have, by transformers' or GGUF's name of the type.
    public static func preTokenizerNames(forModelType type: String) -> [String] {
        func comparable(_ name: String) -> String {
            name.lowercased().filter { $0 != "_" && $0 != "-" }
        }
        let type = comparable(type)
        return PreTokenizerName.table.filter { row in
            row.modelTypes.contains { comparable($0) == type }
        }.map(\.name)
    }
}

/// Normalizer and splitting patterns of a `tokenizer.json`, reduced to what matters for the name.
struct SplittingRules: Equatable {
    var normalization = PreTokenizerName.Normalization.none
    var patterns: [Pattern] = []

    /// `nil` when the definition has a step that no name stands for.
    init?(_ definition: HFTokenizerDefinition) {
        for step in definition.normalizer?.steps ?? [] {
            guard case .nfc = step else { return nil }
            normalization = .nfc
        }
        for step in definition.preTokenizer?.steps ?? [] {
            guard let texts = SplittingRules.patterns(step) else { return nil }
            for text in texts {
                guard let pattern = Pattern(text) else { return nil }
                patterns.append(pattern)
            }
        }
    }

    /// A step as patterns whose matches are isolated; `nil` when it is none.
    private static func patterns(_ step: PreTokenizer) -> [String]? {
        switch step {
        case .split(.regex(let text), let behavior, let invert):
            // Keeping the matches and dropping the rest is the same as isolating the matches when
            // the pattern leaves no rest, as all those in use.
            return behavior == .isolated && !invert || behavior == .removed && invert
                ? [text] : nil
        case .byteLevel(false, let usesRegex): return usesRegex ? [PreTokenizerName.gpt2] : []
        case .digits(let individual): return [individual ? #"\p{N}"# : #"\p{N}+"#]
        case .punctuation(.contiguous): return [PreTokenizerName.punctuation]
        case .punctuation(.isolated): return [#"[\p{P}$+<=>^~|`]"#]
        default: return nil
        }
    }
}
