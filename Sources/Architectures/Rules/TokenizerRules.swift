import TensorCore

/// What a family's GGUF files say about the tokenizer beyond what its own files do.
public struct TokenizerRules: Sendable {
    /// Where `add_prefix_space` of `tokenizer_config.json` is written.
    public enum PrefixSpace: Sendable, Hashable {
        /// Nowhere.
        case unwritten
        /// In front of all other keys of the tokenizer.
        case first
        /// Behind the tokens and their types; in every file, or where the directory speaks of it.
        case amid(always: Bool)
        /// Behind them.
        case last
    }

    /// A token that plays a part for which the tokenizer's files name none.
    public struct TokenRole: Sendable, Hashable {
        /// The part, as tokenizer files call it: `eos`, `eot`.
        public let role: String
        /// The token's text.
        public let token: String

        /// Gives a part to a token.
        public init(_ role: String, _ token: String) {
            self.role = role
            self.token = token
        }
    }

    /// The value of `tokenizer.ggml.model` where the tokenizer's files can be written as several
    /// kinds; `nil` where they decide.
    public internal(set) var model: String?
    /// What is expected where the tokenizer turns out to be of another kind than `model`; `nil` where
    /// that is no error.
    public internal(set) var otherwise: String?
    /// Where `add_prefix_space` is written.
    public internal(set) var prefixSpace = PrefixSpace.unwritten
    /// Parts that are given to tokens by their text.
    public internal(set) var roles: [TokenRole] = []
    /// Parts that tokens take over from those to which the files give them, where there are such
    /// tokens.
    public internal(set) var replacements: [TokenRole] = []
    /// What the texts of tokens begin with that nothing uses, whatever their type.
    public internal(set) var unusedPrefix: String?
    /// Whether the chat template is the first key behind the architecture.
    public internal(set) var leadsWithTemplate = false
    /// Keys that stand in front of the tokenizer's own.
    public internal(set) var leadingKeys: [MetadataRule] = []
    /// Keys that stand among those of a unigram tokenizer, behind that of the space in front.
    public internal(set) var segmentKeys: [MetadataRule] = []
    /// Keys that are added to or change what the tokenizer's files say.
    public internal(set) var keys: @Sendable (ModelConfiguration) -> [MetadataEntry] = { _ in [] }

    /// Llama's tokenizers.
    ///
    /// Two vocabularies are known by their size: CodeLlama's, whose tokens for filling in the middle
    /// its files do not name, and that of SmolLM and Granite, to which no BOS is added whatever the
    /// files say.
    static let llama = Self(prefixSpace: .first) {
        switch $0["vocab_size"]?.integer {
        case 32016:
            [
                .init("tokenizer.ggml.prefix_token_id", .uint32(32007)),
                .init("tokenizer.ggml.suffix_token_id", .uint32(32008)),
                .init("tokenizer.ggml.middle_token_id", .uint32(32009)),
                .init("tokenizer.ggml.eot_token_id", .uint32(32010)),
            ]
        case 49152: [.init("tokenizer.ggml.add_bos_token", .bool(false))]
        default: []
        }
    }
}
