public import TensorCore

/// Why a plan cannot be made.
public struct PlanningError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// A number outside the range that makes sense.
        case outOfRange(found: String, expected: String)
        /// A number of bytes beyond what this machine can count.
        case tooLarge
        /// A format that keys or values cannot be kept in.
        case cacheFormat(found: String, expected: String)
        /// Rows of keys or values that are no whole blocks of the format.
        case cacheRow(format: String, length: Int, block: Int)
        /// A key of the metadata or of the hardware table that is missing.
        case missingKey
        /// A value that makes no sense.
        case invalidValue(found: String, expected: String)
        /// A device that the table does not have.
        case unknownDevice(name: String, nearest: [String])
        /// A type of a file that is planned from another.
        case type(String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The file, where one is involved.
    public let file: String?
    /// The option, key or tensor.
    public let place: String?

    /// Describes a fault.
    public init(_ kind: Kind, file: String? = nil, place: String? = nil) {
        self.kind = kind
        self.file = file
        self.place = place
    }

    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .outOfRange(let found, let expected), .invalidValue(let found, let expected):
            "\(found) found, expected \(expected)"
        case .tooLarge: "more bytes than 9.2 exabytes found, expected a number that can be counted"
        case .cacheFormat(let found, let expected):
            "keys or values as \(found) asked for, expected \(expected)"
        case .cacheRow(let format, let length, let block):
            "rows of \(length) numbers found, expected whole \(format) blocks of \(block)"
        case .missingKey: "the key is missing"
        case .unknownDevice(let name, _): "no device called \(name) is in the table"
        case .type(let text): text
        }
    }

    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .tooLarge: "Ask for a shorter context or fewer slots"
        case .cacheRow: "Choose f16 for --cache-type-k and --cache-type-v"
        case .unknownDevice(_, let nearest):
            nearest.isEmpty
                ? "--list-hardware shows those that are"
                : "Did you mean \(nearest.joined(separator: " or "))? --list-hardware shows all"
        default: nil
        }
    }

    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .outOfRange, .cacheFormat, .unknownDevice, .cacheRow, .tooLarge: .usage
        case .missingKey, .invalidValue, .type: .badData
        }
    }
}
