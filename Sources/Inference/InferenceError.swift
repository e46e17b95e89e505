public import TensorCore

/// A model that cannot be run, or a run that gives no numbers.
public struct InferenceError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// A tensor that the architecture needs is not there.
        case missingTensor(expected: String)
        /// A tensor has another shape than the metadata says.
        case shape(found: String, expected: String)
        /// A tensor is in a format that cannot be decoded.
        case undecodable(format: String)
        /// A token that the vocabulary does not have.
        case unknownToken(Int32, vocabularyCount: Int)
        /// More positions than the model, or the session, has room for.
        case tooManyPositions(Int, limit: Int)
        /// NaN or infinity.
        case notFinite(what: String)
        /// Two models do not have the same vocabulary.
        case vocabulariesDiffer(found: String, expected: String)
        /// An encoder is asked for what follows a text.
        case encoder(String)
        /// A classifier's head is asked for and not there.
        case noClassifier
        /// None of the libraries that multiply matrices can be loaded.
        case noMatrixProducts(tried: [String])
        /// Less address space than the library that multiplies matrices reserves.
        case addressSpace(needed: Int, left: Int, limit: String)
        /// Memory that the system did not give.
        case outOfMemory(byteCount: Int)
    }

    /// What is wrong.
    public let kind: Kind
    /// The model's file.
    public let path: String?
    /// The tensor or block.
    public let place: String?

    /// Creates an error about the model at `path`.
    public init(_ kind: Kind, path: String?, place: String? = nil) {
        self.kind = kind
        self.path = path
        self.place = place
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .missingTensor(let expected):
            "the tensor is missing, expected one of shape \(expected)"
        case .shape(let found, let expected):
            "shape \(found) found, the metadata say \(expected)"
        case .undecodable(let format): "values of format \(format) cannot be decoded"
        case .unknownToken(let token, let count):
            "token \(token) found, expected 0 to \(count - 1)"
        case .tooManyPositions(let count, let limit):
            "\(count) positions asked for, expected at most \(limit)"
        case .notFinite(let what): "NaN or infinity found in \(what), expected finite values"
        case .vocabulariesDiffer(let found, let expected):
            "\(found) found, expected \(expected) as in the base model"
        case .encoder(let architecture):
            "an encoder (\(architecture)) found, expected a model that continues texts"
        case .noClassifier: "no classifier found, expected tensors cls.output or cls for scores"
        case .noMatrixProducts(let tried):
            "no OpenBLAS to multiply matrices with, expected \(tried.joined(separator: " or "))"
        case .addressSpace(let needed, let left, let limit):
            "OpenBLAS reserves \(needed) bytes of address space for its threads, \(limit) leaves"
                + " \(left)"
        case .outOfMemory(let byteCount): "no memory for \(byteCount) bytes"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .notFinite: "The weights are damaged, or beyond the range of the format they came in."
        case .vocabulariesDiffer: "Compare a model with quantizations of itself."
        case .noMatrixProducts:
            "Install it: apt-get install libopenblas0, dnf install openblas, brew install openblas."
        case .addressSpace: "Raise the limit; what is reserved is hardly used."
        case .encoder: "It makes embeddings: ingot embed, ingot serve, ingot report."
        case .noClassifier: "Choose another pooling: mean, cls or last."
        case .outOfMemory: "Run fewer windows at a time."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .outOfMemory, .addressSpace, .noMatrixProducts: .inputOutput
        default: .badData
        }
    }
}
