public import TensorCore

/// A tokenizer's vocabulary in the words of a GGUF file: everything under `tokenizer.*`.
public struct Vocabulary: Sendable, Equatable {
    /// The kind of tokenizer; the raw value is what `tokenizer.ggml.model` holds.
    public enum Model: String, Sendable, CaseIterable {
        /// Byte-level BPE (GPT-2 and most models since).
        case byteLevelBPE = "gpt2"
        /// SentencePiece BPE with scores and byte fallback (Llama 2, Mistral, Gemma).
        case sentencePieceBPE = "llama"
        /// SentencePiece's pieces, joined in the order of a list of merges (Gemma 4).
        case sentencePieceMerges = "gemma4"
        /// SentencePiece unigram (T5).
        case unigram = "t5"
        /// WordPiece (BERT).
        case wordPiece = "bert"
        /// Strings of bytes, as Python writes them, of which the longest is taken (RWKV).
        case byteStrings = "rwkv"
        /// Pieces with scores, characters without one as bytes (PLaMo 2).
        case plamo = "plamo2"
    }

    /// What a token is for; the raw values are those of `tokenizer.ggml.token_type`.
    public enum TokenType: Int32, Sendable, CaseIterable {
        /// A piece of text.
        case normal = 1
        /// Stands for text that the vocabulary cannot express.
        case unknown = 2
        /// Structures the input (begin of text, end of turn); never made from plain text.
        case control = 3
        /// Found in the text before it is split, always.
        case userDefined = 4
        /// A number without a token.
        case unused = 5
        /// One byte, written `<0x0A>`.
        case byte = 6
    }

    /// A part that a token can play; see `specialIDs`.
    public enum SpecialRole: String, Sendable, CaseIterable {
        case bos, eos, unk, sep, pad, cls, mask, eot, eom
        case prefix, suffix, middle, fsep
        case fimPre = "fim_pre"
        case fimSuf = "fim_suf"
        case fimMid = "fim_mid"
        case fimPad = "fim_pad"
        case fimRep = "fim_rep"
        case fimSep = "fim_sep"

        /// The metadata key of the token's id (the peer's spelling, `seperator` included).
        public var metadataKey: String {
            switch self {
            case .unk: "tokenizer.ggml.unknown_token_id"
            case .sep: "tokenizer.ggml.seperator_token_id"
            case .pad: "tokenizer.ggml.padding_token_id"
            default: "tokenizer.ggml.\(rawValue)_token_id"
            }
        }
    }

    /// The largest number of tokens that is accepted: no real vocabulary comes near, and a hostile
    /// count must not take the memory.
    public static let tokenCountLimit = 1 << 22

    /// The kind of tokenizer.
    public var model: Model
    /// The name of the pre-tokenizer's rules, `tokenizer.ggml.pre`.
    public var pre: String
    /// The tokens in the order of their ids.
    public var tokens: [ByteString]
    /// Scores in the order of the ids; `nil` where the model has none.
    public var scores: [Float]?
    /// Types in the order of the ids.
    public var types: [TokenType]
    /// Merges in the order of their ranks, two parts with a space between; empty without BPE.
    public var merges: [ByteString]
    /// The ids of the tokens with a part to play.
    public var specialIDs: [SpecialRole: Int32]
    /// Whether `encode` puts BOS in front; `nil` leaves it to the model's default.
    public var addBOS: Bool?
    /// Whether `encode` puts EOS at the end; `nil` leaves it to the model's default.
    public var addEOS: Bool?
    /// Whether `encode` puts SEP at the end (BERT); `nil` leaves it to the model's default.
    public var addSEP: Bool?
    /// Whether a space goes in front of the text (SentencePiece); `nil` leaves it to the default.
    public var addSpacePrefix: Bool?
    /// Whether runs of spaces become one (SentencePiece unigram).
    public var removeExtraWhitespaces: Bool?
    /// The compiled normalization map of SentencePiece.
    public var precompiledCharsmap: [UInt8]?
    /// Whether WordPiece lower-cases the text; `nil` leaves it to the model's default.
    public var lowercase: Bool?
    /// Whether WordPiece removes accents; `nil` leaves it to whether it lower-cases.
    public var stripAccents: Bool?
    /// Tokens that take the white space before them with them.
    public var leftStripping: Set<Int32> = []
    /// Tokens that take the white space after them with them.
    public var rightStripping: Set<Int32> = []
    /// The chat template, a Jinja text.
    public var chatTemplate: ByteString?

    /// Creates a vocabulary; types default to normal.
    public init(
        model: Model, pre: String = "default", tokens: [ByteString], scores: [Float]? = nil,
        types: [TokenType]? = nil, merges: [ByteString] = [],
        specialIDs: [SpecialRole: Int32] = [:]
    ) {
        self.model = model
        self.pre = pre
        self.tokens = tokens
        self.scores = scores
        self.types = types ?? [TokenType](repeating: .normal, count: tokens.count)
        self.merges = merges
        self.specialIDs = specialIDs
    }
}
