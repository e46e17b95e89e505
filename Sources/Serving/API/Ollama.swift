import Evaluation
import Grammars
import TensorCore
import Templates

extension ServingAPI {
    /// `POST /api/chat`.
    func ollamaChat(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        let service = try service()
        var fields = try fields(request)
        let common = try OllamaFields(&fields, service)
        guard fields.has("messages"), fields.allMembers["messages"] != [] else {
            fields.ignore(["messages", "tools"])
            try fields.finish()
            return loaded(service, isChat: true)
        }
        var conversation = try Conversation(
            try fields.list("messages"), for: service.model, isOllama: true)
        common.thinking.prepare(&conversation)
        for name in ["tool_choice", "parallel_tool_calls"] where fields.has(name) {
            throw .field(name, "is no part of this endpoint", code: "unsupported_parameter")
        }
        let tools = try ToolUse(&fields, service.model, isOllama: true)
        try fields.finish()
        if let tools {
            guard common.grammar == nil else {
                throw .field("format", "cannot be kept beside tools")
            }
            tools.prepare(&conversation)
        }
        let (tokens, thoughts) = try conversation.prompt(for: service.model)
        var generation = common.request(prompt: tokens)
        if let tools {
            generation.shownControl = tools.shownControl(service.model)
            let texts = thoughts == nil || common.thinking == .off ? [] : service.model.thoughtTexts
            if let kept = try tools.kept(service.model, thoughts: texts) {
                (generation.grammar, generation.grammarField) = (kept, "tools")
            }
        }
        return try await answer(
            generation, common, tools, thoughts, service, isChat: true, field: "messages")
    }

    /// `POST /api/generate`.
    func ollamaGenerate(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        let service = try service()
        var fields = try fields(request)
        let common = try OllamaFields(&fields, service)
        let prompt = try fields.text("prompt") ?? ""
        let told = try fields.text("system")
        // As in Ollama, an empty one is none.
        let system = told == "" ? nil : told
        let isRaw = try fields.boolean("raw") ?? false
        for name in ["suffix", "template"] {
            if let text = try fields.text(name), !text.isEmpty {
                throw .field(name, "is not supported", code: "unsupported_parameter")
            }
        }
        for name in ["images", "context"] {
            if let list = try fields.list(name), !list.isEmpty {
                throw .field(name, "is not supported", code: "unsupported_parameter")
            }
        }
        try fields.finish()
        guard !prompt.isEmpty else { return loaded(service, isChat: false) }
        let tokens: [Int32]
        var thoughts: ThoughtSplitter?
        if isRaw || service.model.template == nil {
            guard system == nil else {
                throw .field("system", "cannot be kept without a chat template")
            }
            tokens = try service.model.tokens(ofPrompt: prompt, field: "prompt")
        } else {
            var list: [JSON] = [["role": "user", "content": .text(prompt)]]
            if let system { list.insert(["role": "system", "content": .text(system)], at: 0) }
            var conversation = try Conversation(list, for: service.model)
            common.thinking.prepare(&conversation)
            (tokens, thoughts) = try conversation.prompt(for: service.model)
        }
        return try await answer(
            common.request(prompt: tokens), common, nil, thoughts, service, isChat: false,
            field: "prompt")
    }

    private func answer(
        _ generation: GenerationRequest, _ common: OllamaFields, _ tools: ToolUse?,
        _ thoughts: ThoughtSplitter?, _ service: Service, isChat: Bool, field: String
    ) async throws(APIError) -> ServingResponse {
        // What has to follow a grammar is an answer from the start.
        let thoughts = common.grammar == nil && common.thinking != .off ? thoughts : nil
        var generation = generation
        if thoughts != nil { generation.shownControl.formUnion(service.model.thoughtTokens) }
        try service.model.check(
            generation.prompt, limit: common.options.limit,
            capacity: service.engine.settings.slotCapacity, field: field)
        let events = try submit([generation], service)
        var encoder = OllamaEncoder(
            model: common.name, isChat: isChat, parser: AnswerParser(tools, thoughts),
            tellsScores: generation.topCount != nil)
        if common.streams { return ByteStream.make(events, encoder) }
        for await (_, event) in events {
            if case .failure(let sentence, let field) = event {
                throw .failure(sentence, field: field)
            }
            encoder.take(event)
        }
        guard let whole = encoder.whole else { throw .brokenOff }
        return ServingAPI.json(whole)
    }

    /// Without a message the model is only made ready, which it is.
    private func loaded(_ service: Service, isChat: Bool) -> ServingResponse {
        ServingAPI.json(
            .object([
                "model": .text(service.model.name), "created_at": .text(Timestamp.now),
                "message": isChat ? ["role": "assistant", "content": ""] : nil,
                "response": isChat ? nil : "", "done": true, "done_reason": "load",
            ]))
    }
}

/// What Ollama's two endpoints have in common.
struct OllamaFields {
    /// The model as the request names it.
    var name: String
    var options: OllamaOptions
    var streams: Bool
    var grammar: Grammar?
    var thinking: Thinking
    private var topCount: Int?

    init(_ fields: inout Fields, _ service: ServingAPI.Service) throws(APIError) {
        (name, options) = try OllamaFields.common(&fields, service)
        streams = try fields.boolean("stream") ?? true
        // Nothing is ever cut off or moved, and the model stays.
        for name in ["truncate", "shift"] { _ = try fields.boolean(name) }
        thinking = try Thinking(fields.take("think"), template: service.model.templateSource ?? "")
        let logprobs = try fields.boolean("logprobs") ?? false
        let top = try fields.integer("top_logprobs", in: 0...20)
        guard top == nil || logprobs else {
            throw .field("top_logprobs", "expected only with logprobs: true")
        }
        topCount = logprobs ? top ?? 0 : nil
        grammar = try OllamaFields.grammar(fields.take("format"))
    }

    /// What all endpoints take: the model's name, how long it is to stay, and options.
    static func common(
        _ fields: inout Fields, _ service: ServingAPI.Service
    ) throws(APIError) -> (name: String, options: OllamaOptions) {
        guard let name = try fields.text("model") else { throw APIError.missing("model") }
        guard service.model.isCalled(name) else {
            throw APIError(404, "model '\(name)' not found; this server has \(service.model.name)")
        }
        try checkKeepAlive(fields.take("keep_alive"))
        var given = try Fields(fields.take("options") ?? .object([JSON.Member]()), at: "options")
        service.model.preset.fill(ollama: &given)
        let options = try OllamaOptions(&given)
        let capacity = service.engine.settings.slotCapacity
        if let context = options.contextLength, context > capacity {
            throw .field(
                "options.num_ctx",
                "\(context) found, and a slot has room for \(capacity). Start the server with a larger"
                    + " --ctx-size")
        }
        return (name, options)
    }

    /// Checks how long a model should stay, in seconds or as `1h30m`: this server's stays.
    private static func checkKeepAlive(_ json: JSON?) throws(APIError) {
        guard let json, json.double == nil || json.double?.isFinite == false else { return }
        guard let text = json.text, isDuration(text) else {
            throw .field(
                "keep_alive",
                "\(json.text.map { "\"\($0)\"" } ?? json.kindName) found, expected seconds or a"
                    + " duration such as \"5m\"")
        }
    }

    /// Whether a text is a duration as Go writes them: signed numbers, each with its unit.
    private static func isDuration(_ text: String) -> Bool {
        var rest = Substring(text)
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        if rest == "0" { return true }
        guard !rest.isEmpty else { return false }
        let units = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"]
        while !rest.isEmpty {
            let number = rest.prefix { "0123456789.".contains($0) }
            let unit = rest.dropFirst(number.count).prefix { !"0123456789.".contains($0) }
            guard Double(number) != nil, units.contains(String(unit)) else { return false }
            rest = rest.dropFirst(number.count + unit.count)
        }
        return true
    }

    /// `"json"` or a schema.
    private static func grammar(_ json: JSON?) throws(APIError) -> Grammar? {
        guard let json, json.text != "" else { return nil }
        if let text = json.text {
            guard text == "json" else {
                throw .field("format", "\"\(text)\" found, expected \"json\" or a schema")
            }
            return try OpenAIFields.named("format") { () throws(GrammarError) in
                try Grammar.anyObject()
            }
        }
        guard json.members != nil else {
            throw .field("format", "\(json.kindName) found, expected \"json\" or a schema")
        }
        return try OpenAIFields.named("format") { () throws(GrammarError) in
            try Grammar(jsonSchema: json)
        }
    }

    func request(prompt: [Int32]) -> GenerationRequest {
        var request = GenerationRequest(
            prompt: prompt, limit: options.limit, sampling: options.sampling.settings)
        request.adjustment = options.sampling.adjustment
        request.stops = options.stops
        request.grammar = grammar
        request.grammarField = "format"
        request.topCount = topCount
        return request
    }
}

/// Answers of Ollama's endpoints: one JSON object a line, or one in all.
struct OllamaEncoder: EventEncoder {
    static let contentType = "application/x-ndjson"

    private let model: String
    private let isChat: Bool
    private let tellsScores: Bool
    private let start = ContinuousClock.now
    private var parser: AnswerParser
    private var text = ""
    private var thought = ""
    private var calls: [ToolCall] = []
    private var scores: [ScoredToken] = []
    private var outcome: GenerationOutcome?

    init(
        model: String, isChat: Bool, parser: AnswerParser, tellsScores: Bool
    ) {
        self.model = model
        self.isChat = isChat
        self.tellsScores = tellsScores
        self.parser = parser
    }

    /// What an event adds.
    mutating func take(_ event: GenerationEvent) {
        switch event {
        case .prompt, .failure: break
        case .text(let text, let tokens):
            add(parser.add(text))
            scores += tokens
        case .end(let outcome):
            add(parser.finish())
            self.outcome = outcome
        }
    }

    private mutating func add(_ pieces: [AnswerParser.Piece]) {
        for piece in pieces {
            switch piece {
            case .content(let text): self.text += text
            case .thought(let text): thought += text
            case .call(let call): calls.append(call)
            }
        }
    }

    private func object(_ text: String, _ calls: [ToolCall], _ end: [JSON.Member]) -> JSON {
        let head: JSON = .object([
            "model": .text(model), "created_at": .text(Timestamp.now),
            "message": isChat
                ? .object([
                    "role": "assistant", "content": .text(text),
                    "thinking": thought.isEmpty ? nil : .text(thought),
                    "tool_calls": calls.isEmpty ? nil : .array(calls.map(\.ollama)),
                ]) : nil,
            "response": isChat ? nil : .text(text),
            "thinking": isChat || thought.isEmpty ? nil : .text(thought),
            "logprobs": tellsScores && !scores.isEmpty ? .array(scores.map(\.chatJSON)) : nil,
            "done": .bool(!end.isEmpty),
        ])
        return .object((head.members ?? []) + end)
    }

    private var end: [JSON.Member] {
        guard let outcome, outcome.reason != .cancelled, outcome.reason != .error else { return [] }
        func nanoseconds(_ seconds: Double) -> JSON { .integer(Int((seconds * 1e9).rounded())) }
        let parts = outcome.queueSeconds + outcome.promptSeconds + outcome.addedSeconds
        let pairs: [(String, JSON)] = [
            ("done_reason", .text(outcome.reason.rawValue)),
            ("total_duration", nanoseconds(max(parts, (ContinuousClock.now - start).inSeconds))),
            // The model is there: what a request waits for is a slot.
            ("load_duration", nanoseconds(outcome.queueSeconds)),
            ("prompt_eval_count", .integer(outcome.promptCount)),
            ("prompt_eval_duration", nanoseconds(outcome.promptSeconds)),
            ("eval_count", .integer(outcome.addedCount)),
            ("eval_duration", nanoseconds(outcome.addedSeconds)),
        ]
        return pairs.map { JSON.Member(key: ByteString($0.0), value: $0.1) }
    }

    /// The answer at once; `nil` when it was broken off.
    var whole: JSON? {
        end.isEmpty ? nil : object(text, calls, end)
    }

    // MARK: Lines

    private static func line(_ json: JSON) -> [UInt8] {
        json.writtenCompactly() + [UInt8(ascii: "\n")]
    }

    func begin() -> [[UInt8]] { [] }

    mutating func encode(_ index: Int, _ event: GenerationEvent) -> [[UInt8]] {
        take(event)
        defer { (text, thought, calls, scores) = ("", "", [], []) }
        var lines: [[UInt8]] = []
        if !text.isEmpty || !thought.isEmpty || !calls.isEmpty || !scores.isEmpty {
            lines.append(Self.line(object(text, calls, [])))
        }
        if outcome != nil {
            (thought, scores) = ("", [])
            lines.append(Self.line(object("", [], end)))
        }
        return lines
    }

    func failure(_ error: APIError) -> [UInt8] { Self.line(["error": .text(error.message)]) }

    func finish() -> [[UInt8]] { [] }
}
