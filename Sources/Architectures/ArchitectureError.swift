public import TensorCore

/// Why a model's configuration cannot be understood.
public struct ArchitectureError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// `config.json` does not say which model class the checkpoint is of.
        case missingArchitecture
        /// No family has this model class.
        case unknownArchitecture(String, supported: [String])
        /// A draft model whose target is not named.
        case missingTarget
        /// A key that must be there is not.
        case missingKey
        /// A value of another type or range than the key wants.
        case invalidValue(found: String, expected: String)
        /// The number of layers is zero, negative or beyond belief.
        case layerCountOutOfRange(found: Int, limit: Int)
        /// The number of heads is zero or negative.
        case invalidHeadCount(Int)
        /// Query heads cannot be shared out evenly among the key-value heads.
        case unevenHeadGroups(heads: Int, keyValueHeads: Int)
        /// The hidden size is no multiple of the number of heads, and no head size is given.
        case unevenHeads(hiddenSize: Int, heads: Int)
        /// Rotary embedding turns pairs of values, so a head cannot have an odd size.
        case oddHeadSize(Int)
        /// A way of stretching the rotary embedding that this family cannot express.
        case unsupportedRotaryScaling(String, supported: [String])
        /// An option that GGUF files of this architecture have no key for.
        case notExpressible(found: String, expected: String, architecture: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The configuration file.
    public let path: String
    /// The configuration key.
    public let key: String?

    /// Creates an error about a key of the configuration at `path`.
    public init(_ kind: Kind, path: String, key: String? = nil) {
        self.kind = kind
        self.path = path
        self.key = key
    }

    /// The configuration file.
    public var file: String? { path }
    /// The configuration key.
    public var place: String? { key }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .missingArchitecture: "the key is missing, expected a list with a model class"
        case .unknownArchitecture(let name, let supported):
            "the model class \(name) is not supported, expected "
                + supported.summary(near: name)
        case .missingTarget:
            "this model drafts for another, whose tokenizer and sizes it shares"
        case .missingKey: "the key is missing"
        case .invalidValue(let found, let expected): "found \(found), expected \(expected)"
        case .layerCountOutOfRange(let found, let limit):
            "\(found) layers found, expected 1 to \(limit)"
        case .invalidHeadCount(let count): "\(count) heads found, expected at least 1"
        case .unevenHeadGroups(let heads, let keyValueHeads):
            "\(heads) heads found, expected a multiple of the \(keyValueHeads) key-value heads"
        case .unevenHeads(let hiddenSize, let heads):
            "hidden size \(hiddenSize) found, expected a multiple of the \(heads) heads"
        case .oddHeadSize(let size): "a head size of \(size) found, expected an even number"
        case .unsupportedRotaryScaling(let type, let supported):
            "the rotary scaling \"\(type)\" is not supported in this family; supported are "
                + supported.joined(separator: ", ")
        case .notExpressible(let found, let expected, let architecture):
            "\(found) found; GGUF's \(architecture) has no key for it and means \(expected)"
        }
    }
    /// What the user can do.
    public var remedy: String? {
        switch kind {
        case .missingArchitecture:
            "Name the directory of a complete checkpoint, not of an adapter."
        case .missingTarget: "Name that model's directory: --target-model-dir DIR."
        case .missingKey: "The configuration is incomplete; fetch it again."
        default: nil
        }
    }
    /// Always bad data.
    public var exitCode: ExitCode { .badData }
}
