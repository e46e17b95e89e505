import Evaluation
import Inference
import TensorCore
import Tokenization

extension ServingAPI {
    /// `POST /v1/completions`.
    func completions(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        let service = try service()
        var fields = try fields(request)
        try checkModel(&fields, service)
        let completion = try CompletionRequest(
            &fields, service.model, capacity: service.engine.settings.slotCapacity)
        let events = try submit(completion.requests, service)
        let encoder = CompletionEncoder(completion, service.model)
        if completion.common.streams { return ByteStream.make(events, encoder) }
        return try await ServingAPI.collect(events, encoder)
    }

    private static func collect(
        _ events: AsyncStream<(index: Int, event: GenerationEvent)>, _ encoder: CompletionEncoder
    ) async throws(APIError) -> ServingResponse {
        var encoder = encoder
        for await (index, event) in events {
            if case .failure(let sentence, let field) = event {
                throw .failure(sentence, field: field)
            }
            encoder.take(index, event)
        }
        guard encoder.isWhole else { throw .brokenOff }
        return json(encoder.whole)
    }
}

/// A request for what follows some texts.
struct CompletionRequest: Sendable {
    /// A text that is gone on with.
    struct Prompt: Sendable {
        var text: String
        var tokens: [Int32]
    }

    var common: OpenAIFields
    var prompts: [Prompt]
    var echoes: Bool
    /// How many of the most probable tokens are told; `nil` for no log probabilities.
    var topCount: Int?
    var requests: [GenerationRequest] = []

    init(_ fields: inout Fields, _ served: ServedModel, capacity: Int) throws(APIError) {
        served.preset.fill(openAI: &fields)
        echoes = try fields.boolean("echo") ?? false
        common = try OpenAIFields(
            &fields, vocabularyCount: served.model.vocabularyCount, leastTokens: 0)
        // As OpenAI has it for this endpoint.
        if common.limit == nil { common.limit = 16 }
        topCount = try fields.integer("logprobs", in: 0...5)
        if let count = try fields.integer("best_of", in: 1...128), count != common.count {
            throw .field("best_of", "\(count) found, expected as many as n")
        }
        if let suffix = try fields.text("suffix"), !suffix.isEmpty {
            throw .field("suffix", "is not supported", code: "unsupported_parameter")
        }
        guard let prompt = fields.take("prompt") else { throw APIError.missing("prompt") }
        prompts = try CompletionRequest.prompts(prompt, served)
        let (grammar, grammarField) = try OpenAIFields.grammar(&fields)
        for prompt in prompts {
            try served.check(
                prompt.tokens, limit: common.limit, capacity: capacity, field: "prompt")
            var request = common.request(prompt: prompt.tokens)
            request.grammar = grammar
            request.grammarField = grammarField
            request.topCount = topCount
            request.scoresPrompt = echoes && topCount != nil
            requests += common.choices(request)
        }
        guard requests.count <= 256 else {
            throw .field("prompt", "\(requests.count) choices asked for, expected at most 256")
        }
        try fields.finish()
    }

    /// A text, a list of texts, a list of tokens, or a list of lists of tokens.
    private static func prompts(
        _ json: JSON, _ served: ServedModel
    ) throws(APIError) -> [Prompt] {
        if let text = json.text { return [try prompt(text, served)] }
        guard let list = json.array else {
            throw .field(
                "prompt", "\(json.kindName) found, expected a string or a list",
                code: "invalid_type")
        }
        guard let first = list.first else { throw .field("prompt", "expected at least one text") }
        if let index = list.firstIndex(of: .array([])) {
            throw .field("prompt[\(index)]", "expected at least one token")
        }
        if first.integer != nil { return [try prompt(tokens: list, "prompt", served)] }
        var result: [Prompt] = []
        for (index, element) in list.enumerated() {
            if let text = element.text {
                result.append(try prompt(text, served))
            } else if let tokens = element.array {
                result.append(try prompt(tokens: tokens, "prompt[\(index)]", served))
            } else {
                throw .field(
                    "prompt[\(index)]", "\(element.kindName) found, expected a string or tokens",
                    code: "invalid_type")
            }
        }
        return result
    }

    private static func prompt(_ text: String, _ served: ServedModel) throws(APIError) -> Prompt {
        Prompt(text: text, tokens: try served.tokens(ofPrompt: text, field: "prompt"))
    }

    private static func prompt(
        tokens: [JSON], _ name: String, _ served: ServedModel
    ) throws(APIError) -> Prompt {
        let tokens = try served.tokens(tokens, field: name)
        return Prompt(
            text: String(decoding: served.tokenizer.decode(tokens), as: UTF8.self), tokens: tokens)
    }
}

extension ServedModel {
    /// Token ids of a request.
    func tokens(_ list: [JSON], field: String) throws(APIError) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(list.count)
        for (index, json) in list.enumerated() {
            guard let token = json.integer, (0..<model.vocabularyCount).contains(token) else {
                throw .field(
                    "\(field)[\(index)]",
                    "\(json.integer.map(String.init) ?? json.kindName) found, expected a token from 0"
                        + " to \(model.vocabularyCount - 1)")
            }
            result.append(Int32(token))
        }
        return result
    }
}

/// Answers of the completions endpoint, at once or in chunks.
struct CompletionEncoder: EventEncoder {
    static let contentType = ServerSentEvents.contentType

    private struct Choice: Sendable {
        var text = ""
        var scores: [ScoredToken] = []
        var reason: FinishReason?
        /// Where the next token's text begins.
        var place = TextPlace()
        var hasEchoed = false
    }

    private let completion: CompletionRequest
    private let model: String
    private let identifier = "cmpl-" + Identifier.random(24)
    private let created = secondsSince1970()
    private var choices: [Choice]
    private var usage = Usage()

    init(_ completion: CompletionRequest, _ served: ServedModel) {
        self.completion = completion
        model = served.name
        choices = [Choice](repeating: Choice(), count: completion.requests.count)
    }

    /// Whether all choices have ended.
    var isWhole: Bool {
        choices.allSatisfy { $0.reason != nil && $0.reason != .cancelled && $0.reason != .error }
    }

    private func prompt(_ index: Int) -> CompletionRequest.Prompt {
        completion.prompts[index / completion.common.count]
    }

    /// What an event adds.
    ///
    /// - Returns: The text and the tokens of it.
    @discardableResult
    mutating func take(_ index: Int, _ event: GenerationEvent) -> (String, [ScoredToken]) {
        var added: (text: String, tokens: [ScoredToken]) = ("", [])
        switch event {
        case .prompt(_, let scores):
            if completion.echoes { added = (prompt(index).text, scores) }
            choices[index].hasEchoed = true
        case .text(let text, let tokens): added = (text, tokens)
        case .end(let outcome):
            choices[index].reason = outcome.reason
            usage.add(outcome, countsPrompt: index % completion.common.count == 0)
            // A prompt that was not run is told all the same.
            if completion.echoes, !choices[index].hasEchoed { added.text = prompt(index).text }
        case .failure: break
        }
        choices[index].text += added.text
        choices[index].scores += added.tokens
        return added
    }

    /// Log probabilities as this endpoint has them.
    private static func logprobs(_ tokens: [ScoredToken], after place: inout TextPlace) -> JSON {
        var offsets: [JSON] = []
        for token in tokens {
            offsets.append(.integer(place.offset))
            place.add(token.bytes)
        }
        return [
            "tokens": .array(tokens.map { .text(ScoredToken.name($0.bytes)) }),
            "token_logprobs": .array(
                tokens.map { $0.logProbability.map(ScoredToken.number) ?? .null }),
            "top_logprobs": .array(tokens.map(top)),
            "text_offset": .array(offsets),
        ]
    }

    /// The most probable tokens by their texts; the token itself is among them.
    private static func top(_ token: ScoredToken) -> JSON {
        guard let own = token.logProbability else { return .null }
        var members: [JSON.Member] = []
        for other in token.top + [
            .init(token: token.token, bytes: token.bytes, logProbability: own)
        ] {
            let key = ByteString(ScoredToken.name(other.bytes))
            guard !members.contains(where: { $0.key == key }) else { continue }
            members.append(
                JSON.Member(key: key, value: ScoredToken.number(other.logProbability)))
        }
        return .object(members)
    }

    private func object(_ choices: [JSON], usage: JSON?) -> JSON {
        .object([
            "id": .text(identifier), "object": "text_completion", "created": .integer(created),
            "model": .text(model), "system_fingerprint": .text(ServingAPI.fingerprint),
            "choices": .array(choices), "usage": usage,
        ])
    }

    private func json(
        _ index: Int, _ text: String, logprobs: JSON?, reason: FinishReason?
    ) -> JSON {
        [
            "index": .integer(index), "text": .text(text), "logprobs": logprobs ?? .null,
            "finish_reason": reason.map { .text($0.rawValue) } ?? .null,
        ]
    }

    /// The answer at once.
    var whole: JSON {
        object(
            choices.enumerated().map { index, choice in
                var place = TextPlace()
                return json(
                    index, choice.text,
                    logprobs: completion.topCount == nil
                        ? nil : CompletionEncoder.logprobs(choice.scores, after: &place),
                    reason: choice.reason)
            }, usage: usage.json)
    }

    // MARK: Chunks

    private func chunk(_ choices: [JSON], usage: JSON? = nil) -> [UInt8] {
        ServerSentEvents.event(
            object(choices, usage: usage ?? (completion.common.includesUsage ? .null : nil)))
    }

    func begin() -> [[UInt8]] { [] }

    mutating func encode(_ index: Int, _ event: GenerationEvent) -> [[UInt8]] {
        let (text, tokens) = take(index, event)
        var result: [[UInt8]] = []
        if !text.isEmpty || !tokens.isEmpty {
            let logprobs =
                completion.topCount == nil
                ? nil : CompletionEncoder.logprobs(tokens, after: &choices[index].place)
            result.append(chunk([json(index, text, logprobs: logprobs, reason: nil)]))
        }
        if let reason = choices[index].reason {
            result.append(chunk([json(index, "", logprobs: nil, reason: reason)]))
        }
        // What was told need not be kept.
        choices[index].text = ""
        choices[index].scores = []
        return result
    }

    func failure(_ error: APIError) -> [UInt8] { ServerSentEvents.event(error.json) }

    func finish() -> [[UInt8]] {
        (completion.common.includesUsage ? [chunk([], usage: usage.json)] : [])
            + [ServerSentEvents.done]
    }
}
