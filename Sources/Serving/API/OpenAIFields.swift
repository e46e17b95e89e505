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

    /// Members that change nothing about an answer by their definition.
    private static let harmless = [
        "user", "metadata", "store", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "service_tier", "cache_prompt",
    ]

    init(
        _ fields: inout Fields, vocabularyCount: Int, leastTokens: Int
    ) throws(APIError) {
        fields.ignore(Self.harmless)
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

    /// The grammar that a request asks for in one of several ways.
    static func grammar(_ fields: inout Fields) throws(APIError) -> Grammar? {
        let own = try fields.text("grammar")
        guard var format = try fields.fields("response_format") else {
            return try own.map { text throws(APIError) in
                try named("grammar") { () throws(GrammarError) in try Grammar(gbnf: text) }
            }
        }
        let type = try format.text("type")
        if own != nil, type != "text" {
            throw .field("grammar", "cannot be kept beside response_format")
        }
        let result: Grammar?
        switch type {
        case "text":
            result = try own.map { text throws(APIError) in
                try named("grammar") { () throws(GrammarError) in try Grammar(gbnf: text) }
            }
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
