public import TensorCore

/// A fault in a grammar or a schema.
public struct GrammarError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Hashable, Sendable {
        /// The text is no grammar.
        case syntax(String)
        /// A rule is used and not defined.
        case undefinedRule(String)
        /// A rule begins with itself, which no text could begin.
        case leftRecursion(String)
        /// A schema's keyword that cannot be kept, with the reason.
        case keyword(String, String)
        /// The grammar is larger than a limit.
        case tooLarge(String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The file that holds the grammar.
    public var file: String?
    /// The place in it: a line, or a path into a schema.
    public var place: String?

    init(_ kind: Kind, place: String? = nil) {
        self.kind = kind
        self.place = place
    }

    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .syntax(let text), .tooLarge(let text): text
        case .undefinedRule(let name): "the rule \(name) is used and not defined"
        case .leftRecursion(let name): "the rule \(name) begins with itself"
        case .keyword(let name, let reason): "\(name): \(reason)"
        }
    }
    /// What the user can do about it.
    public var remedy: String? { nil }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }
}
