public import TensorCore

/// A text that a tokenizer's definition and the vocabulary of its GGUF file encode differently.
public struct TokenizerDifference: IngotError {
    /// The text.
    public let text: String
    /// The ids by the definition.
    public let expected: [Int32]
    /// The ids by the file.
    public let found: [Int32]
    let expectedTokens: [String]
    let foundTokens: [String]
    /// The first place at which the ids differ.
    public let position: Int
    /// Whether the tokens around a text were asked for.
    public let addsSpecial: Bool
    let pre: String?
    let addedTokens: [String]
    /// The file of the definition.
    public let file: String?

    /// The text, escaped.
    public var place: String? { TokenizerCheck.quoted(text) }

    /// Both lists around the place.
    public var problem: String {
        "the file gives \(excerpt(found)), \(tokens(foundTokens)), the definition "
            + "\(excerpt(expected)), \(tokens(expectedTokens)); they differ from token \(position) on"
            + (addsSpecial ? ", with the tokens around a text" : "")
    }

    /// What likely is the cause.
    public var remedy: String? { "Likely cause: \(cause)." }

    /// A difference is a fault of the conversion or of the directory.
    public var exitCode: ExitCode { .badData }

    private var window: (Int) -> Range<Int> {
        { count in
            let start = max(0, min(position - 3, count))
            return start..<min(max(start, position + 5), count)
        }
    }

    private func excerpt(_ ids: [Int32]) -> String {
        let range = window(ids.count)
        return "[" + (range.lowerBound > 0 ? "…, " : "")
            + ids[range].map(String.init).joined(separator: ", ")
            + (range.upperBound < ids.count ? ", …" : "") + "]"
    }

    private func tokens(_ names: [String]) -> String {
        let part = names[window(names.count)]
        return part.isEmpty
            ? "no token" : part.map { TokenizerCheck.quoted($0) }.joined(separator: " ")
    }

    private var cause: String {
        let (ours, theirs) = (token(foundTokens), token(expectedTokens))
        if addsSpecial {
            return
                "which tokens go around a text: post_processor of tokenizer.json, and bos_token, "
                + "eos_token, add_bos_token and add_eos_token of tokenizer_config.json"
        }
        if let ours, ours == theirs {
            return
                "two ids have this text, or added tokens have other ids than tokenizers give them"
        }
        if let theirs, addedTokens.contains(theirs) {
            return "\"\(theirs)\" is an added token, and the file does not call it control or "
                + "user-defined, or gives it another id"
        }
        if let ours, addedTokens.contains(ours) {
            return
                "\"\(ours)\" is found in the text by the file's type of token, and the definition "
                + "finds it otherwise"
        }
        let (written, meant) = (foundTokens.joined(), expectedTokens.joined())
        if pre == nil, written == "▁" + meant || meant == "▁" + written {
            return "the space in front of a text (tokenizer.ggml.add_space_prefix)"
        }
        if let pre {
            return "the rules of the pre-tokenizer name \"\(pre)\" are not those of the definition "
                + "(--pre NAME chooses another), or tokens or merges differ"
        }
        return "tokens, their scores or their types differ"
    }

    private func token(_ names: [String]) -> String? {
        names.indices.contains(position) ? names[position] : nil
    }
}
