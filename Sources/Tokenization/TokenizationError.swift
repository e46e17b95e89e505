public import TensorCore

/// A fault in a tokenizer's files or in the vocabulary of a GGUF file.
public struct TokenizationError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Hashable, Sendable {
        /// Something that must be there is not.
        case missing(String)
        /// A value of another kind than expected.
        case wrongKind(found: String, expected: String)
        /// The token has an id at or above the limit, or a negative one.
        case idOutOfRange(token: String, id: Int, limit: Int)
        /// Two tokens claim one id.
        case duplicateID(id: Int, first: String, second: String)
        /// A merge is not two parts with a space between them.
        case malformedMerge(String)
        /// Two lists that describe the same tokens differ in length.
        case countMismatch(found: Int, expected: Int)
        /// A number that no list of tokens can have.
        case countOutOfRange(found: Int, limit: Int)
        /// A token type or another enumerated value that is not known.
        case unknownValue(String, expected: String)
        /// Something that is valid but that this version cannot do.
        case unsupported(String)
        /// A GGUF pre-tokenizer name whose rules are not known.
        case unknownPreTokenizerName(String)
        /// No GGUF pre-tokenizer name means this definition.
        case unknownPreTokenizer(definition: String)
        /// Bare vocabulary files whose class has rules that are not known.
        case unknownTokenizerClass(String)
        /// The Protocol Buffers encoding is broken.
        case malformedProtobuf(String)
        /// A text file in another encoding.
        case notUTF8(probably: String)
        /// The text is longer than can be encoded at once.
        case textTooLong(byteCount: Int, limit: Int)
    }

    /// What is wrong.
    public let kind: Kind
    /// The file, when there is one.
    public var file: String?
    /// The JSON path, metadata key or byte offset.
    public var place: String?

    /// Creates an error.
    public init(_ kind: Kind, file: String? = nil, place: String? = nil) {
        self.kind = kind
        self.file = file
        self.place = place
    }

    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .missing(let what): "found nothing, expected \(what)"
        case .wrongKind(let found, let expected): "found \(found), expected \(expected)"
        case .idOutOfRange(let token, let id, let limit):
            "token \"\(token)\" has the id \(id), expected 0 ..< \(limit)"
        case .duplicateID(let id, let first, let second):
            "tokens \"\(first)\" and \"\(second)\" have the same id \(id)"
        case .malformedMerge(let merge):
            "found the merge \"\(merge)\", expected two parts with a space between"
        case .countMismatch(let found, let expected): "found \(found) entries, expected \(expected)"
        case .countOutOfRange(let found, let limit):
            "found a count of \(found), expected 1 ... \(limit)"
        case .unknownValue(let found, let expected): "found \(found), expected \(expected)"
        case .unsupported(let what): "\(what) is not supported"
        case .unknownPreTokenizerName(let name):
            "the pre-tokenizer \"\(name)\" is not known, expected one of "
                + Vocabulary.preTokenizerNames.joined(separator: ", ")
        case .unknownPreTokenizer(let definition):
            "no GGUF pre-tokenizer name is known for this definition:\n\(definition)\n"
        case .unknownTokenizerClass(let name):
            "the class \(name) saved no tokenizer.json, and its rules are not known; expected "
                + "GPT2Tokenizer, Qwen2Tokenizer or BertTokenizer"
        case .malformedProtobuf(let what): "malformed Protocol Buffers message: \(what)"
        case .notUTF8: "found bytes that are not UTF-8, expected a text in UTF-8"
        case .textTooLong(let byteCount, let limit):
            "found a text of \(byteCount) bytes, expected at most \(limit)"
        }
    }

    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .unknownPreTokenizerName:
            "Where one of these splits text alike, say so with --pre NAME."
        case .unknownPreTokenizer:
            "If you know which name's rules fit, say so with --pre NAME."
        case .unknownTokenizerClass:
            "Save tokenizer.json beside it: python3 -c 'from transformers import AutoTokenizer as T;"
                + " T.from_pretrained(\"DIR\").save_pretrained(\"DIR\")'"
        case .idOutOfRange: "Check vocab_size in config.json."
        case .notUTF8(let encoding):
            "Save the file as UTF-8: iconv -f \(encoding) -t UTF-8 converts it."
        case .textTooLong: "Split the text."
        default: nil
        }
    }

    /// All these are faults of the data.
    public var exitCode: ExitCode { .badData }
}
