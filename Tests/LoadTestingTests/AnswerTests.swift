import HTTPRequests
import LoadTesting
import TensorCore
import Testing

/// Answers that are cut anywhere, broken, or lie.
@Suite struct AnswerTests {
    private static let usage =
        #"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#
    private static func content(_ text: String) -> String {
        "{\"choices\":[{\"delta\":{\"content\":\"\(text)\"},\"finish_reason\":null}]}"
    }
    private static let end = #"{"choices":[{"delta":{},"finish_reason":"length"}]}"#
    private static func events(_ all: [String]) -> String {
        all.map { "data: \($0)\n\n" }.joined()
    }
    private static let whole = events([content("ä"), content("🙂"), end, usage, "[DONE]"])

    /// What an answer of one request is counted as; `nil` for good.
    private func kind(
        status: Int = 200, type: String = "text/event-stream", pieces: [[UInt8]],
        endpoint: LoadEndpoint = .chat
    ) async throws -> (name: String?, detail: String?) {
        let transport = ScriptedTransport { _, now in
            [.init(time: now, part: .head(HTTPAnswerHead(status: status, contentType: type)))]
                + pieces.map { .init(time: now, part: .bytes($0)) }
        }
        var plan = LoadPlan(levels: [.closed(concurrency: 1)], requestCount: 1, duration: nil)
        plan.warmupCount = 0
        let levels = await LoadTest(
            target: try .scripted(endpoint: endpoint), plan: plan, prompts: OnePrompt(),
            transport: transport, clock: transport.clock
        ).run()
        let level = try #require(levels.first)
        #expect(level.completed + level.failed == 1)
        return (level.errors.first?.key, level.errorExamples.first?.value)
    }

    @Test func anAnswerMayBeCutAnywhere() async throws {
        let bytes = Array(Self.whole.utf8)
        for cut in 1..<bytes.count {
            let found = try await kind(pieces: [Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(found.name == nil, "cut at \(cut): \(found.detail ?? "")")
        }
        #expect(try await kind(pieces: bytes.map { [$0] }).name == nil)
    }

    @Test func allLineEndsAndFieldsAreRead() async throws {
        let texts = [
            Self.whole.replacing("\n", with: "\r\n"), Self.whole.replacing("\n", with: "\r"),
            ": a comment\nevent: x\nid: 1\nretry\n" + Self.whole, "\u{FEFF}" + Self.whole,
            Self.whole.replacing("data: ", with: "data:"),
            // An event of several lines, and an end without an empty line.
            "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"a\"}}]}\n\n"
                + Self.events([Self.end, Self.usage]) + "data: [DONE]",
        ]
        for text in texts {
            let found = try await kind(pieces: [Array(text.utf8)])
            #expect(found.name == nil, "\(text): \(found.detail ?? "")")
        }
    }

    static let faults: [(text: String, name: String, words: String)] = [
        ("", "broken_stream", "no server-sent event"),
        ("<html>nonsense</html>\n\n", "broken_stream", "no server-sent event"),
        ("data: {\"choices\":\n\n", "broken_stream", "is not JSON"),
        ("data: 7\n\n", "broken_stream", "an integer, not an object"),
        ("data: {\"error\":{\"message\":\"out of memory\"}}\n\n", "server_error", "out of memory"),
        (events([content("a")]), "closed_early", "without [DONE]"),
        (events([end, usage, "[DONE]"]), "no_content", "no event holds content"),
        (events([content("a"), end, "[DONE]"]), "no_usage", "include_usage"),
        (
            events([content("a"), end, #"{"usage":{"prompt_tokens":"10"}}"#, "[DONE]"]),
            "false_usage", "lacks"
        ),
        (
            events([
                content("a"), end, #"{"usage":{"prompt_tokens":10,"completion_tokens":5}}"#,
                "[DONE]",
            ]), "false_usage", "at most 4 were asked for"
        ),
        (
            events([
                content("a"), end, #"{"usage":{"prompt_tokens":0,"completion_tokens":1}}"#,
                "[DONE]",
            ]), "false_usage", "0 and 1 tokens"
        ),
        (
            events([
                content("a"), content("b"), content("c"), end,
                #"{"usage":{"prompt_tokens":10,"completion_tokens":1}}"#, "[DONE]",
            ]), "false_usage", "text came in 3 events"
        ),
        (
            events([
                content("a"), end,
                #"{"usage":{"prompt_tokens":10,"completion_tokens":1,"total_tokens":20}}"#,
                "[DONE]",
            ]), "false_usage", "20 in all"
        ),
        (
            events([
                content("a"), end,
                "{\"usage\":{\"prompt_tokens\":\(Int.max),\"completion_tokens\":1,\"total_tokens\":3}}",
                "[DONE]",
            ]), "false_usage", "3 in all"
        ),
    ]

    @Test func faultsAreToldApart() async throws {
        for (text, name, words) in Self.faults {
            let found = try await kind(pieces: [Array(text.utf8)])
            #expect(found.name == name, "\(text)")
            #expect(found.detail?.contains(words) == true, "\(text): \(found.detail ?? "")")
        }
    }

    @Test func otherAnswersAreToldApart() async throws {
        let busy = #"{"error":{"message":"too many\nrequests"}}"#
        let found = try await kind(
            status: 429, type: "application/json", pieces: [Array(busy.utf8)])
        #expect(found.name == "http_429" && found.detail == "too many requests")
        let json = try await kind(type: "application/json", pieces: [Array("{}".utf8)])
        #expect(json.name == "broken_stream" && json.detail?.contains("application/json") == true)
        let long = try await kind(
            status: 500, type: "",
            pieces: [[UInt8]](repeating: .init(repeating: 65, count: 999), count: 9))
        #expect(long.name == "http_500" && (long.detail?.count ?? 0) <= 200)
    }

    @Test func linesAndAnswersAreBounded() async throws {
        let block = [UInt8](repeating: 65, count: 1 << 16)
        let line = try await kind(
            pieces: [Array("data: ".utf8)] + Array(repeating: block, count: 17))
        #expect(line.name == "broken_stream" && line.detail?.contains("a line is longer") == true)
        let event = try await kind(
            pieces: Array(repeating: Array("data: ".utf8) + block + [0x0A], count: 17))
        #expect(
            event.name == "broken_stream" && event.detail?.contains("an event is longer") == true)
        // Remarks of 64 MiB, and one byte more.
        let remark = [0x3A] + block.dropLast(2) + [0x0A]
        let whole = Array(Self.whole.utf8)
        let most =
            Array(repeating: remark, count: 1023) + [
                Array(remark.dropLast(whole.count + 1)) + [0x0A]
            ]
        #expect(try await kind(pieces: most + [whole]).name == nil)
        let answer = try await kind(pieces: most + [[0x0A] + whole])
        #expect(answer.detail?.contains("the answer is longer") == true)
    }

    @Test func completionsHaveAShapeOfTheirOwn() async throws {
        let text = Self.events([
            #"{"choices":[{"text":"a","finish_reason":null}]}"#,
            #"{"choices":[{"text":"","finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
            "[DONE]",
        ])
        #expect(try await kind(pieces: [Array(text.utf8)], endpoint: .completions).name == nil)
        #expect(try await kind(pieces: [Array(text.utf8)]).name == "no_content")
    }
}
