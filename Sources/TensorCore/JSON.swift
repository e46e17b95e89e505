/// A JSON value that keeps what model files need: member order, integers apart from reals, and
/// strings as bytes (see `ByteString`).
public indirect enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction or exponent that fits.
    case integer(Int)
    case real(Double)
    case string(ByteString)
    case array([JSON])
    /// Members in file order; a key that stands twice is an error of the parser.
    case object([Member])

    /// A member of an object.
    public struct Member: Hashable, Sendable {
        /// The key.
        public let key: ByteString
        /// The value.
        public let value: JSON

        /// Creates a member.
        public init(key: ByteString, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// The member called `key`, when this is an object that has one.
    ///
    /// O(member count).
    public subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        let name = ByteString(key)
        return members.first { $0.key == name }?.value
    }

    /// The integer; reals with an integral value that fits count too.
    public var integer: Int? {
        switch self {
        case .integer(let value): value
        case .real(let value): Int(exactly: value)
        default: nil
        }
    }
    /// The number as a double.
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }
    /// The Boolean.
    public var boolean: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The string's bytes.
    public var bytes: ByteString? { if case .string(let value) = self { value } else { nil } }
    /// The string as text.
    public var text: String? { bytes?.description }
    /// The elements of an array.
    public var array: [JSON]? { if case .array(let values) = self { values } else { nil } }
    /// The members of an object, in file order.
    public var members: [Member]? { if case .object(let members) = self { members } else { nil } }
    /// Whether this is `null`.
    public var isNull: Bool { self == .null }
    /// What kind of value this is, for messages: `a string`.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a Boolean"
        case .integer: "an integer"
        case .real: "a real number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// A fault in a JSON text.
public struct JSONError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Hashable, Sendable {
        /// The text ends inside a value.
        case unexpectedEnd
        /// This byte cannot stand here.
        case unexpectedByte(UInt8, expected: String)
        /// More than `limit` arrays and objects inside each other.
        case tooDeep(limit: Int)
        /// A member's key stands twice in one object.
        case duplicateKey(String)
        /// The bytes of a string are not UTF-8 or an escape names no character.
        case invalidString(String)
        /// A number that cannot be read.
        case invalidNumber(String)
    }

    /// What is wrong.
    public let kind: Kind
    /// Where, counted in bytes from the start of the text.
    public let offset: Int
    /// The file that holds the text.
    public var file: String?

    /// The place in it.
    public var place: String? { "byte \(offset)" }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .unexpectedEnd: "the JSON text ends too early"
        case .unexpectedByte(let byte, let expected):
            "found \(JSONError.name(byte)), expected \(expected)"
        case .tooDeep(let limit): "values are nested deeper than \(limit) levels"
        case .duplicateKey(let key): "the key \"\(key)\" stands twice in one object"
        case .invalidString(let what): "invalid string: \(what)"
        case .invalidNumber(let text): "invalid number \(text)"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .unexpectedEnd: "The file is incomplete; fetch it again."
        case .unexpectedByte(UInt8(ascii: "/"), _), .unexpectedByte(UInt8(ascii: "#"), _):
            "JSON has no comments; remove it."
        case .unexpectedByte(UInt8(ascii: "}"), "a key"),
            .unexpectedByte(UInt8(ascii: "]"), "a value"):
            "Remove the comma before it."
        case .duplicateKey: "Remove one of the two."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }

    private static func name(_ byte: UInt8) -> String {
        (0x21...0x7E).contains(byte)
            ? "'\(Character(UnicodeScalar(byte)))'" : "byte 0x" + String(byte, radix: 16)
    }
}
