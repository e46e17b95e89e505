/// How `tokenizer.json` cuts a text into the words that the model sees one by one.
public indirect enum PreTokenizer: Sendable, Equatable {
    /// What becomes of the separators that a splitter finds.
    public enum Behavior: String, Sendable {
        case isolated = "Isolated"
        case removed = "Removed"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// Cuts at the matches of a pattern (between them when inverted).
    case split(TextPattern, behavior: Behavior, invert: Bool)
    /// Turns bytes into the byte alphabet, after cutting with GPT-2's pattern if `usesRegex`.
    case byteLevel(addPrefixSpace: Bool, usesRegex: Bool)
    /// Isolates numerals, one by one or run by run.
    case digits(individual: Bool)
    /// Cuts at punctuation.
    case punctuation(Behavior)
    /// SentencePiece's mark for a space.
    case metaspace(replacement: String, prependScheme: String, splits: Bool)
    /// `\w+|[^\w\s]+`.
    case whitespace
    case whitespaceSplit
    /// BERT's: white space removed, punctuation isolated.
    case bert
    /// Removes every copy of a character.
    case characterDelimiter(String)
    /// Cuts where the script changes.
    case unicodeScripts
    /// Cuts after every so many characters.
    case fixedLength(Int)
    case sequence([PreTokenizer])
    /// A kind that this version does not know.
    case other(type: String)

    init(_ json: JSONReader) throws(TokenizationError) {
        let type = try json.member("type", "the kind of pre-tokenizer").text()
        switch type {
        case "Split":
            self = .split(
                try TextPattern(json.member("pattern", "a pattern")),
                behavior: try PreTokenizer.behavior(json),
                invert: try json.flag("invert", default: false))
        case "ByteLevel":
            self = .byteLevel(
                addPrefixSpace: try json.flag("add_prefix_space", default: true),
                usesRegex: try json.flag("use_regex", default: true))
        case "Digits":
            self = .digits(individual: try json.flag("individual_digits", default: false))
        case "Punctuation": self = .punctuation(try PreTokenizer.behavior(json))
        case "Metaspace":
            let oldFlag = try json.flag("add_prefix_space", default: true)
            self = .metaspace(
                replacement: try json.optionalText("replacement") ?? "▁",
                prependScheme: try json.optionalText("prepend_scheme")
                    ?? (oldFlag ? "always" : "never"),
                splits: try json.flag("split", default: true))
        case "Whitespace": self = .whitespace
        case "WhitespaceSplit": self = .whitespaceSplit
        case "BertPreTokenizer": self = .bert
        case "CharDelimiterSplit":
            self = .characterDelimiter(try json.member("delimiter", "a character").text())
        case "UnicodeScripts": self = .unicodeScripts
        case "FixedLength":
            self = .fixedLength(try json.optional("length")?.integer() ?? 5)
        case "Sequence":
            var parts: [PreTokenizer] = []
            for element in try json.member("pretokenizers", "an array").elements() {
                parts.append(try PreTokenizer(element))
            }
            self = .sequence(parts)
        default: self = .other(type: type)
        }
    }

    private static func behavior(_ json: JSONReader) throws(TokenizationError) -> Behavior {
        guard let member = json.optional("behavior") else { return .isolated }
        let name = try member.text()
        guard let behavior = Behavior(rawValue: name) else {
            throw member.fault(.unknownValue("\"\(name)\"", expected: "a split behavior"))
        }
        return behavior
    }

    /// The steps in order, sequences dissolved.
    public var steps: [PreTokenizer] {
        if case .sequence(let parts) = self { parts.flatMap { $0.steps } } else { [self] }
    }
}
