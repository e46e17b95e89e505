public import TensorCore

/// The model of a `tokenizer.json`: how a word becomes tokens.
public enum HFModel: Sendable, Equatable {
    case bpe(BPE)
    case unigram(Unigram)
    case wordPiece(WordPiece)
    case wordLevel(WordLevel)

    /// Byte-pair encoding.
    public struct BPE: Sendable, Equatable {
        /// Token and id, in file order.
        public var vocabulary: [(token: ByteString, id: Int)]
        /// Merges in rank order, two parts with a space between.
        ///
        /// In the array form of the file a
        /// part may hold spaces itself; they are written `Ġ` here, as the byte alphabet does.
        public var merges: [ByteString]
        /// Whether unknown characters become `<0x..>` tokens.
        public var byteFallback: Bool
        /// Whether a word that is a token needs no merges.
        public var ignoreMerges: Bool
        /// The unknown token.
        public var unknownToken: ByteString?
        /// Whether neighbouring unknown characters are one token.
        public var fusesUnknown = false
        /// What marks a piece inside a word; `nil` for nothing.
        public var continuingSubwordPrefix: ByteString?
        /// What marks the end of a word; `nil` for nothing.
        public var endOfWordSuffix: ByteString?
        /// The probability with which a merge is left out, in training.
        public var dropout: Double?
        /// The parts of merges that hold spaces, by rank, as they stand in the file.
        public var spacedMerges: [Int: (left: ByteString, right: ByteString)] = [:]

        /// Compares everything.
        public static func == (left: BPE, right: BPE) -> Bool {
            left.merges == right.merges && left.byteFallback == right.byteFallback
                && left.fusesUnknown == right.fusesUnknown
                && left.continuingSubwordPrefix == right.continuingSubwordPrefix
                && left.endOfWordSuffix == right.endOfWordSuffix
                && left.dropout == right.dropout
                && left.spacedMerges.count == right.spacedMerges.count
                && left.spacedMerges.allSatisfy { rank, parts in
                    right.spacedMerges[rank].map { $0 == parts } ?? false
                }
                && left.ignoreMerges == right.ignoreMerges
                && left.unknownToken == right.unknownToken
                && left.vocabulary.elementsEqual(right.vocabulary, by: ==)
        }
    }

    /// SentencePiece's unigram language model.
    public struct Unigram: Sendable, Equatable {
        /// Token and logarithm of its probability; the position is the id.
        public var vocabulary: [(token: ByteString, score: Float)]
        /// The id of the unknown token.
        public var unknownID: Int?
        /// Whether unknown characters become `<0x..>` tokens.
        public var byteFallback: Bool

        /// Compares everything.
        public static func == (left: Unigram, right: Unigram) -> Bool {
            left.unknownID == right.unknownID && left.byteFallback == right.byteFallback
                && left.vocabulary.elementsEqual(right.vocabulary, by: ==)
        }
    }

    /// BERT's longest-match-first pieces.
    public struct WordPiece: Sendable, Equatable {
        /// Token and id, in file order.
        public var vocabulary: [(token: ByteString, id: Int)]
        /// What marks a piece inside a word.
        public var continuingSubwordPrefix: ByteString
        /// The unknown token.
        public var unknownToken: ByteString
        /// Words of more characters than these are unknown.
        public var characterLimit = 100

        /// Compares everything.
        public static func == (left: WordPiece, right: WordPiece) -> Bool {
            left.continuingSubwordPrefix == right.continuingSubwordPrefix
                && left.characterLimit == right.characterLimit
                && left.unknownToken == right.unknownToken
                && left.vocabulary.elementsEqual(right.vocabulary, by: ==)
        }
    }

    /// A token for every word, which GGUF has no name for.
    public struct WordLevel: Sendable, Equatable {
        /// Token and id, in file order.
        public var vocabulary: [(token: ByteString, id: Int)]
        /// The unknown token.
        public var unknownToken: ByteString

        /// Compares everything.
        public static func == (left: WordLevel, right: WordLevel) -> Bool {
            left.unknownToken == right.unknownToken
                && left.vocabulary.elementsEqual(right.vocabulary, by: ==)
        }
    }

    /// The model's own tokens.
    var tokens: [(token: ByteString, id: Int)] {
        switch self {
        case .bpe(let bpe): bpe.vocabulary
        case .unigram(let unigram):
            unigram.vocabulary.enumerated().map { ($0.element.token, $0.offset) }
        case .wordPiece(let wordPiece): wordPiece.vocabulary
        case .wordLevel(let wordLevel): wordLevel.vocabulary
        }
    }

    init(_ json: JSONReader) throws(TokenizationError) {
        // Files from before 2020 lack the type: merges tell.
        let type =
            try json.optionalText("type") ?? (json.optional("merges") == nil ? "WordPiece" : "BPE")
        switch type {
        case "BPE": self = .bpe(try HFModel.bpe(json))
        case "Unigram": self = .unigram(try HFModel.unigram(json))
        case "WordPiece":
            self = .wordPiece(
                WordPiece(
                    vocabulary: try HFModel.vocabulary(json),
                    continuingSubwordPrefix: ByteString(
                        try json.optionalText("continuing_subword_prefix") ?? "##"),
                    unknownToken: ByteString(try json.optionalText("unk_token") ?? "[UNK]"),
                    characterLimit: try json.optional("max_input_chars_per_word")?.integer()
                        ?? 100))
        case "WordLevel":
            self = .wordLevel(
                WordLevel(
                    vocabulary: try HFModel.vocabulary(json),
                    unknownToken: ByteString(try json.optionalText("unk_token") ?? "<unk>")))
        default:
            throw json.fault(
                .unknownValue("model type \"\(type)\"", expected: "BPE, Unigram or WordPiece"))
        }
    }

    private static func bpe(_ json: JSONReader) throws(TokenizationError) -> BPE {
        let list = try json.member("merges", "an array of merges")
        var result = BPE(
            vocabulary: try vocabulary(json), merges: try merges(list),
            byteFallback: try json.flag("byte_fallback", default: false),
            ignoreMerges: try json.flag("ignore_merges", default: false),
            unknownToken: try json.optional("unk_token")?.bytes())
        result.fusesUnknown = try json.flag("fuse_unk", default: false)
        result.dropout = try json.optional("dropout")?.double()
        // An empty mark is none.
        func mark(_ key: String) throws(TokenizationError) -> ByteString? {
            guard let text = try json.optional(key)?.bytes(), !text.bytes.isEmpty else {
                return nil
            }
            return text
        }
        result.continuingSubwordPrefix = try mark("continuing_subword_prefix")
        result.endOfWordSuffix = try mark("end_of_word_suffix")
        for (rank, merge) in (list.value.array ?? []).enumerated() {
            guard let parts = merge.array, parts.count == 2, let left = parts[0].bytes,
                let right = parts[1].bytes,
                left.bytes.contains(UInt8(ascii: " ")) || right.bytes.contains(UInt8(ascii: " "))
            else { continue }
            result.spacedMerges[rank] = (left, right)
        }
        return result
    }

    private static func vocabulary(
        _ json: JSONReader
    ) throws(TokenizationError) -> [(token: ByteString, id: Int)] {
        let vocabulary = try json.member("vocab", "an object of tokens and ids")
        let members = try vocabulary.members()
        guard members.count <= Vocabulary.tokenCountLimit else {
            throw vocabulary.fault(
                .countOutOfRange(found: members.count, limit: Vocabulary.tokenCountLimit))
        }
        var result: [(token: ByteString, id: Int)] = []
        result.reserveCapacity(members.count)
        for member in members {
            guard let id = member.value.integer else {
                throw TokenizationError(
                    .wrongKind(found: member.value.kindName, expected: "an integer"),
                    file: json.file, place: "\(vocabulary.path).\(member.key)")
            }
            result.append((member.key, id))
        }
        return result
    }

    private static func merges(_ json: JSONReader) throws(TokenizationError) -> [ByteString] {
        guard let elements = json.value.array else {
            throw json.fault(.wrongKind(found: json.value.kindName, expected: "an array"))
        }
        var result: [ByteString] = []
        result.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            func fault(_ kind: TokenizationError.Kind) -> TokenizationError {
                TokenizationError(kind, file: json.file, place: "\(json.path)[\(index)]")
            }
            switch element {
            case .string(let merge):
                guard merge.mergeParts != nil else {
                    throw fault(.malformedMerge(merge.description))
                }
                result.append(merge)
            case .array(let parts):
                guard parts.count == 2, let left = parts[0].bytes, let right = parts[1].bytes,
                    !left.bytes.isEmpty, !right.bytes.isEmpty
                else { throw fault(.malformedMerge(element.line)) }
                result.append(
                    ByteString(
                        bytes: spacesMarked(left.bytes) + [UInt8(ascii: " ")]
                            + spacesMarked(right.bytes)))
            default:
                throw fault(
                    .wrongKind(found: element.kindName, expected: "a string or an array of two"))
            }
        }
        return result
    }

    /// A space inside a part would look like the separator: it becomes `Ġ` (U+0120).
    private static func spacesMarked(_ part: [UInt8]) -> [UInt8] {
        guard part.contains(UInt8(ascii: " ")) else { return part }
        return part.flatMap { $0 == UInt8(ascii: " ") ? [0xC4, 0xA0] : [$0] }
    }

    private static func unigram(_ json: JSONReader) throws(TokenizationError) -> Unigram {
        var pieces: [(token: ByteString, score: Float)] = []
        for element in try json.member("vocab", "an array of tokens and scores").elements() {
            let pair = try element.elements()
            guard pair.count == 2 else {
                throw element.fault(
                    .wrongKind(found: "\(pair.count) elements", expected: "a token and a score"))
            }
            pieces.append((try pair[0].bytes(), Float(try pair[1].double())))
        }
        return Unigram(
            vocabulary: pieces, unknownID: try json.optional("unk_id")?.integer(),
            byteFallback: try json.flag("byte_fallback", default: false))
    }
}
