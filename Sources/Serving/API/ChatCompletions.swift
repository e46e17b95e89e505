import Evaluation
import Inference
import TensorCore
import Templates

extension ServingAPI {
    /// `POST /v1/chat/completions`.
    func chatCompletions(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        let service = try service()
        var fields = try fields(request)
        try checkModel(&fields, service)
        let chat = try ChatRequest(
            &fields, service.model, capacity: service.engine.settings.slotCapacity)
        let events = try submit(chat.common.choices(chat.request), service)
        let encoder = ChatEncoder(chat, model: service.model.name)
        if chat.common.streams { return ByteStream.make(events, encoder) }
        return try await ServingAPI.collect(events, chat, model: service.model.name)
    }

    private static func collect(
        _ events: AsyncStream<(index: Int, event: GenerationEvent)>, _ chat: ChatRequest,
        model: String
    ) async throws(APIError) -> ServingResponse {
        var answers = [ChatAnswer](repeating: ChatAnswer(chat), count: chat.common.count)
        var usage = Usage()
        for await (index, event) in events {
            switch event {
            case .prompt: break
            case .text(let text, let tokens):
                answers[index].add(answers[index].parser.add(text))
                answers[index].scores += tokens
            case .failure(let sentence, let field): throw .failure(sentence, field: field)
            case .end(let outcome):
                answers[index].add(answers[index].parser.finish())
                answers[index].reason = outcome.reason
                usage.add(outcome, countsPrompt: index == 0)
            }
        }
        guard answers.allSatisfy({ $0.reason != nil && $0.reason != .cancelled }) else {
            throw .brokenOff
        }
        return json([
            "id": .text("chatcmpl-" + Identifier.random(24)), "object": "chat.completion",
            "created": .integer(secondsSince1970()), "model": .text(model),
            "choices": .array(
                answers.enumerated().map { index, answer in
                    [
                        "index": .integer(index), "message": answer.message,
                        "logprobs": chat.request.topCount == nil
                            ? .null
                            : [
                                "content": .array(answer.scores.map(\.chatJSON)),
                                "refusal": .null,
                            ],
                        "finish_reason": .text(answer.finishReason),
                    ]
                }),
            "usage": usage.json, "system_fingerprint": .text(fingerprint),
        ])
    }

    /// What answers of one version have in common.
    static let fingerprint = "fp_ingot"
}

/// A request for the next message of a conversation.
struct ChatRequest: Sendable {
    var common: OpenAIFields
    var request: GenerationRequest
    var tools: ToolUse?
    var thoughts: ThoughtSplitter?

    init(_ fields: inout Fields, _ served: ServedModel, capacity: Int) throws(APIError) {
        served.preset.fill(openAI: &fields)
        common = try OpenAIFields(
            &fields, vocabularyCount: served.model.vocabularyCount, leastTokens: 1)
        var conversation = try Conversation(try fields.list("messages"), for: served)
        if let variables = try fields.fields("chat_template_kwargs") {
            conversation.options.variables = variables.allMembers
        }
        if let effort = try fields.text("reasoning_effort") {
            guard served.templateSource?.contains("reasoning_effort") == true else {
                throw .field("reasoning_effort", "the model's chat template does not know it")
            }
            conversation.options.variables["reasoning_effort"] = .text(effort)
        }
        for kind in try fields.list("modalities") ?? [] where kind != "text" {
            throw .field("modalities", "expected [\"text\"]")
        }
        var (grammar, grammarField) = try OpenAIFields.grammar(&fields)
        tools = try ToolUse(&fields, served)
        if let tools {
            if grammar != nil, tools.choice != .none {
                throw .field(
                    "response_format", "cannot be kept beside tools. Send tool_choice: \"none\"")
            }
            tools.prepare(&conversation)
        }
        var (prompt, thoughts) = try conversation.prompt(for: served)
        if let tools, let forced = try tools.forced(served) {
            prompt += forced.tokens
            (grammar, grammarField) = (forced.grammar, "tools")
        }
        // What has to follow a grammar is an answer from the start.
        self.thoughts = grammar == nil ? thoughts : nil
        if let kept = try tools?.kept(
            served, thoughts: self.thoughts == nil ? [] : served.thoughtTexts)
        {
            (grammar, grammarField) = (kept, "tools")
        }
        try served.check(prompt, limit: common.limit, capacity: capacity, field: "messages")
        request = common.request(prompt: prompt)
        request.grammar = grammar
        request.grammarField = grammarField
        request.shownControl = self.thoughts == nil ? [] : served.thoughtTokens
        if let tools { request.shownControl.formUnion(tools.shownControl(served)) }
        let logprobs = try fields.boolean("logprobs") ?? false
        let top = try fields.integer("top_logprobs", in: 0...20)
        guard top == nil || logprobs else {
            throw .field("top_logprobs", "expected only with logprobs: true")
        }
        request.topCount = logprobs ? top ?? 0 : nil
        try fields.finish()
    }
}

/// One choice of a chat completion as it comes.
struct ChatAnswer: Sendable {
    var parser: AnswerParser
    var content = ""
    var thought = ""
    var calls: [ToolCall] = []
    var scores: [ScoredToken] = []
    var reason: FinishReason?

    init(_ chat: ChatRequest) { parser = AnswerParser(chat.tools, chat.thoughts) }

    mutating func add(_ pieces: [AnswerParser.Piece]) {
        for piece in pieces {
            switch piece {
            case .content(let text): content += text
            case .thought(let text): thought += text
            case .call(let call): calls.append(call)
            }
        }
    }

    var finishReason: String {
        !calls.isEmpty && reason == .stop
            ? FinishReason.toolCalls.rawValue : (reason ?? .stop).rawValue
    }

    var message: JSON {
        .object([
            "role": "assistant",
            "content": content.isEmpty && !calls.isEmpty ? .null : .text(content),
            "reasoning_content": thought.isEmpty ? nil : .text(thought), "refusal": .null,
            "tool_calls": calls.isEmpty ? nil : .array(calls.map(\.openAI)),
        ])
    }
}

/// Chunks of a streamed chat completion.
struct ChatEncoder: EventEncoder {
    static let contentType = ServerSentEvents.contentType
    private let chat: ChatRequest
    private let model: String
    private let identifier = "chatcmpl-" + Identifier.random(24)
    private let created = secondsSince1970()
    private var answers: [ChatAnswer]
    private var usage = Usage()

    init(_ chat: ChatRequest, model: String) {
        self.chat = chat
        self.model = model
        answers = [ChatAnswer](repeating: ChatAnswer(chat), count: chat.common.count)
    }

    private func chunk(_ choices: [JSON], usage: JSON? = nil) -> [UInt8] {
        ServerSentEvents.event(
            .object([
                "id": .text(identifier), "object": "chat.completion.chunk",
                "created": .integer(created), "model": .text(model),
                "system_fingerprint": .text(ServingAPI.fingerprint), "choices": .array(choices),
                "usage": usage ?? (chat.common.includesUsage ? .null : nil),
            ]))
    }

    private func choice(
        _ index: Int, _ delta: JSON, scores: [ScoredToken] = [], reason: String? = nil
    ) -> JSON {
        [
            "index": .integer(index), "delta": delta,
            "logprobs": chat.request.topCount == nil || scores.isEmpty
                ? .null : ["content": .array(scores.map(\.chatJSON)), "refusal": .null],
            "finish_reason": reason.map(JSON.text) ?? .null,
        ]
    }

    func begin() -> [[UInt8]] {
        answers.indices.map {
            chunk([choice($0, ["role": "assistant", "content": "", "refusal": .null])])
        }
    }

    mutating func encode(_ index: Int, _ event: GenerationEvent) -> [[UInt8]] {
        switch event {
        case .prompt: return []
        case .text(let text, let tokens):
            return deltas(index, answers[index].parser.add(text), tokens)
        case .failure: return []
        case .end(let outcome):
            let last = deltas(index, answers[index].parser.finish(), [])
            answers[index].reason = outcome.reason
            usage.add(outcome, countsPrompt: index == 0)
            return last + [
                chunk([choice(index, [:], reason: answers[index].finishReason)])
            ]
        }
    }

    private mutating func deltas(
        _ index: Int, _ pieces: [AnswerParser.Piece], _ tokens: [ScoredToken]
    ) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var tokens = tokens
        for piece in pieces {
            let number = answers[index].calls.count
            answers[index].add([piece])
            switch piece {
            case .content(let text):
                result.append(chunk([choice(index, ["content": .text(text)], scores: tokens)]))
                tokens = []
            case .thought(let text):
                result.append(
                    chunk([choice(index, ["reasoning_content": .text(text)], scores: tokens)]))
                tokens = []
            case .call(let call):
                result.append(
                    chunk([
                        choice(
                            index, ["tool_calls": [call.delta(number)]], scores: tokens)
                    ]))
                tokens = []
            }
        }
        if !tokens.isEmpty {
            result.append(chunk([choice(index, ["content": ""], scores: tokens)]))
        }
        return result
    }

    func failure(_ error: APIError) -> [UInt8] { ServerSentEvents.event(error.json) }

    func finish() -> [[UInt8]] {
        (chat.common.includesUsage ? [chunk([], usage: usage.json)] : []) + [ServerSentEvents.done]
    }
}
