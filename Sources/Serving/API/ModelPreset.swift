public import Modelfiles
import TensorCore
import Templates

/// What a Modelfile says of a model's answers, for requests that say nothing else.
public struct ModelPreset: Sendable {
    /// Options by Ollama's names.
    private(set) var options: [String: JSON] = [:]
    /// All parameters of the Modelfile, with or without an effect.
    private var parameters: [String: JSON] = [:]
    /// What the model is told first, where a conversation does not begin with it.
    public private(set) var system: String?
    /// The messages that every conversation begins with.
    private(set) var messages: [ChatMessage] = []
    /// The licenses' texts.
    private(set) var licenses: [String] = []
    /// Whether conversations are changed, which takes a chat template.
    public var changesConversations: Bool { system != nil || !messages.isEmpty }
    /// The text of the Modelfile.
    private(set) var text: String?
    /// The tokens that a slot has to have room for.
    public private(set) var contextLength: Int?
    /// The threads to run with.
    public private(set) var threadCount: Int?
    /// Sentences on what has no effect here.
    public private(set) var notes: [String] = []

    /// Changes nothing.
    public init() {}

    /// Reads what a Modelfile says.
    ///
    /// - Throws: `ModelfileError` with the line, for a parameter that is none or out of its range, and
    ///   for what would change answers and cannot be kept.
    public init(_ modelfile: Modelfile, path: String?) throws(ModelfileError) {
        var stops: [JSON] = []
        for entry in modelfile.entries {
            func fault(_ problem: String, _ remedy: String? = nil) -> ModelfileError {
                ModelfileError(file: path, line: entry.line, problem: problem, remedy: remedy)
            }
            switch entry.instruction {
            case .from, .requires: break
            case .parameter(let name, let value):
                guard name != "stop" else {
                    stops.append(.text(value))
                    continue
                }
                guard options[name] == nil else { throw fault("PARAMETER \(name) stands twice") }
                options[name] = try ModelPreset.value(name, value, fault)
            case .system(let text): system = text
            case .license(let text): licenses.append(text)
            case .message(let role, let content):
                messages.append(ChatMessage(role: role, content: content))
            case .adapter:
                throw fault("ADAPTER is not supported", "Merge the adapter into the model.")
            case .template:
                notes.append(
                    "line \(entry.line): TEMPLATE has no effect: the model's own chat template or"
                        + " --chat-template-file is used")
            case .renderer(let name), .parser(let name):
                notes.append("line \(entry.line): \(name) is a part of Ollama and has no effect")
            case .draft: notes.append("line \(entry.line): DRAFT has no effect")
            }
        }
        if !stops.isEmpty { options["stop"] = .array(stops) }
        try check(modelfile, path)
        parameters = options
        contextLength = options.removeValue(forKey: "num_ctx")?.integer
        if let count = options.removeValue(forKey: "num_thread")?.integer {
            if (1...1024).contains(count) {
                threadCount = count
            } else if count != 0 {
                notes.append("PARAMETER num_thread \(count) has no effect, expected 1 to 1024")
            }
        }
        for name in (OllamaOptions.harmlessNumbers + OllamaOptions.harmlessSwitches)
        where options.removeValue(forKey: name) != nil {
            notes.append("PARAMETER \(name) has no effect here")
        }
        text = try? modelfile.written()
    }

    /// Finds the first parameter that requests could not have either.
    private func check(_ modelfile: Modelfile, _ path: String?) throws(ModelfileError) {
        func fault(_ error: APIError) -> ModelfileError {
            let name = error.field?.split(separator: ".").dropFirst().first.map(String.init)
            let line = modelfile.entries.first { entry in
                if case .parameter(let found, _) = entry.instruction {
                    found == name
                } else {
                    false
                }
            }?.line
            return ModelfileError(
                file: path, line: line ?? 0, problem: "PARAMETER \(error.message.dropFirst(8))")
        }
        do throws(APIError) {
            var fields = try Fields(
                .object(options.map { JSON.Member(key: ByteString($0.key), value: $0.value) }),
                at: "options")
            _ = try OllamaOptions(&fields)
            var openAI = try Fields(.object([JSON.Member]()), at: "options")
            fill(openAI: &openAI)
            _ = try SamplingFields(openAI: &openAI, vocabularyCount: 0)
        } catch {
            throw fault(error)
        }
    }

    private static func value(
        _ name: String, _ text: String, _ fault: (String, String?) -> ModelfileError
    ) throws(ModelfileError) -> JSON {
        switch text {
        case "true": return true
        case "false": return false
        default: break
        }
        if let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else {
            throw fault("PARAMETER \(name): \"\(text)\" found, expected a number", nil)
        }
        return .real(number)
    }

    // MARK: Use

    /// Options that OpenAI's endpoints know by the same names.
    private static let shared = [
        "temperature", "top_k", "top_p", "min_p", "seed", "stop", "repeat_last_n",
        "presence_penalty", "frequency_penalty",
    ]

    /// Adds what a request's `options` do not say.
    func fill(ollama options: inout Fields) {
        for (name, value) in self.options where !options.has(name) { options.put(name, value) }
    }

    /// Adds what a request of OpenAI's endpoints does not say.
    func fill(openAI fields: inout Fields) {
        for name in Self.shared {
            if let value = options[name], !fields.has(name) { fields.put(name, value) }
        }
        if let value = options["repeat_penalty"],
            !fields.has("repeat_penalty"), !fields.has("repetition_penalty")
        {
            fields.put("repeat_penalty", value)
        }
        if let limit = options["num_predict"]?.integer, limit > 0,
            !fields.has("max_tokens"), !fields.has("max_completion_tokens")
        {
            fields.put("max_tokens", .integer(limit))
        }
    }

    /// The parameters as Ollama shows them, a line each.
    var parametersText: String {
        var lines: [String] = []
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
            for single in value.array ?? [value] {
                lines.append(
                    "\(name) \(String(decoding: single.writtenCompactly(), as: UTF8.self))")
            }
        }
        return lines.joined(separator: "\n")
    }
}
