public import TensorCore

/// What `tokenizer.json` does to a text before it is split.
public indirect enum Normalizer: Sendable, Equatable {
    case nfc, nfd, nfkc, nfkd
    case lowercase
    case stripAccents
    /// Removes white space at the ends.
    case strip(left: Bool, right: Bool)
    /// Replaces every match.
    case replace(TextPattern, content: ByteString)
    /// Puts a text in front of a text that is not empty.
    case prepend(ByteString)
    /// BERT's cleaning; `stripAccents` follows `lowercase` when it is `nil`.
    case bert(cleanText: Bool, handleChineseChars: Bool, stripAccents: Bool?, lowercase: Bool)
    /// The compiled map of SentencePiece, Base64.
    case precompiled(base64: String)
    /// SentencePiece's cleaning of control characters and white space.
    case nmt
    /// Writes bytes in the byte alphabet.
    case byteLevel
    case sequence([Normalizer])
    /// A kind that this version does not know.
    case other(type: String)

    init(_ json: JSONReader) throws(TokenizationError) {
        let type = try json.member("type", "the kind of normalizer").text()
        switch type {
        case "NFC": self = .nfc
        case "NFD": self = .nfd
        case "NFKC": self = .nfkc
        case "NFKD": self = .nfkd
        case "Lowercase": self = .lowercase
        case "StripAccents": self = .stripAccents
        case "Strip":
            self = .strip(
                left: try json.flag("strip_left", default: true),
                right: try json.flag("strip_right", default: true))
        case "Replace":
            self = .replace(
                try TextPattern(json.member("pattern", "a pattern")),
                content: try json.member("content", "a string").bytes())
        case "Prepend": self = .prepend(try json.member("prepend", "a string").bytes())
        case "BertNormalizer":
            let accents: Bool? =
                json.optional("strip_accents") == nil
                ? nil : try json.flag("strip_accents", default: true)
            self = .bert(
                cleanText: try json.flag("clean_text", default: true),
                handleChineseChars: try json.flag("handle_chinese_chars", default: true),
                stripAccents: accents, lowercase: try json.flag("lowercase", default: true))
        case "Precompiled":
            self = .precompiled(
                base64: try json.member("precompiled_charsmap", "a Base64 string").text())
        case "Nmt": self = .nmt
        case "ByteLevel": self = .byteLevel
        case "Sequence":
            var parts: [Normalizer] = []
            for element in try json.member("normalizers", "an array").elements() {
                parts.append(try Normalizer(element))
            }
            self = .sequence(parts)
        default: self = .other(type: type)
        }
    }

    /// The steps in order, sequences dissolved.
    public var steps: [Normalizer] {
        if case .sequence(let parts) = self { parts.flatMap { $0.steps } } else { [self] }
    }
}

/// A pattern of `tokenizer.json`: a text that is meant literally or a regular expression.
public enum TextPattern: Sendable, Equatable {
    case literal(ByteString)
    case regex(String)

    init(_ json: JSONReader) throws(TokenizationError) {
        if let text = json.optional("String") {
            self = .literal(try text.bytes())
        } else {
            self = .regex(try json.member("Regex", "a String or a Regex").text())
        }
    }
}
