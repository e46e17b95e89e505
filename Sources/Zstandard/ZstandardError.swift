public import TensorCore

/// A compressed stream that cannot be read or written.
public struct ZstandardError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// The bytes are not a Zstandard stream, or were changed.
        case damaged(message: String)
        /// The file ends inside a compressed frame.
        case truncated
        /// The library did not do what was asked.
        case library(message: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The file.
    public let path: String

    /// Creates an error about the file at `path`.
    public init(_ kind: Kind, path: String) {
        self.kind = kind
        self.path = path
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// The place in it.
    public var place: String? { nil }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .damaged(let message): "not a sound Zstandard stream: \(message)"
        case .truncated: "the compressed data end too early"
        case .library(let message): "compression failed: \(message)"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .damaged, .truncated: "The file is damaged or incomplete; fetch it again."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        if case .library = kind { return .inputOutput }
        return .badData
    }
}
