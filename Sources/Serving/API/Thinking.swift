import TensorCore
import Templates

/// Whether a model is to think before it answers, as Ollama's `think` asks for it.
enum Thinking: Sendable, Hashable {
    /// As the model's chat template has it.
    case usual
    case off
    case on
    /// On, with this effort.
    case effort(String)

    private static let efforts = ["low", "medium", "high"]

    /// Reads the member `think`; what the template has no variable for is refused.
    init(_ json: JSON?, template: String) throws(APIError) {
        guard let json else {
            self = .usual
            return
        }
        if let thinks = json.boolean {
            self = thinks ? .on : .off
            let variables = ["enable_thinking", "thinking", ThoughtSplitter.closing]
            guard !thinks || variables.contains(where: template.contains) else {
                throw .field("think", "the model's chat template does not know it")
            }
            return
        }
        guard let text = json.text, Self.efforts.contains(text) else {
            throw .field(
                "think",
                "\(json.text.map { "\"\($0)\"" } ?? json.kindName) found, expected true, false, low,"
                    + " medium or high")
        }
        guard template.contains("reasoning_effort") else {
            throw .field("think", "the model's chat template does not know \"\(text)\"")
        }
        self = .effort(text)
    }

    /// Tells the template.
    func prepare(_ conversation: inout Conversation) {
        switch self {
        case .usual: break
        case .on, .off:
            // The names that templates have for it.
            for name in ["enable_thinking", "thinking"] {
                conversation.options.variables[name] = .bool(self == .on)
            }
        case .effort(let text): conversation.options.variables["reasoning_effort"] = .text(text)
        }
    }
}
