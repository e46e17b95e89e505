public import HTTPRequests
public import TensorCore

/// What is asked, and how.
public struct LoadTarget: Sendable {
    /// The server.
    public var address: ServerAddress
    /// Which endpoint.
    public var endpoint: LoadEndpoint
    /// The model's name in requests.
    public var model: String
    /// What goes into `Authorization: Bearer`; never shown.
    public var key: String?
    /// The tokens that are asked for.
    public var outputTokens: Int
    /// Whether a text goes on behind its end token, so that its length is the one asked for.
    public var ignoresEnd: Bool
    /// Further members of requests, in place of those of the same name.
    public var extra: [JSON.Member]

    /// A target.
    public init(
        address: ServerAddress, endpoint: LoadEndpoint = .chat, model: String, key: String? = nil,
        outputTokens: Int = 128, ignoresEnd: Bool = true, extra: [JSON.Member] = []
    ) {
        self.address = address
        self.endpoint = endpoint
        self.model = model
        self.key = key
        self.outputTokens = outputTokens
        self.ignoresEnd = ignoresEnd
        self.extra = extra
    }

    var headers: [(name: String, value: String)] {
        var headers = [("Content-Type", "application/json"), ("User-Agent", "ingot-bench")]
        if let key { headers.append(("Authorization", "Bearer \(key)")) }
        return headers
    }

    /// The tokens that a prompt's answer may have.
    func limit(of prompt: LoadPrompt) -> Int { prompt.outputTokens ?? outputTokens }

    /// The request for a prompt.
    func request(_ prompt: LoadPrompt, limit: Int? = nil) -> HTTPRequest {
        var members: [(String, JSON)] = [("model", .string(ByteString(model)))]
        switch (prompt.content, endpoint) {
        case (.messages(let messages), _): members.append(("messages", messages))
        case (.text(let text), .chat):
            members.append(
                ("messages", [["role": "user", "content": .string(ByteString(text))]]))
        case (.text(let text), .completions):
            members.append(("prompt", .string(ByteString(text))))
        }
        members += [
            ("max_tokens", .integer(limit ?? self.limit(of: prompt))), ("stream", true),
            ("stream_options", ["include_usage": true]),
        ]
        if ignoresEnd { members.append(("ignore_eos", true)) }
        let names = Set(extra.map(\.key))
        let own = members.map { JSON.Member(key: ByteString($0), value: $1) }
        let body = JSON.object(own.filter { !names.contains($0.key) } + extra)
        return HTTPRequest(
            "POST", address.api + endpoint.path, headers: headers, body: body.writtenCompactly())
    }
}

/// What one request asks.
public struct LoadPrompt: Sendable, Hashable {
    /// A text, or a conversation.
    public enum Content: Sendable, Hashable {
        /// The prompt of a completion, or what the user says.
        case text(String)
        /// The `messages` of a chat.
        case messages(JSON)
    }

    /// What is asked.
    public var content: Content
    /// The tokens of its answer, where they are not the target's.
    public var outputTokens: Int?

    /// A prompt.
    public init(_ content: Content, outputTokens: Int? = nil) {
        self.content = content
        self.outputTokens = outputTokens
    }
}

/// The prompts of a load test, by number.
public protocol PromptSource: Sendable {
    /// The prompt of a request; the same for the same number.
    func prompt(at index: Int) -> LoadPrompt
    /// The tokens that every prompt is to have by the server's count; `nil` when they differ.
    var tokenCount: Int? { get }
}
