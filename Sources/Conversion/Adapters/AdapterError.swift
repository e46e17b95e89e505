public import TensorCore

/// Why an adapter (LoRA) cannot be converted, merged or written back.
public struct AdapterError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// A value of `adapter_config.json` of another type or range than the key wants.
        case invalidValue(found: String, expected: String)
        /// A kind of adapter that no GGUF file holds.
        case unsupported(found: String, remedy: String?)
        /// The directory has no weights that are read.
        case noWeights(pickled: Bool)
        /// The model that the adapter changes is not on this machine.
        case noBase(id: String?)
        /// One of the two factors of a change is not there.
        case missingFactor(String)
        /// Factors whose shapes do not go together, or not with the model.
        case shape(found: String, expected: String)
        /// A tensor that is whole, not a change of low rank.
        case wholeTensor
        /// A change to a tensor that the model does not have.
        case unknownModule
        /// A change that is not of low rank once the tensors are as a GGUF file has them.
        case inexpressible(String)
        /// Nothing in the adapter changes the language model.
        case empty
        /// A GGUF file that is no adapter, or one that cannot be written back.
        case notExportable(String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The file or directory.
    public let path: String
    /// The tensor or key.
    public let place: String?

    /// Creates an error about `path`.
    public init(_ kind: Kind, path: String, place: String? = nil) {
        self.kind = kind
        self.path = path
        self.place = place
    }

    /// The file or directory.
    public var file: String? { path }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .invalidValue(let found, let expected): "found \(found), expected \(expected)"
        case .unsupported(let found, _): "\(found), which no GGUF adapter holds"
        case .noWeights(true):
            "only adapter_model.bin found: reading a pickle can run any program that its author put "
                + "in, so it is not read"
        case .noWeights(false): "adapter_model.safetensors is missing"
        case .noBase(let id):
            "the base model" + (id.map { " (\($0))" } ?? "")
                + " is not on this machine, expected a directory with its config.json"
        case .missingFactor(let name): "it needs \(name), which is missing"
        case .shape(let found, let expected): "shape \(found) found, expected \(expected)"
        case .wholeTensor:
            "a whole tensor found, expected a change of low rank (lora_A and lora_B)"
        case .unknownModule: "the base model has no such tensor"
        case .inexpressible(let what): what
        case .empty: "the adapter changes no tensor of the language model"
        case .notExportable(let what): what
        }
    }
    /// What the user can do.
    public var remedy: String? {
        switch kind {
        case .unsupported(_, let remedy): remedy
        case .noWeights(true):
            "Fetch adapter_model.safetensors, or, if you trust its author, make it with PEFT: load "
                + "the adapter and save it with safe_serialization=True."
        case .noWeights(false), .missingFactor:
            "The adapter is incomplete; fetch all of its files again."
        case .noBase(let id):
            "Name its directory with --base; to fetch it from the hub: hf download "
                + "\(id ?? "OWNER/NAME") --local-dir base."
        case .wholeTensor, .inexpressible:
            "A model with the adapter merged in holds it: use --merge."
        case .unknownModule, .shape: "Name the model that it was trained on with --base."
        default: nil
        }
    }
    /// Always bad data.
    public var exitCode: ExitCode { .badData }
}
