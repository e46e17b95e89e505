public import TensorCore

/// Why texts cannot be calibrated on.
public struct CalibrationTextError: IngotError, Hashable {
    /// What is wrong.
    public enum Kind: Sendable, Hashable {
        /// A line of the built-in texts is no document.
        case damagedMix(line: Int)
        /// The texts do not fill one row.
        case tooShort(tokens: Int, rowLength: Int)
    }

    /// What is wrong.
    public let kind: Kind
    /// The text's name.
    public let path: String?

    /// Creates an error.
    public init(_ kind: Kind, path: String?) {
        self.kind = kind
        self.path = path
    }

    /// The text's name.
    public var file: String? { path }
    /// The place in it.
    public var place: String? {
        if case .damagedMix(let line) = kind { "document \(line)" } else { nil }
    }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .damagedMix: "expected an object with name, kind, language, use and text or messages"
        case .tooShort(let tokens, let rowLength):
            "\(tokens) tokens found, expected at least \(rowLength) for one row"
        }
    }
    /// What to do.
    public var remedy: String? {
        switch kind {
        case .damagedMix: "Build the program anew"
        case .tooShort:
            "Give more text (some ten thousand words are good), or none for the built-in mix"
        }
    }
    /// How the process ends.
    public var exitCode: ExitCode { .badData }
}
