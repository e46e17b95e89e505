import TensorCore

/// Which endpoint is asked.
public enum LoadEndpoint: String, Sendable, CaseIterable, Codable {
    /// `/v1/chat/completions`.
    case chat
    /// `/v1/completions`.
    case completions

    /// The path behind `/v1`.
    public var path: String { self == .chat ? "/chat/completions" : "/completions" }
}

/// What of a streamed answer counts, event by event.
package struct AnswerReader {
    /// Token counts as the server tells them.
    package struct Usage: Hashable {
        package var promptTokens: Int
        package var completionTokens: Int
        package var totalTokens: Int?
    }

    let endpoint: LoadEndpoint
    /// When the first and the last event with content came.
    private(set) var firstContent: Double?
    private(set) var lastContent: Double?
    /// When the text was known to be whole: the event with a reason to end.
    private(set) var finish: Double?
    /// Seconds between each event with content and the one before.
    private(set) var gaps: [Double] = []
    private(set) var usage: Usage?
    /// Whether `[DONE]` came.
    private(set) var isDone = false
    private(set) var eventCount = 0

    package init(endpoint: LoadEndpoint) { self.endpoint = endpoint }

    /// The events with content.
    var contentCount: Int { firstContent == nil ? 0 : gaps.count + 1 }

    /// When the last of the text was there.
    var textEnd: Double? {
        guard let lastContent else { return nil }
        return max(lastContent, finish ?? lastContent)
    }

    /// Takes in the data of an event that came at `time`.
    package mutating func take(_ data: [UInt8], at time: Double) throws(RequestFailure) {
        guard !isDone else { return }
        eventCount += 1
        if data.elementsEqual("[DONE]".utf8) {
            isDone = true
            return
        }
        let json: JSON
        do { json = try JSON.parse(data) } catch {
            throw RequestFailure(.brokenStream, "an event is not JSON: \(error)")
        }
        guard json.members != nil else {
            throw RequestFailure(.brokenStream, "an event is \(json.kindName), not an object")
        }
        if let error = json["error"], !error.isNull {
            throw RequestFailure(.serverError, ServerWords.words(of: json))
        }
        if let usage = json["usage"], !usage.isNull { self.usage = try AnswerReader.read(usage) }
        for choice in json["choices"]?.array ?? [] {
            if hasContent(choice) { contentCame(at: time) }
            if let reason = choice["finish_reason"], !reason.isNull { finish = time }
        }
    }

    private mutating func contentCame(at time: Double) {
        if let lastContent { gaps.append(max(0, time - lastContent)) }
        if firstContent == nil { firstContent = time }
        lastContent = time
    }

    /// Whether a choice holds text, thoughts, or a part of a tool's call.
    private func hasContent(_ choice: JSON) -> Bool {
        func isText(_ value: JSON?) -> Bool { value?.bytes.map { !$0.bytes.isEmpty } ?? false }
        guard endpoint == .chat else { return isText(choice["text"]) }
        guard let delta = choice["delta"] else { return false }
        return ["content", "reasoning_content", "reasoning"].contains { isText(delta[$0]) }
            || !(delta["tool_calls"]?.array ?? []).isEmpty
    }

    private static func read(_ json: JSON) throws(RequestFailure) -> Usage {
        guard let prompt = json["prompt_tokens"]?.integer,
            let completion = json["completion_tokens"]?.integer
        else {
            throw RequestFailure(
                .falseUsage, "usage lacks prompt_tokens or completion_tokens, or they are no counts"
            )
        }
        return Usage(
            promptTokens: prompt, completionTokens: completion,
            totalTokens: json["total_tokens"]?.integer)
    }

    /// What a whole answer says of its tokens.
    ///
    /// - Parameters:
    ///   - limit: The tokens that were asked for.
    ///   - needsContent: Whether an answer without any content is a failure.
    /// - Throws: `RequestFailure` when the answer is not whole or its counts cannot be true.
    package func checkedUsage(limit: Int, needsContent: Bool) throws(RequestFailure) -> Usage {
        guard eventCount > 0 else {
            throw RequestFailure(.brokenStream, "the answer holds no server-sent event")
        }
        guard isDone || finish != nil else {
            throw RequestFailure(
                .closedEarly, "the stream ended without [DONE] and without a finish_reason")
        }
        guard contentCount > 0 || !needsContent else {
            throw RequestFailure(.noContent, "no event holds content")
        }
        guard let usage else {
            throw RequestFailure(
                .noUsage, "no event holds usage, expected include_usage to be kept")
        }
        let (prompt, completion) = (usage.promptTokens, usage.completionTokens)
        guard prompt > 0, completion > 0 || (!needsContent && completion == 0) else {
            throw RequestFailure(
                .falseUsage, "usage tells \(prompt) and \(completion) tokens of a prompt and a text"
            )
        }
        guard completion <= limit else {
            throw RequestFailure(
                .falseUsage, "usage tells \(completion) tokens, at most \(limit) were asked for")
        }
        // What was held back for a stop string may come apart from its token.
        guard contentCount <= completion + 1 else {
            throw RequestFailure(
                .falseUsage, "usage tells \(completion) tokens, text came in \(contentCount) events"
            )
        }
        let (sum, overflow) = prompt.addingReportingOverflow(completion)
        guard !overflow, usage.totalTokens.map({ $0 == sum }) ?? true else {
            throw RequestFailure(
                .falseUsage,
                "usage tells \(prompt) and \(completion) tokens and \(usage.totalTokens ?? 0) in all"
            )
        }
        return usage
    }
}

/// What a server says about an error.
enum ServerWords {
    /// The message of an error object in any of the usual shapes, cut to a line.
    static func words(of json: JSON) -> String {
        let error = json["error"] ?? json
        let text =
            error["message"]?.text ?? error.text ?? json["message"]?.text ?? json["detail"]?.text
            ?? String(decoding: error.writtenCompactly(), as: UTF8.self)
        return line(text)
    }

    /// The same of an answer's bytes, which may be anything.
    static func words(of bytes: [UInt8]) -> String {
        if let json = try? JSON.parse(bytes), json.members != nil { return words(of: json) }
        return line(String(decoding: bytes, as: UTF8.self))
    }

    private static func line(_ text: String) -> String {
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let plain = String(words.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
        return plain.count > 200 ? plain.prefix(199) + "…" : plain
    }
}
