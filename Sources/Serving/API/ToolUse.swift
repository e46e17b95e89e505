import Evaluation
import Grammars
import TensorCore
import Templates
import Tokenization

/// The tools that a request offers, and how the model calls them.
struct ToolUse: Sendable {
    /// Which tools are to be called.
    enum Choice: Sendable, Hashable {
        case none
        case auto
        case required
        case named(String)
    }

    /// A function that the model may call.
    struct Function: Sendable {
        var name: String
        var parameters: JSON
        /// Whether its arguments have to keep to the schema.
        var isStrict = false
    }

    let functions: [Function]
    let choice: Choice
    let format: ToolFormat
    /// Whether several may be called in one answer.
    let allowsSeveral: Bool
    /// The tools as the request has them.
    private let json: JSON
    /// Whether the model's template shows tools; else they stand in the first message.
    private let isInTemplate: Bool

    /// Reads the tools of a request; `nil` when it has none.
    ///
    /// - Parameter isOllama: Whether tools need not tell their type.
    init?(
        _ fields: inout Fields, _ served: ServedModel, isOllama: Bool = false
    ) throws(APIError) {
        let list = try fields.list("tools") ?? []
        let choice = fields.take("tool_choice")
        allowsSeveral = try fields.boolean("parallel_tool_calls") ?? true
        functions = try list.enumerated().map { index, json throws(APIError) in
            try ToolUse.function(json, "tools[\(index)]", needsType: !isOllama)
        }
        let names = functions.map(\.name)
        guard Set(names).count == names.count else {
            throw .field("tools", "two functions have the same name")
        }
        self.choice = try ToolUse.choice(choice, names)
        if names.isEmpty {
            guard self.choice == .auto || self.choice == .none else {
                throw .field("tool_choice", "expected only with tools")
            }
            return nil
        }
        json = .array(list)
        format = ToolFormat(template: served.templateSource ?? "")
        isInTemplate = served.templateSource?.contains("tools") == true
    }

    private static func function(
        _ json: JSON, _ path: String, needsType: Bool
    ) throws(APIError) -> Function {
        var tool = try Fields(json, at: path)
        let type = try tool.text("type")
        guard type ?? "function" == "function" else {
            throw .field("\(path).type", "expected \"function\"")
        }
        guard var function = try tool.fields("function") else {
            throw APIError.missing("\(path).function")
        }
        guard let name = try function.text("name") else {
            throw APIError.missing("\(path).function.name")
        }
        guard isPlain(name) else { throw .field("\(path).function.name", plainNames) }
        _ = try function.text("description")
        let isStrict = try function.boolean("strict") ?? false
        let parameters = function.take("parameters") ?? ["type": "object", "properties": [:]]
        guard parameters.members != nil else {
            throw .field(
                "\(path).function.parameters", "\(parameters.kindName) found, expected an object")
        }
        guard parameters["type"]?.text ?? "object" == "object" else {
            throw .field(
                "\(path).function.parameters", "arguments are an object: expected type \"object\"")
        }
        try SchemaForm.check(parameters, at: "\(path).function.parameters")
        try function.finish()
        tool.ignore(["cache_control"])
        try tool.finish()
        guard type != nil || !needsType else { throw APIError.missing("\(path).type") }
        return Function(name: name, parameters: parameters, isStrict: isStrict)
    }

    static let plainNames = "expected 1 to 64 letters, digits, underscores and hyphens"

    /// Whether a name can stand for a function or a schema.
    static func isPlain(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || $0 == 95 || $0 == 45 || $0 == 46
            }
    }

    private static func choice(_ json: JSON?, _ names: [String]) throws(APIError) -> Choice {
        guard let json else { return .auto }
        switch json.text {
        case "none"?: return .none
        case "auto"?: return .auto
        case "required"?, "any"?: return .required
        case let other?:
            throw .field(
                "tool_choice",
                "\"\(other)\" found, expected none, auto, required or {\"type\": \"function\", …}")
        case nil: break
        }
        var fields = try Fields(json, at: "tool_choice")
        guard try fields.text("type") == "function" else {
            throw .field("tool_choice.type", "expected \"function\"")
        }
        guard var function = try fields.fields("function"), let name = try function.text("name")
        else { throw APIError.missing("tool_choice.function.name") }
        guard names.contains(name) else {
            throw .field("tool_choice.function.name", "\"\(name)\" is not among the tools")
        }
        try function.finish()
        try fields.finish()
        return .named(name)
    }

    // MARK: The prompt

    /// Shows the tools to the model.
    func prepare(_ conversation: inout Conversation) {
        guard choice != .none else { return }
        if isInTemplate {
            conversation.options.tools = json
            return
        }
        // The template knows no tools: they are told in words, as Hermes' models are.
        let lines = (json.array ?? []).map {
            String(decoding: $0.writtenCompactly(), as: UTF8.self)
        }
        let text =
            "You may call one or more functions. Their signatures, one a line:\n<tools>\n"
            + lines.joined(separator: "\n")
            + "\n</tools>\nFor each call write a JSON object with the function's name and arguments"
            + " between <tool_call> and </tool_call>:\n<tool_call>\n"
            + "{\"name\": \"function\", \"arguments\": {}}\n</tool_call>"
        var messages: [ChatMessage] = []
        for message in conversation.messages { messages.append(ToolUse.plain(message)) }
        if let first = messages.first, JSON.object(first.members)["role"]?.text == "system" {
            let before = JSON.object(first.members)["content"]?.text ?? ""
            messages[0] = ChatMessage(role: "system", content: before + "\n\n" + text)
        } else {
            messages.insert(ChatMessage(role: "system", content: text), at: 0)
        }
        conversation.messages = messages
    }

    /// Calls and their results as text.
    private static func plain(_ message: ChatMessage) -> ChatMessage {
        let json = JSON.object(message.members)
        let content = json["content"]?.text ?? ""
        if json["role"]?.text == "tool" {
            return ChatMessage(
                role: "user", content: "<tool_response>\n\(content)\n</tool_response>")
        }
        guard let calls = json["tool_calls"]?.array, !calls.isEmpty else { return message }
        let texts = calls.map { call in
            let function = call["function"] ?? .object([])
            let text = String(decoding: function.writtenCompactly(), as: UTF8.self)
            return "<tool_call>\n\(text)\n</tool_call>"
        }
        return ChatMessage(
            role: "assistant",
            content: ([content] + texts).filter { !$0.isEmpty }.joined(separator: "\n"))
    }

    /// Control tokens that belong to a call's text.
    func shownControl(_ served: ServedModel) -> Set<Int32> {
        served.tokens(named: format.controlTexts)
    }

    /// What an answer follows in which calls may stand, where strict ones are among them; `nil`
    /// where none are.
    ///
    /// - Parameter thoughts: Control tokens that may stand in the answer beside those of calls.
    func kept(
        _ served: ServedModel, thoughts: [String] = []
    ) throws(APIError) -> Grammar? {
        guard choice == .auto, functions.contains(where: \.isStrict) else { return nil }
        let calls = functions.map {
            // What is not strict is an object, whatever its schema says.
            Grammar.Call(
                name: $0.name, parameters: $0.isStrict ? $0.parameters : ["type": "object"])
        }
        let syntax = format.syntax { !served.tokens(named: [$0]).isEmpty }
        return try OpenAIFields.named("tools") { () throws(GrammarError) in
            try Grammar(
                textWith: calls, argumentsKey: format.argumentsKey, syntax: syntax,
                controls: thoughts, allowsSeveral: allowsSeveral)
        }
    }

    /// What begins an answer that has to be a call, and the rest's grammar; `nil` when none has to
    /// be.
    func forced(_ served: ServedModel) throws(APIError) -> (tokens: [Int32], grammar: Grammar)? {
        let callable: [Function]
        switch choice {
        case .none, .auto: return nil
        case .required: callable = functions
        case .named(let name): callable = functions.filter { $0.name == name }
        }
        var calls: [Grammar.Call] = []
        for function in callable {
            calls.append(Grammar.Call(name: function.name, parameters: function.parameters))
        }
        let isSingle = !allowsSeveral || choice != .required
        let grammar = try OpenAIFields.named("tools") { () throws(GrammarError) in
            try Grammar(
                calls: calls, argumentsKey: format.argumentsKey, suffix: format.suffix,
                separator: isSingle ? nil : format.separator)
        }
        let start = Array(format.prefix.utf8)
        do {
            return (
                try served.tokenizer.encode(start, parsingSpecialIn: [0..<start.count]), grammar
            )
        } catch {
            throw .field("tools", error.problem)
        }
    }

    /// What an answer that has to be a call begins with.
    var forcedPrefix: String {
        switch choice {
        case .none, .auto: ""
        case .required, .named: format.prefix
        }
    }
}

/// How the models of a lineage write calls.
package enum ToolFormat: Sendable, Hashable {
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`: Hermes, Qwen and many others.
    case hermes
    /// `{"name": …, "parameters": …}`: Llama 3.
    case llama
    /// `[TOOL_CALLS][{"name": …, "arguments": …}]`, later `[TOOL_CALLS]name[ARGS]{…}`: Mistral.
    case mistral

    /// The format that a chat template tells of; that of Hermes where it tells of none.
    init(template: String) {
        if template.contains("[TOOL_CALLS]") {
            self = .mistral
        } else if template.contains("<tool_call>") {
            self = .hermes
        } else if template.contains("<|python_tag|>")
            || template.contains("ipython") && template.contains("\"parameters\"")
        {
            self = .llama
        } else {
            self = .hermes
        }
    }

    var argumentsKey: String { self == .llama ? "parameters" : "arguments" }
    /// What stands before the first call.
    var prefix: String {
        switch self {
        case .hermes: "<tool_call>\n"
        case .llama: ""
        case .mistral: "[TOOL_CALLS]["
        }
    }
    /// What stands after the last call.
    var suffix: String {
        switch self {
        case .hermes: "\n</tool_call>"
        case .llama: ""
        case .mistral: "]"
        }
    }
    /// What stands between two calls.
    var separator: String {
        switch self {
        case .hermes: "\n</tool_call>\n<tool_call>\n"
        case .llama: "; "
        case .mistral: ", "
        }
    }
    /// How calls stand in an answer that may also be text.
    ///
    /// - Parameter isControl: Whether the vocabulary has a control token of that text.
    func syntax(_ isControl: (String) -> Bool) -> Grammar.CallSyntax {
        let markers = controlTexts.map { Grammar.Marker($0, isControl: isControl($0)) }
        return switch self {
        case .hermes: .enclosed(opening: markers[0], closing: markers[1])
        case .llama: .whole(tag: markers[0])
        case .mistral:
            .listed(opening: markers[0], identifier: markers[2], arguments: markers[1])
        }
    }

    /// Control tokens that are told apart in an answer.
    var controlTexts: [String] {
        switch self {
        case .hermes: ["<tool_call>", "</tool_call>"]
        case .llama: ["<|python_tag|>"]
        case .mistral: ["[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"]
        }
    }
}
