public import TensorCore

/// A fault in a GGUF file.
public struct GGUFError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// The first four bytes are not `GGUF`.
        case notGGUF(found: [UInt8])
        /// A version that this reader does not know.
        case unsupportedVersion(UInt32)
        /// The file is of the other byte order.
        case bigEndian
        /// The header goes on past the end of the file.
        case truncated(what: String, needed: UInt64, available: Int)
        /// A count or length that the file cannot hold.
        case countTooLarge(what: String, found: UInt64, limit: Int)
        /// A metadata type number that GGUF does not define.
        case unknownMetadataType(UInt32)
        /// An array of arrays, which no reader accepts.
        case nestedArray
        /// A tensor type number that is not known.
        case unknownTensorType(UInt32)
        /// Bytes that should be text are not UTF-8.
        case invalidText(what: String)
        /// A key or tensor name that stands twice.
        case duplicate(what: String, name: String)
        /// Something that readers end on and that an edit can mend.
        case mendable(what: String, found: String, expected: String, remedy: String)
        /// A metadata key that must be there is not.
        case missingKey(String)
        /// A metadata value of another type or range than the key wants.
        case invalidValue(key: String, found: String, expected: String)
        /// The dimensions of a tensor are impossible.
        case invalidShape(found: String, expected: String)
        /// The data of a tensor lies outside the file or on another tensor's.
        case invalidDataRange(found: String, expected: String)
        /// A shard of a split model is missing or does not belong.
        case invalidSplit(found: String, expected: String)
        /// Parts of a split model are not there.
        case missingParts([String], count: Int)
        /// A part of a split model that is not the first, whose path is told where its name is known.
        case notFirstPart(number: Int, count: Int, first: String?)
        /// An importance matrix of another model.
        case otherModel(found: String, expected: String)
        /// A tensor cannot be decoded: its format is only carried along.
        case undecodable(format: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The file.
    public let path: String
    /// Where: `byte 24`, a key or a tensor name.
    public let place: String?

    /// Creates an error about `path`.
    public init(_ kind: Kind, path: String, place: String? = nil) {
        self.kind = kind
        self.path = path
        self.place = place
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .notGGUF(let found):
            "is not a GGUF file: it starts with \(GGUFError.show(found)), expected \"GGUF\""
        case .unsupportedVersion(let version): "GGUF version \(version) found, expected 2 or 3"
        case .bigEndian: "big-endian GGUF file found, expected little-endian"
        case .truncated(let what, let needed, let available):
            "file ends too early: \(what) needs \(needed) bytes, \(available) are left"
        case .countTooLarge(let what, let found, let limit):
            "\(found) \(what) found, at most \(limit) expected"
        case .unknownMetadataType(let type): "metadata type \(type) found, expected 0 to 12"
        case .nestedArray: "an array of arrays found, expected an array of plain values"
        case .unknownTensorType(let type): "tensor type \(type) is not known"
        case .invalidText(let what): "\(what) is not UTF-8 text"
        case .duplicate(let what, let name): "the \(what) \"\(name)\" stands twice"
        case .mendable(let what, let found, let expected, _):
            "\(what) of \(found) found, expected \(expected)"
        case .missingKey(let key): "the metadata key \(key) is missing"
        case .invalidValue(let key, let found, let expected):
            "\(key) is \(found), expected \(expected)"
        case .invalidShape(let found, let expected),
            .invalidDataRange(let found, let expected),
            .invalidSplit(let found, let expected), .otherModel(let found, let expected):
            "\(found) found, expected \(expected)"
        case .missingParts(let paths, let count):
            "the first of \(count) parts found, expected beside it "
                + paths.prefix(3).joined(separator: ", ")
                + (paths.count > 3 ? " and \(paths.count - 3) more" : "")
        case .notFirstPart(let number, let count, _):
            "part \(number) of \(count) of a split model found, expected the first"
        case .undecodable(let format): "values of format \(format) cannot be decoded"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .truncated, .invalidDataRange:
            path.hasSuffix(".gguf")
                ? "The file is damaged or incomplete; fetch it again."
                : "The file is damaged or incomplete; fetch it again, and join it where it came in"
                    + " pieces: cat PIECES > MODEL.gguf."
        case .mendable(_, _, _, let remedy): remedy
        case .notGGUF(let found): GGUFError.remedy(forStart: found)
        case .unsupportedVersion: "Convert the model again with a current tool."
        case .unknownTensorType: "A newer version of Ingot may know it."
        case .notFirstPart(_, _, let first):
            first.map { "Name \($0): the other parts are found beside it." }
                ?? "Name the file that ends in -00001-of-….gguf."
        case .otherModel: "Take the importance matrix that was made from this model."
        case .invalidSplit, .missingParts:
            "Put all shards of the model in one folder under their own names."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }

    /// What to do about a file that starts otherwise.
    private static func remedy(forStart bytes: [UInt8]) -> String? {
        if bytes == Array("vers".utf8) {
            return "A Git LFS pointer starts so: fetch the file itself (git lfs pull)."
        }
        let compressed: [[UInt8]] = [
            [0x1F, 0x8B], [0x28, 0xB5, 0x2F, 0xFD], [0xFD, 0x37, 0x7A, 0x58], Array("PK".utf8),
        ]
        return compressed.contains { bytes.starts(with: $0) }
            ? "Compressed files start so: decompress it first." : nil
    }

    private static func show(_ bytes: [UInt8]) -> String {
        bytes.allSatisfy { (0x20...0x7E).contains($0) }
            ? "\"\(String(decoding: bytes, as: UTF8.self))\""
            : "bytes " + bytes.map { String($0, radix: 16) }.joined(separator: " ")
    }
}
