public import TensorCore

/// What Ollama builds a model from: a text of instructions, one after the other.
///
/// Two are equal when they have the same instructions, wherever these stand.
public struct Modelfile: Sendable {
    /// One instruction.
    public enum Instruction: Sendable, Hashable {
        /// The model: a path, or a name in a registry.
        case from(String)
        /// A setting and its value; those of several values stand once for each.
        case parameter(name: String, value: String)
        /// A template in Go's language.
        case template(String)
        /// What the model is told first.
        case system(String)
        /// The path of weights that are added to the model's.
        case adapter(String)
        /// A license's text.
        case license(String)
        /// A message that every conversation begins with.
        case message(role: String, content: String)
        /// The least version of Ollama.
        case requires(String)
        /// The name of what renders prompts in Ollama in place of a template.
        case renderer(String)
        /// The name of what reads answers in Ollama.
        case parser(String)
        /// The path of a smaller model that guesses tokens ahead.
        case draft(String)
    }

    /// The instructions in order.
    public var instructions: [Instruction] { entries.map(\.instruction) }

    /// An instruction where it stands.
    public struct Entry: Sendable {
        /// The instruction.
        public let instruction: Instruction
        /// The line that it begins in, from 1; 0 where it was not read.
        public let line: Int
    }

    /// The instructions with their lines.
    public let entries: [Entry]

    /// Instructions that were not read from a text.
    public init(_ instructions: [Instruction]) {
        entries = instructions.map { Entry(instruction: $0, line: 0) }
    }

    init(entries: [Entry]) { self.entries = entries }

    // MARK: What they say

    /// The model; the last word of it counts, as of all that stands once.
    public var from: String? { last { if case .from(let path) = $0 { path } else { nil } } }
    /// What the model is told first.
    public var system: String? { last { if case .system(let text) = $0 { text } else { nil } } }
    /// The template in Go's language.
    public var template: String? { last { if case .template(let text) = $0 { text } else { nil } } }
    /// The licenses.
    public var licenses: [String] {
        instructions.compactMap { if case .license(let text) = $0 { text } else { nil } }
    }
    /// The messages that every conversation begins with.
    public var messages: [(role: String, content: String)] {
        instructions.compactMap {
            if case .message(let role, let content) = $0 { (role, content) } else { nil }
        }
    }

    private func last(_ pick: (Instruction) -> String?) -> String? {
        instructions.reversed().lazy.compactMap(pick).first
    }
}

extension Modelfile: Hashable {
    /// Whether two have the same instructions.
    public static func == (left: Modelfile, right: Modelfile) -> Bool {
        left.instructions == right.instructions
    }

    /// Hashes the instructions.
    public func hash(into hasher: inout Hasher) { hasher.combine(instructions) }
}

extension Modelfile.Instruction {
    /// The words that begin instructions.
    static let words = [
        "FROM", "PARAMETER", "TEMPLATE", "SYSTEM", "ADAPTER", "LICENSE", "MESSAGE", "REQUIRES",
        "RENDERER", "PARSER", "DRAFT",
    ]
    /// Who may say a message.
    static let roles = ["system", "user", "assistant"]

    /// The word that begins it.
    var word: String {
        switch self {
        case .from: "FROM"
        case .parameter: "PARAMETER"
        case .template: "TEMPLATE"
        case .system: "SYSTEM"
        case .adapter: "ADAPTER"
        case .license: "LICENSE"
        case .message: "MESSAGE"
        case .requires: "REQUIRES"
        case .renderer: "RENDERER"
        case .parser: "PARSER"
        case .draft: "DRAFT"
        }
    }
}

/// A fault in a Modelfile.
public struct ModelfileError: IngotError, Hashable {
    /// The file.
    public var file: String?
    /// The line, from 1; 0 for none.
    public let line: Int
    /// What was found and what was expected.
    public let problem: String
    /// What to do.
    public let remedy: String?
    /// Where the fault is.
    public var place: String? { line > 0 ? "line \(line)" : nil }
    /// How a command ends.
    public var exitCode: ExitCode { .badData }

    /// A fault in a line.
    public init(file: String? = nil, line: Int, problem: String, remedy: String? = nil) {
        self.file = file
        self.line = line
        self.problem = problem
        self.remedy = remedy
    }
}
