public import TensorCore

/// Metadata from which no decoder can be described.
public struct DecoderDescriptionError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// The architecture cannot be run.
        case unknownArchitecture(String)
        /// A key that must be there is not.
        case missingKey
        /// A key's value makes no sense.
        case invalidValue(found: String, expected: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The model.
    public let path: String
    /// The metadata key.
    public let key: String

    init(_ kind: Kind, path: String, key: String) {
        self.kind = kind
        self.path = path
        self.key = key
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// The place inside the file.
    public var place: String? { key }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .unknownArchitecture(let name):
            "architecture \"\(name)\" found, expected "
                + DecoderDescription.architectures.summary(near: name)
        case .missingKey: "the metadata key is missing"
        case .invalidValue(let found, let expected): "\(found) found, expected \(expected)"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        if case .unknownArchitecture = kind {
            return "It can be quantized, but not run: leave out what needs its logits."
        }
        return nil
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }
}
