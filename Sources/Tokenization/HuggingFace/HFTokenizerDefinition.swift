public import TensorCore

/// A `tokenizer.json` as data: the pipeline's five stages and the added tokens.
public struct HFTokenizerDefinition: Sendable, Equatable {
    /// A token that is found in the text before anything else happens.
    public struct AddedToken: Sendable, Equatable {
        /// The number of the token.
        public var id: Int
        /// The text of the token.
        public var content: ByteString
        /// Whether it structures the input rather than being text.
        public var special: Bool
        /// Whether it is looked for in the normalized text.
        public var normalized: Bool
        /// Whether it takes the white space before it.
        public var lstrip: Bool
        /// Whether it takes the white space after it.
        public var rstrip: Bool
        /// Whether it is found as a whole word only.
        public var singleWord: Bool
    }

    /// What is done to the text first.
    public var normalizer: Normalizer?
    /// How the text is cut into words.
    public var preTokenizer: PreTokenizer?
    /// How a word becomes tokens.
    public var model: HFModel
    /// What is added around the tokens.
    public var postProcessor: PostProcessor?
    /// How tokens become text.
    public var decoder: HFDecoder?
    /// Tokens found before anything else, in file order.
    public var addedTokens: [AddedToken]
    /// Normalizer and pre-tokenizer as they stand in the file, for messages.
    public var splittingText: String

    /// Reads a parsed `tokenizer.json`.
    public init(_ json: JSON, file: String? = nil) throws(TokenizationError) {
        let root = JSONReader(value: json, path: "", file: file)
        _ = try root.members()
        normalizer = try root.optional("normalizer").map { json throws(TokenizationError) in
            try Normalizer(json)
        }
        preTokenizer = try root.optional("pre_tokenizer").map { json throws(TokenizationError) in
            try PreTokenizer(json)
        }
        model = try HFModel(root.member("model", "the tokenizer's model"))
        postProcessor = try root.optional("post_processor").map {
            json throws(TokenizationError) in try PostProcessor(json)
        }
        decoder = try root.optional("decoder").map { json throws(TokenizationError) in
            try HFDecoder(json)
        }
        addedTokens = []
        if let tokens = root.optional("added_tokens") {
            for token in try tokens.elements() {
                addedTokens.append(
                    AddedToken(
                        id: try token.member("id", "an id").integer(),
                        content: try token.member("content", "a text").bytes(),
                        special: try token.flag("special", default: false),
                        normalized: try token.flag("normalized", default: true),
                        lstrip: try token.flag("lstrip", default: false),
                        rstrip: try token.flag("rstrip", default: false),
                        singleWord: try token.flag("single_word", default: false)))
            }
        }
        splittingText =
            "normalizer: \((json["normalizer"] ?? .null).line)\n"
            + "pre_tokenizer: \((json["pre_tokenizer"] ?? .null).line)"
    }

    /// Whether the model works on bytes written in the byte alphabet of GPT-2.
    public var isByteLevel: Bool {
        let splits = preTokenizer?.steps ?? []
        let joins = decoder?.steps ?? []
        return joins.contains(.byteLevel)
            || splits.contains { if case .byteLevel = $0 { true } else { false } }
    }
}
