public import TensorCore

/// A fault in a template, or one that came up while it was rendered.
public struct TemplateError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Hashable, Sendable {
        /// The text is no Jinja template.
        case syntax(String)
        /// A value has no such use: what jinja2 and Python raise as `TypeError` and the like.
        case value(String)
        /// Something undefined was used.
        case undefined(String)
        /// The sandbox forbids it.
        case unsafe(String)
        /// The template called `raise_exception` with this message.
        case raised(String)
        /// The template asked for more than a limit allows.
        case limit(String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The name of the template, as `Template` was given it.
    public var file: String?
    /// The line in it, counted from 1; `nil` when no line is to blame.
    public var line: Int?

    init(_ kind: Kind, file: String? = nil, line: Int? = nil) {
        self.kind = kind
        self.file = file
        self.line = line
    }

    /// The line.
    public var place: String? { line.map { "line \($0)" } }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .syntax(let text), .value(let text), .undefined(let text), .unsafe(let text): text
        case .raised(let text): "the template refuses: \(text)"
        case .limit(let text): text
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .limit: "Use another template (--chat-template-file)."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }
}

/// Shorthands for the faults that values raise.
extension TemplateError {
    static func type(_ text: String) -> TemplateError { TemplateError(.value(text)) }
    static func limit(_ text: String) -> TemplateError { TemplateError(.limit(text)) }
}

/// How much a template may take.
///
/// A template comes with a model file and is as little to be trusted as its tensors.
public struct TemplateLimits: Sendable, Hashable {
    /// The longest template, in bytes.
    public var sourceByteCount = 1 << 20
    /// Steps of work.
    ///
    /// One for every expression and statement that is run, more for operations on long values; 50
    /// millions take some seconds.
    public var stepCount = 50_000_000
    /// Words of four bytes in all strings and lists that are made, whether they live on or not.
    public var wordCount = 1 << 27
    /// Scalars of the output.
    public var outputCount = 1 << 25
    /// How deep expressions, statements, macros and values may stand in each other.
    public var depth = 200

    /// Creates the usual limits.
    public init() {}
}
