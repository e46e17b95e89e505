import Evaluation
import Grammars
import TensorCore

/// What chat and plain completions have in common.
struct OpenAIFields {
    var sampling: SamplingFields
    var limit: Int?
    var stops: [String]
    var count: Int
    var streams: Bool
    var includesUsage = false
    var ignoresEnd: Bool

    private static let serviceTiers: Set = ["auto", "default", "flex", "scale", "priority"]

    init(
        _ fields: inout Fields, vocabularyCount: Int, leastTokens: Int
    ) throws(APIError) {
        try Self.checkHarmless(&fields)
        sampling = try SamplingFields(openAI: &fields, vocabularyCount: vocabularyCount)
        let range = leastTokens...Int.max
        let older = try fields.integer("max_tokens", in: range)
        let newer = try fields.integer("max_completion_tokens", in: range)
        if let older, let newer, older != newer {
            throw .field(
                "max_completion_tokens", "\(newer) found, and max_tokens is \(older): expected one")
        }
        limit = newer ?? older
        stops = try SamplingFields.stops(&fields)
        count = try fields.integer("n", in: 1...128) ?? 1
        streams = try fields.boolean("stream") ?? false
        ignoresEnd = try fields.boolean("ignore_eos") ?? false
        if var options = try fields.fields("stream_options") {
            guard streams else {
                throw .field("stream_options", "expected only with stream: true")
            }
            includesUsage = try options.boolean("include_usage") ?? false
            // Padding against eavesdroppers by the length of parts: there is none here.
            if try options.boolean("include_obfuscation") == true {
                throw .field("stream_options.include_obfuscation", "is not supported")
            }
            try options.finish()
        }
    }

    /// Takes members that change nothing about an answer by their definition.
    private static func checkHarmless(_ fields: inout Fields) throws(APIError) {
        for name in ["user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"] {
            _ = try fields.text(name)
        }
        for name in ["store", "cache_prompt"] { _ = try fields.boolean(name) }
        if let tier = try fields.text("service_tier"), !serviceTiers.contains(tier) {
            throw .field(
                "service_tier",
                "\"\(tier)\" found, expected \(serviceTiers.sorted().joined(separator: ", "))")
        }
        guard let metadata = try fields.fields("metadata")?.allMembers else { return }
        guard metadata.count <= 16 else {
            throw .field("metadata", "\(metadata.count) members found, expected at most 16")
        }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            guard let text = value.text, text.unicodeScalars.count <= 512,
                key.unicodeScalars.count <= 64
            else {
                throw .field(
                    "metadata.\(key)",
                    "expected a string of at most 512 characters under a name of at most 64")
            }
        }
    }

    /// A request that goes on with a prompt.
    func request(prompt: [Int32]) -> GenerationRequest {
        var request = GenerationRequest(prompt: prompt, limit: limit, sampling: sampling.settings)
        request.adjustment = sampling.adjustment
        request.stops = stops
        request.ignoresEnd = ignoresEnd
        return request
    }

    /// As many requests with a prompt as there are to be choices, each with a seed of its own.
    func choices(_ request: GenerationRequest) -> [GenerationRequest] {
        (0..<count).map { index in
            var choice = request
            choice.sampling.seed = request.sampling.seed &+ UInt64(index)
            return choice
        }
    }

    /// The grammar that a request asks for in one of several ways, and the field that does.
    static func grammar(
        _ fields: inout Fields
    ) throws(APIError) -> (grammar: Grammar?, field: String) {
        let own = try fields.text("grammar")
        let format = try fields.fields("response_format")
        let kept = try format.map { format throws(APIError) in try Self.format(format) } ?? nil
        guard let own else { return (kept, "response_format") }
        guard kept == nil else { throw .field("grammar", "cannot be kept beside response_format") }
        let grammar = try named("grammar") { () throws(GrammarError) in try Grammar(gbnf: own) }
        return (grammar, "grammar")
    }

    /// The grammar of a `response_format`; `nil` for plain text.
    private static func format(_ format: Fields) throws(APIError) -> Grammar? {
        var format = format
        let result: Grammar?
        switch try format.text("type") {
        case "text": result = nil
        case "json_object":
            // Some servers take a schema here.
            if let schema = format.take("schema") {
                result = try named("response_format.schema") { () throws(GrammarError) in
                    try Grammar(jsonSchema: schema)
                }
            } else {
                result = try named("response_format") { () throws(GrammarError) in
                    try Grammar.anyObject()
                }
            }
        case "json_schema":
            guard var schema = try format.fields("json_schema") else {
                throw APIError.missing("response_format.json_schema")
            }
            guard let name = try schema.text("name") else {
                throw APIError.missing("response_format.json_schema.name")
            }
            guard ToolUse.isPlain(name) else {
                throw .field("response_format.json_schema.name", ToolUse.plainNames)
            }
            _ = try schema.text("description")
            _ = try schema.boolean("strict")
            guard let json = schema.take("schema") else {
                throw APIError.missing("response_format.json_schema.schema")
            }
            try schema.finish()
            result = try named("response_format.json_schema.schema") { () throws(GrammarError) in
                try Grammar(jsonSchema: json)
            }
        case nil: throw APIError.missing("response_format.type")
        case let other?:
            throw .field(
                "response_format.type",
                "\"\(other)\" found, expected text, json_object or json_schema")
        }
        try format.finish()
        return result
    }

    /// Makes a grammar; a fault is one of a field.
    static func named(
        _ field: String, _ body: () throws(GrammarError) -> Grammar
    ) throws(APIError) -> Grammar {
        do {
            return try body()
        } catch {
            let place = error.place.map { "\($0): " } ?? ""
            throw .field(field, place + error.problem, code: "invalid_grammar")
        }
    }
}

/// Token counts of an answer, as OpenAI's endpoints tell them.
struct Usage: Sendable {
    var (prompt, cached, added) = (0, 0, 0)

    /// Counts an outcome; choices of one prompt count it once.
    mutating func add(_ outcome: GenerationOutcome, countsPrompt: Bool) {
        added += outcome.addedCount
        guard countsPrompt else { return }
        prompt += outcome.promptCount
        cached += outcome.cachedCount
    }

    var json: JSON {
        [
            "prompt_tokens": .integer(prompt), "completion_tokens": .integer(added),
            "total_tokens": .integer(prompt + added),
            "prompt_tokens_details": ["cached_tokens": .integer(cached)],
        ]
    }
}

/// Names of answers.
enum Identifier {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    static func random(_ count: Int) -> String {
        String((0..<count).map { _ in letters.randomElement() ?? "0" })
    }
}

extension ScoredToken {
    /// What a log probability that is too small for a number is given as.
    private static let least = -9999.0

    static func number(_ value: Double) -> JSON { .real(value.isFinite ? value : least) }

    /// As chat completions have it.
    var chatJSON: JSON {
        [
            "token": .text(String(decoding: bytes, as: UTF8.self)),
            "logprob": ScoredToken.number(logProbability ?? 0),
            "bytes": .array(bytes.map { .integer(Int($0)) }),
            "top_logprobs": .array(
                top.map { other in
                    [
                        "token": .text(String(decoding: other.bytes, as: UTF8.self)),
                        "logprob": ScoredToken.number(other.logProbability),
                        "bytes": .array(other.bytes.map { .integer(Int($0)) }),
                    ]
                }),
        ]
    }
}
