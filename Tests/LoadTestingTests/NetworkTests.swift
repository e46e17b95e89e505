import HTTPNetworking
import HTTPRequests
import LoadTesting
import Synchronization
import TensorCore
import TestSupport
import Testing

/// A load test over sockets, against servers that do as they like.
@Suite(.timeLimit(.minutes(5))) struct NetworkTests {
    private static let events = [
        #"data: {"choices":[{"delta":{"content":"ä"},"finish_reason":null}]}"#,
        #"data: {"choices":[{"delta":{"content":"🙂"},"finish_reason":null}]}"#,
        #"data: {"choices":[{"delta":{},"finish_reason":"length"}]}"#,
        #"data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#,
        "data: [DONE]",
    ].map { $0 + "\n\n" }

    /// Runs `body` with the network and a server that is stopped afterwards.
    @discardableResult
    private func with<Value>(
        silenceLimit: Double = 600,
        _ script: @escaping @Sendable (_ path: String, _ body: String) -> [ScriptedServer.Step],
        _ body: (ScriptedServer, HTTPNetwork) async throws -> Value
    ) async throws -> Value {
        let server = ScriptedServer(script)
        let network = HTTPNetwork(connectionLimit: 16, silenceLimit: silenceLimit)
        let result: Result<Value, any Error>
        do { result = .success(try await body(server, network)) } catch { result = .failure(error) }
        server.stop()
        await network.shutdown()
        return try result.get()
    }

    private func level(
        count: Int, concurrency: Int = 1, timeout: Double = 600, url: String? = nil,
        _ script: @escaping @Sendable (_ path: String, _ body: String) -> [ScriptedServer.Step]
    ) async throws -> LevelResult {
        try await with(silenceLimit: timeout, script) { server, network in
            var plan = LoadPlan(
                levels: [.closed(concurrency: concurrency)], requestCount: count, duration: nil)
            plan.warmupCount = 0
            plan.timeout = timeout
            let target = LoadTarget(
                address: try ServerAddress(url ?? server.url), model: "m", key: "secret",
                outputTokens: 2)
            let levels = await LoadTest(
                target: target, plan: plan, prompts: OnePrompt(), transport: network
            ).run()
            return try #require(levels.first)
        }
    }

    @Test func streamsInOddChunksAreRead() async throws {
        let bytes = Array(Self.events.joined().utf8)
        let sizes = [1, 3, 7, bytes.count]
        let turn = Mutex(0)
        let level = try await level(count: 4, concurrency: 2) { _, _ in
            let size = turn.withLock { turn in
                defer { turn += 1 }
                return sizes[turn % sizes.count]
            }
            let chunks = stride(from: 0, to: bytes.count, by: size).map {
                ScriptedServer.chunk(Array(bytes[$0..<min($0 + size, bytes.count)]))
            }
            return [.text(ScriptedServer.chunkedHead)] + chunks + [.text("0\r\n\r\n")]
        }
        #expect(level.completed == 4, "\(level.errorExamples)")
        #expect(level.outputTokens == 8 && level.inputTokens == 40)
        #expect(level.ttft?.count == 4 && level.itl?.count == 4)
    }

    @Test func keysAreSentAndRedirectionsNotFollowed() async throws {
        let level = try await level(count: 1) { path, body in
            #expect(path == "/v1/chat/completions" && body.contains("\"include_usage\":true"))
            return [
                .text(
                    "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n"
                        + "Content-Length: 0\r\nConnection: close\r\n\r\n")
            ]
        }
        #expect(level.errors == ["http_307": 1])
    }

    @Test func aServerThatHangsTimesOut() async throws {
        let before = try await level(count: 1, timeout: 0.2) { _, _ in [.hang] }
        #expect(before.errors == ["timeout": 1])
        let inside = try await level(count: 1, timeout: 0.2) { _, _ in
            [
                .text(ScriptedServer.chunkedHead), ScriptedServer.chunk(Array(Self.events[0].utf8)),
                .hang,
            ]
        }
        #expect(inside.errors == ["timeout": 1])
    }

    @Test func aServerThatClosesEarlyIsToldApart() async throws {
        let first = ScriptedServer.chunk(Array(Self.events[0].utf8))
        let cut = try await level(count: 1) { _, _ in [.text(ScriptedServer.chunkedHead), first] }
        #expect(cut.errors == ["closed_early": 1], "\(cut.errorExamples)")
        let ended = try await level(count: 1) { _, _ in
            [.text(ScriptedServer.chunkedHead), first, .text("0\r\n\r\n")]
        }
        #expect(ended.errors == ["closed_early": 1], "\(ended.errorExamples)")
        let silent = try await level(count: 1) { _, _ in [] }
        #expect(silent.errors == ["closed_early": 1], "\(silent.errorExamples)")
        let reset = try await level(count: 1) { _, _ in [.reset] }
        #expect(reset.errors == ["closed_early": 1], "\(reset.errorExamples)")
    }

    @Test func whatIsNotHTTPIsToldApart() async throws {
        let level = try await level(count: 1) { _, _ in [.text("SSH-2.0-OpenSSH_9.9\r\n")] }
        #expect(level.errors == ["broken_stream": 1], "\(level.errorExamples)")
    }

    @Test func noServerIsAnErrorOfConnecting() async throws {
        let gone = ScriptedServer { _, _ in [] }
        gone.stop()
        let level = try await level(count: 3, url: gone.url) { _, _ in [] }
        #expect(level.errors == ["connect": 3], "\(level.errorExamples)")
    }

    @Test func errorsAreCountedByStatus() async throws {
        let turn = Mutex(0)
        let level = try await level(count: 6) { _, _ in
            let number = turn.withLock { turn in
                defer { turn += 1 }
                return turn
            }
            switch number % 3 {
            case 0: return ScriptedServer.answer("{\"error\":\"busy\"}", status: "429 Too Many")
            case 1: return ScriptedServer.answer("oops", status: "500 Oops", type: "text/plain")
            default:
                return ScriptedServer.answer(Self.events.joined(), type: "text/event-stream")
            }
        }
        #expect(level.errors == ["http_429": 2, "http_500": 2] && level.completed == 2)
        #expect(level.errorExamples == ["http_429": "busy", "http_500": "oops"])
    }

    @Test func theServerIsAskedForItsModelAndItsTokens() async throws {
        try await with { path, body in
            switch path {
            case "/v1/models": ScriptedServer.answer(#"{"data":[{"id":"first"},{"id":"b"}]}"#)
            case "/tokenize" where body.contains("\"inputs\""):
                ScriptedServer.answer(#"[{"id":1,"text":"a"},{"id":2,"text":"b"}]"#)
            case "/tokenize": ScriptedServer.answer("{}", status: "422 No")
            default: ScriptedServer.answer("{}", status: "404 Not Found")
            }
        } _: { server, network in
            let probe = ServerProbe(transport: network, timeout: 60)
            let address = try ServerAddress(server.url + "/v1/")
            #expect(try await probe.firstModel(address, key: nil) == "first")
            let target = LoadTarget(address: address, model: "first")
            let counter = try #require(await probe.tokenCounter(for: target))
            #expect(try await counter("ab") == 2)
            await #expect {
                _ = try await probe.firstRequest(LoadPrompt(.text("a")), to: target)
            } throws: { "\($0)".contains("the first request failed (http_404)") }
        }
    }

    @Test func aServerWithoutIgnoreEosIsAskedWithoutIt() async throws {
        try await with { _, body in
            body.contains("ignore_eos")
                ? ScriptedServer.answer(#"{"error":{"message":"unknown"}}"#, status: "400 Bad")
                : ScriptedServer.answer(Self.events.joined(), type: "text/event-stream")
        } _: { server, network in
            let probe = ServerProbe(transport: network, timeout: 60)
            let target = LoadTarget(address: try ServerAddress(server.url), model: "m")
            let accepted = try await probe.accepted(target, LoadPrompt(.text("a")))
            #expect(target.ignoresEnd && !accepted.ignoresEnd)
        }
    }

    @Test func longAnswersAreNotCollected() async throws {
        try await with { _, _ in
            ScriptedServer.answer(String(repeating: "a", count: 100_000))
        } _: { server, network in
            await #expect(throws: HTTPError(.tooLong(limit: 1000), url: server.url)) {
                _ = try await network.collect(
                    HTTPRequest("GET", server.url), timeout: 60, limit: 1000)
            }
        }
    }
}
