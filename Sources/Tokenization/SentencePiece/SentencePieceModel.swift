public import TensorCore

/// A SentencePiece model file (`tokenizer.model`), as far as tokenization needs it.
///
/// Field numbers as in `sentencepiece_model.proto` of the SentencePiece project; fields that are
/// not named there or here are skipped.
public struct SentencePieceModel: Sendable, Equatable {
    /// The algorithm, `trainer_spec.model_type`.
    public enum Algorithm: Int, Sendable {
        case unigram = 1
        case bpe = 2
        case word = 3
        case character = 4
    }

    /// The type of a piece; the raw values are those of the file.
    public enum PieceType: Int, Sendable {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    /// One piece.
    public struct Piece: Sendable, Equatable {
        /// The text, with `▁` for a space.
        public var text: ByteString
        /// The score: higher is preferred.
        public var score: Float
        /// The type.
        public var type: PieceType
    }

    /// The names that the file has in model directories.
    static let fileNames = ["tokenizer.model", "spiece.model"]

    /// The pieces in id order.
    public var pieces: [Piece] = []
    /// The algorithm.
    public var algorithm = Algorithm.unigram
    /// Whether unknown characters become byte pieces.
    public var byteFallback = false
    /// Whether a space goes in front of the text.
    public var addDummyPrefix = true
    /// Whether runs of spaces become one.
    public var removeExtraWhitespaces = true
    /// Whether the mark of a space goes after a word and not before it.
    public var treatsWhitespaceAsSuffix = false
    /// Whether spaces become `▁`.
    public var escapeWhitespaces = true
    /// The compiled normalization map.
    public var precompiledCharsmap: [UInt8] = []
    /// The file.
    public let file: String

    /// Reads the file at `path`.
    public init(path: String) throws {
        try self.init(bytes: try InputFile.contents(path: path, limit: 1 << 28), file: path)
    }

    /// Reads a file's contents.
    ///
    /// Time and memory are linear in their length.
    public init(bytes: [UInt8], file: String) throws(TokenizationError) {
        self.file = file
        var reader = ProtobufReader(bytes: bytes, range: 0..<bytes.count, file: file)
        while let (number, value) = try reader.next() {
            guard (1...3).contains(number) else { continue }
            guard case .bytes(let range) = value else {
                throw reader.fault("field \(number) is not a message")
            }
            let message = ProtobufReader(bytes: bytes, range: range, file: file)
            switch number {
            case 1:
                guard pieces.count < Vocabulary.tokenCountLimit else {
                    throw TokenizationError(
                        .countOutOfRange(
                            found: pieces.count + 1, limit: Vocabulary.tokenCountLimit),
                        file: file, place: "pieces")
                }
                pieces.append(try SentencePieceModel.piece(message))
            case 2: try readTrainer(message)
            default: try readNormalizer(message)
            }
        }
        guard !pieces.isEmpty else {
            throw TokenizationError(.missing("pieces"), file: file, place: "pieces")
        }
    }

    private static func piece(_ message: ProtobufReader) throws(TokenizationError) -> Piece {
        var message = message
        var piece = Piece(text: "", score: 0, type: .normal)
        while let (number, value) = try message.next() {
            switch (number, value) {
            case (1, .bytes(let range)): piece.text = ByteString(message.bytes[range])
            case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .varint(let raw)):
                guard let type = Int(exactly: raw).flatMap({ PieceType(rawValue: $0) }) else {
                    throw message.fault("piece type \(raw)")
                }
                piece.type = type
            case (1...3, _): throw message.fault("field \(number) of a piece has another wire type")
            default: break
            }
        }
        return piece
    }

    private mutating func readTrainer(_ message: ProtobufReader) throws(TokenizationError) {
        var message = message
        while let (number, value) = try message.next() {
            switch (number, value) {
            case (3, .varint(let raw)):
                guard let kind = Int(exactly: raw).flatMap({ Algorithm(rawValue: $0) }) else {
                    throw message.fault("model type \(raw)")
                }
                algorithm = kind
            case (24, .varint(let raw)): treatsWhitespaceAsSuffix = raw != 0
            case (35, .varint(let raw)): byteFallback = raw != 0
            case (3, _), (24, _), (35, _):
                throw message.fault("field \(number) of the trainer has another wire type")
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ message: ProtobufReader) throws(TokenizationError) {
        var message = message
        while let (number, value) = try message.next() {
            switch (number, value) {
            case (2, .bytes(let range)): precompiledCharsmap = Array(message.bytes[range])
            case (3, .varint(let raw)): addDummyPrefix = raw != 0
            case (4, .varint(let raw)): removeExtraWhitespaces = raw != 0
            case (5, .varint(let raw)): escapeWhitespaces = raw != 0
            case (2...5, _):
                throw message.fault("field \(number) of the normalizer has another wire type")
            default: break
            }
        }
    }
}
