public import TensorCore

/// Why no formats can be chosen.
public struct AllocationError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// Even the smallest mixture is larger than asked for.
        case tooSmall(byteCount: Int, least: Int)
        /// The source is no larger than asked for.
        case tooLarge(byteCount: Int, most: Int)
        /// Options leave no tensor to choose a format for.
        case nothingToChoose
        /// A text has too few tokens to measure on.
        case textTooShort(tokens: Int, needed: Int)
        /// A divergence is asked for and there is nothing to measure it with.
        case notMeasurable(reason: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The model or the text.
    public let path: String

    /// Creates an error about `path`.
    public init(_ kind: Kind, path: String) {
        self.kind = kind
        self.path = path
    }

    /// The model or the text.
    public var file: String? { path }
    /// None: it is about the whole.
    public var place: String? { nil }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .tooSmall(let byteCount, let least):
            "a file of \(byteCount) bytes is asked for, the smallest mixture has \(least) bytes"
        case .tooLarge(let byteCount, let most):
            "a file of \(byteCount) bytes is asked for, and nothing is lost at \(most) bytes already"
        case .nothingToChoose: "no tensor is left to choose a format for"
        case .textTooShort(let tokens, let needed):
            "\(tokens) tokens found, expected at least \(needed)"
        case .notMeasurable(let reason): "divergence cannot be measured: \(reason)"
        }
    }
    /// What to do about it.
    public var remedy: String? {
        switch kind {
        case .tooSmall:
            "Ask for more, leave --min-type or formats named by options out, or pass an importance"
                + " matrix, which the smallest formats need."
        case .tooLarge: "Name a smaller target, or copy the file."
        case .nothingToChoose: "Leave options out that name formats."
        case .textTooShort: "Use a longer text."
        case .notMeasurable: "Use --target-size or --target-bpw."
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .tooSmall, .tooLarge, .nothingToChoose: .usage
        case .textTooShort, .notMeasurable: .badData
        }
    }
}
