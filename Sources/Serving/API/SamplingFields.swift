import Evaluation
import TensorCore

/// How a request wants tokens picked.
struct SamplingFields {
    var settings: Sampler.Settings
    var adjustment = LogitAdjustment()

    /// What OpenAI's endpoints take, and what other servers added to it.
    ///
    /// What OpenAI's reference does not have is as llama.cpp has it: the 40 most probable tokens, at
    /// least 0.05 times as probable as the most probable.
    init(openAI fields: inout Fields, vocabularyCount: Int) throws(APIError) {
        settings = Sampler.Settings(
            temperature: try fields.number("temperature", in: 0...2) ?? 1,
            topK: max(0, try fields.integer("top_k", in: -1...Int.max) ?? 40),
            topP: try fields.number("top_p", in: 0...1) ?? 1,
            minP: try fields.number("min_p", in: 0...1) ?? 0.05,
            seed: try SamplingFields.seed(&fields))
        adjustment.presencePenalty = try fields.number("presence_penalty", in: -2...2) ?? 0
        adjustment.frequencyPenalty = try fields.number("frequency_penalty", in: -2...2) ?? 0
        try readRepetition(&fields)
        if let bias = fields.take("logit_bias") {
            adjustment.bias = try SamplingFields.bias(
                bias, name: fields.name("logit_bias"), vocabularyCount: vocabularyCount)
        }
    }

    /// What Ollama's `options` have.
    init(ollama fields: inout Fields) throws(APIError) {
        settings = Sampler.Settings(
            temperature: try fields.number("temperature", in: 0...100) ?? 0.8,
            topK: max(0, try fields.integer("top_k", in: -1...Int.max) ?? 40),
            topP: try fields.number("top_p", in: 0...1) ?? 0.9,
            minP: try fields.number("min_p", in: 0...1) ?? 0,
            seed: try SamplingFields.seed(&fields))
        adjustment.presencePenalty = try fields.number("presence_penalty", in: -2...2) ?? 0
        adjustment.frequencyPenalty = try fields.number("frequency_penalty", in: -2...2) ?? 0
        try readRepetition(&fields)
    }

    private mutating func readRepetition(_ fields: inout Fields) throws(APIError) {
        for name in ["repetition_penalty", "repeat_penalty"] {
            if let penalty = try fields.number(name, in: 0.01...100) {
                adjustment.repetitionPenalty = penalty
            }
        }
        if let window = try fields.integer("repeat_last_n", in: -1...Int.max) {
            adjustment.repetitionWindow = window == -1 ? nil : window
        }
    }

    private static func seed(_ fields: inout Fields) throws(APIError) -> UInt64 {
        let seed = try fields.integer("seed")
        return seed.map { UInt64(bitPattern: Int64($0)) } ?? UInt64.random(in: 0...UInt64.max)
    }

    private static func bias(
        _ json: JSON, name: String, vocabularyCount: Int
    ) throws(APIError) -> [Int32: Float] {
        guard let members = json.members else {
            throw .field(name, "\(json.kindName) found, expected an object of token ids")
        }
        var result: [Int32: Float] = [:]
        for member in members {
            let key = member.key.description
            guard key.utf8.allSatisfy({ (48...57).contains($0) }), let token = Int32(key),
                (0..<vocabularyCount).contains(Int(token))
            else {
                throw .field(
                    name, "\"\(key)\" found, expected token ids from 0 to \(vocabularyCount - 1)")
            }
            guard let value = member.value.double, (-100...100).contains(value) else {
                throw .field(
                    "\(name).\(key)", "expected a number from -100 to 100")
            }
            // As OpenAI has it: -100 and 100 ban a token, or allow nothing else.
            result[token] = value <= -100 ? -.infinity : Float(value)
        }
        return result
    }

    /// Stop texts.
    static func stops(_ fields: inout Fields) throws(APIError) -> [String] {
        let name = fields.name("stop")
        let stops = try fields.texts("stop") ?? []
        guard stops.count <= 16 else {
            throw .field(name, "\(stops.count) texts found, expected at most 16")
        }
        guard stops.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 1024 }) else {
            throw .field(name, "expected texts of 1 to 1024 bytes")
        }
        return stops
    }
}
