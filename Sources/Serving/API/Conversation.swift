import Evaluation
import Inference
import TensorCore
import Templates
import Tokenization

/// The messages of a request, as a template takes them.
struct Conversation {
    var messages: [ChatMessage]
    var options = ChatTemplate.Options()

    private static let roles: Set<String> = [
        "system", "developer", "user", "assistant", "tool", "function",
    ]
    /// Reads the messages of OpenAI's or Ollama's chat endpoint.
    ///
    /// - Parameter isOllama: Whether results need not tell which call they belong to.
    init(
        _ list: [JSON]?, for served: ServedModel, isOllama: Bool = false
    ) throws(APIError) {
        guard let list else { throw APIError.missing("messages") }
        guard !list.isEmpty else { throw .field("messages", "expected at least one message") }
        messages = []
        for (index, json) in list.enumerated() {
            let path = "messages[\(index)]"
            if !isOllama, json["role"] == "tool", json["tool_call_id"]?.isNull ?? true {
                throw APIError.missing("\(path).tool_call_id")
            }
            messages.append(try Conversation.message(json, path, served.templateSource))
        }
        begin(as: served.preset)
    }

    /// Puts what every conversation begins with in front, after what the model is told.
    private mutating func begin(as preset: ModelPreset) {
        let role = JSON.object(messages[0].members)["role"]?.text
        if role == "system" || role == "developer" {
            messages.insert(contentsOf: preset.messages, at: 1)
            return
        }
        messages = preset.messages + messages
        let isTold = JSON.object(messages[0].members)["role"]?.text == "system"
        if let system = preset.system, !isTold {
            messages.insert(ChatMessage(role: "system", content: system), at: 0)
        }
    }

    private static func message(
        _ json: JSON, _ path: String, _ template: String?
    ) throws(APIError) -> ChatMessage {
        var fields = try Fields(json, at: path)
        guard var role = try fields.text("role") else {
            throw APIError.missing("\(path).role")
        }
        guard roles.contains(role) else {
            throw .field(
                "\(path).role",
                "\"\(role)\" found, expected \(roles.sorted().joined(separator: ", "))")
        }
        // Few templates know the newer name of the same part.
        if role == "developer", template?.contains("developer") != true { role = "system" }
        var members = [JSON.Member(key: "role", value: .text(role))]
        let content = try content(&fields)
        let calls = try toolCalls(&fields)
        if calls != nil, role != "assistant" {
            throw .field("\(path).tool_calls", "expected only of an assistant")
        }
        let thinks = ["reasoning_content", "reasoning", "thinking"].contains { fields.has($0) }
        guard content != nil || calls != nil || role == "assistant" && thinks else {
            throw APIError.missing("\(path).content")
        }
        members.append(JSON.Member(key: "content", value: .text(content ?? "")))
        if let calls { members.append(JSON.Member(key: "tool_calls", value: .array(calls))) }
        for key in ["name", "tool_call_id", "reasoning_content", "reasoning", "thinking"] {
            if let text = try fields.text(key) {
                members.append(JSON.Member(key: ByteString(key), value: .text(text)))
            }
        }
        if let name = try fields.text("tool_name") {
            members.append(JSON.Member(key: "name", value: .text(name)))
        }
        if let images = try fields.list("images"), !images.isEmpty {
            throw .field("\(path).images", "this model takes no images")
        }
        _ = try fields.text("refusal")
        _ = try fields.list("annotations")
        try fields.finish()
        return ChatMessage(.object(members)) ?? ChatMessage(role: role, content: content ?? "")
    }

    /// The text of a message; texts of several parts as one.
    private static func content(_ fields: inout Fields) throws(APIError) -> String? {
        let name = fields.name("content")
        switch fields.take("content") {
        case nil: return nil
        case .string(let text)?: return text.description
        case .array(let parts)?:
            guard !parts.isEmpty else { throw .field(name, "expected at least one part") }
            var result = ""
            for (index, json) in parts.enumerated() {
                var part = try Fields(json, at: "\(name)[\(index)]")
                let type = try part.text("type")
                guard type == "text" || type == "input_text" else {
                    throw .field(
                        part.name("type"), "\"\(type ?? "nothing")\" found, expected \"text\"")
                }
                guard let text = try part.text("text") else {
                    throw APIError.missing(part.name("text"))
                }
                part.ignore(["cache_control"])
                try part.finish()
                result += text
            }
            return result
        case let other?:
            throw .field(
                name, "\(other.kindName) found, expected a string or a list of parts",
                code: "invalid_type")
        }
    }

    /// Calls that an assistant made, with their arguments as objects, which is what templates expect.
    private static func toolCalls(_ fields: inout Fields) throws(APIError) -> [JSON]? {
        let name = fields.name("tool_calls")
        guard let list = try fields.list("tool_calls"), !list.isEmpty else { return nil }
        var result: [JSON] = []
        for (index, json) in list.enumerated() {
            var call = try Fields(json, at: "\(name)[\(index)]")
            guard try call.text("type") ?? "function" == "function" else {
                throw .field(call.name("type"), "expected \"function\"")
            }
            guard var function = try call.fields("function") else {
                throw APIError.missing(call.name("function"))
            }
            guard let functionName = try function.text("name") else {
                throw APIError.missing(function.name("name"))
            }
            var arguments = function.take("arguments") ?? .object([])
            if let text = arguments.bytes {
                arguments =
                    (try? JSON.parse(text.bytes.isEmpty ? Array("{}".utf8) : text.bytes))
                    ?? .string(text)
            } else if arguments.members == nil {
                throw .field(
                    function.name("arguments"),
                    "\(arguments.kindName) found, expected an object or a string of JSON",
                    code: "invalid_type")
            }
            result.append(
                .object([
                    "id": try call.text("id").map(JSON.text), "type": "function",
                    "function": .object(["name": .text(functionName), "arguments": arguments]),
                ]))
        }
        return result
    }

    /// The tokens of the conversation with the beginning of an answer, and how the answer's thoughts
    /// are told; `nil` where the model's template knows none.
    func prompt(
        for served: ServedModel
    ) throws(APIError) -> (tokens: [Int32], thoughts: ThoughtSplitter?) {
        let rendered = try render(for: served)
        do {
            return (
                try served.tokenizer.tokens(of: rendered),
                served.thinks ? ThoughtSplitter(after: rendered.text) : nil
            )
        } catch {
            throw .field("messages", error.problem)
        }
    }

    /// The text of the conversation with the beginning of an answer.
    func render(for served: ServedModel) throws(APIError) -> RenderedText {
        guard let template = served.template else {
            throw APIError(
                400,
                "the model has no chat template. Start the server with --chat-template-file, or use"
                    + " /v1/completions", field: "messages", code: "no_chat_template")
        }
        do {
            return try template.render(
                messages: messages, addGenerationPrompt: true, options: options)
        } catch {
            throw .field(
                "messages", "the chat template refuses them: \(error.problem)",
                code: "chat_template_error")
        }
    }
}

extension APIError {
    /// A field that has to be there.
    static func missing(_ name: String) -> APIError {
        APIError(
            400, "\(name): missing", field: name, code: "missing_required_parameter")
    }
}

extension ServedModel {
    /// The tokens of a plain text, with BOS where the model's texts begin with it.
    ///
    /// Control tokens that stand in it are those tokens, as in llama.cpp: a prompt is the whole text,
    /// template and all.
    func tokens(ofPrompt text: String, field: String) throws(APIError) -> [Int32] {
        do {
            var tokens = try tokenizer.encode(
                Array(text.utf8), addSpecial: true, parseSpecial: true)
            // What closes a text would close it here as well.
            if let trailing = tokenizer.trailingID, tokens.last == trailing { tokens.removeLast() }
            // A prompt that has it already gets no second one.
            if let leading = tokenizer.leadingID, tokens.starts(with: [leading, leading]) {
                tokens.removeFirst()
            }
            return tokens
        } catch {
            throw .field(field, error.problem)
        }
    }

    /// Checks that a prompt fits.
    func check(
        _ prompt: [Int32], limit: Int?, capacity: Int, field: String
    ) throws(APIError) {
        guard !prompt.isEmpty else { throw .field(field, "the prompt has no tokens") }
        guard prompt.count < capacity || limit == 0 && prompt.count == capacity else {
            throw APIError(
                400,
                "\(field): the prompt has \(prompt.count) tokens, and a slot has room for \(capacity)"
                    + " with the answer", field: field, code: "context_length_exceeded")
        }
    }
}
