import Evaluation
import Serving
import TensorCore
import Testing
import Tokenization

@Suite(.timeLimit(.minutes(20))) struct EngineTests {
    private func server() throws -> TestServer { try TestServer.shared.get() }

    private static let prompts = [
        "Once upon a time", "The first", "In 1815 the", "She said that", "A river", "We have to",
    ]

    /// The same seed gives the same text alone and beside others, after other texts in its slot.
    @Test func whatElseRunsChangesNothing() async throws {
        let server = try server()
        func text(_ index: Int) async -> String? {
            await server.complete(
                "\"prompt\": \"\(Self.prompts[index])\", \"max_tokens\": 10, \"seed\": \(index)"
            ).completion
        }
        var alone: [String?] = []
        for index in Self.prompts.indices { alone.append(await text(index)) }
        #expect(Set(alone.compactMap { $0 }).count > 3)
        await withTaskGroup(of: (Int, String?).self) { group in
            for _ in 0..<2 {
                for index in Self.prompts.indices { group.addTask { (index, await text(index)) } }
            }
            for await (index, text) in group { #expect(text == alone[index]) }
        }
    }

    @Test func commonPrefixesAreReused() async throws {
        let server = try TestServer(slotCount: 2)
        let body =
            "\"prompt\": \"Once upon a time there was\", \"max_tokens\": 4, \"temperature\": 0"
        let first = await server.complete(body)
        let second = await server.complete(body)
        let usage = try #require(second.json["usage"])
        let count = try #require(usage["prompt_tokens"]?.integer)
        #expect(first.json["usage"]?["prompt_tokens_details"]?["cached_tokens"] == 0)
        #expect(usage["prompt_tokens_details"]?["cached_tokens"] == .integer(count - 1))
        #expect(first.completion == second.completion)
        #expect(usage["completion_tokens"] == 4 && usage["total_tokens"] == .integer(count + 4))
    }

    @Test func choicesHaveSeedsOfTheirOwn() async throws {
        let server = try server()
        let all = await server.complete(
            "\"prompt\": \"The\", \"max_tokens\": 6, \"n\": 3, \"seed\": 40")
        let texts = (all.json["choices"]?.array ?? []).compactMap { $0["text"]?.text }
        #expect(texts.count == 3 && Set(texts).count > 1)
        for (index, text) in texts.enumerated() {
            let one = await server.complete(
                "\"prompt\": \"The\", \"max_tokens\": 6, \"seed\": \(40 + index)")
            #expect(one.completion == text)
        }
    }

    /// A text that goes on for long.
    private static let endless = {
        var request = GenerationRequest(
            prompt: [10, 20], limit: nil, sampling: Sampler.Settings(temperature: 0))
        request.ignoresEnd = true
        return request
    }()

    @Test func aFullQueueRefuses() async throws {
        let gate = Gate()
        defer { gate.open() }
        let server = try TestServer(slotCount: 1, queueLimit: 1, gate: gate)
        let running = try server.engine.submit([Self.endless])
        try await wait { server.runningCount == 1 }
        let waiting = try server.engine.submit([Self.endless])
        let answer = await server.complete("\"prompt\": \"a\"")
        #expect(answer.status == 503)
        #expect(answer.headers["retry-after"] == "1")
        #expect(answer.json["error"]?["code"] == "queue_full")
        withExtendedLifetime((running, waiting)) {}
    }

    @Test func nobodyWaitingFreesTheSlot() async throws {
        let gate = Gate(stepCount: 3)
        defer { gate.open() }
        let server = try TestServer(slotCount: 1, gate: gate)
        let reader = Task {
            for await (_, event) in try server.engine.submit([Self.endless]) {
                if case .text = event { return }
            }
        }
        try await reader.value
        // The gate alone kept it from going on.
        try await wait { server.engine.hasCancellations || server.runningCount == 0 }
        gate.open()
        #expect(await server.complete("\"prompt\": \"a\", \"max_tokens\": 1").status == 200)
        let metrics = await server.ask("GET", "/metrics").text
        #expect(
            metrics.contains("requests_total{model=\"tiny\",finish_reason=\"cancelled\"} 1"))
    }

    @Test func stoppingEndsWhatRuns() async throws {
        let gate = Gate()
        let server = try TestServer(slotCount: 1, gate: gate)
        let events = try server.engine.submit([Self.endless])
        await server.engine.stop(within: 0)
        gate.open()
        var reason: FinishReason?
        for await (_, event) in events {
            if case .end(let outcome) = event { reason = outcome.reason }
        }
        #expect(reason == .cancelled)
        #expect(await server.complete("\"prompt\": \"a\"").status == 503)
    }

    @Test func aLongPromptIsRefusedWithBothNumbers() async throws {
        let server = try TestServer(slotCount: 1, capacity: 48)
        let tokens = (0..<100).map { _ in "10" }.joined(separator: ",")
        let answer = await server.complete("\"prompt\": [\(tokens)]")
        #expect(answer.status == 400)
        let message = try #require(answer.json["error"]?["message"]?.text)
        #expect(message.contains("100 tokens") && message.contains("room for 48"))
        #expect(answer.json["error"]?["code"] == "context_length_exceeded")
        let full = await server.complete(
            "\"prompt\": \"a\", \"ignore_eos\": true, \"max_tokens\": 500")
        #expect(full.json["usage"]?["total_tokens"] == 48)
        #expect(full.json["choices"]?.array?.first?["finish_reason"] == "length")
    }

    @Test func stopTextsEndTheText() async throws {
        let server = try server()
        let body = "\"prompt\": \"Once upon a time\", \"max_tokens\": 12, \"temperature\": 0"
        let whole = try #require(await server.complete(body).completion)
        let middle = whole.index(whole.startIndex, offsetBy: whole.count / 2)
        let stop = String(whole[middle...].prefix(4))
        let cut = try #require(whole.firstRange(of: stop)).lowerBound
        let quoted = String(
            decoding: JSON.string(ByteString(stop)).writtenCompactly(), as: UTF8.self)
        let answer = await server.complete(body + ", \"stop\": [\(quoted), \"never\"]")
        #expect(answer.completion == String(whole[..<cut]))
        #expect(answer.json["choices"]?.array?.first?["finish_reason"] == "stop")
    }

    @Test func logProbabilities() async throws {
        let server = try server()
        let answer = await server.complete(
            "\"prompt\": \"Once upon a time\", \"max_tokens\": 3, \"temperature\": 0, \"logprobs\": 2, \"echo\": true"
        )
        let choice = try #require(answer.json["choices"]?.array?.first)
        let scores = try #require(choice["logprobs"])
        let tokens = (scores["tokens"]?.array ?? []).compactMap(\.text)
        #expect(tokens.joined() == choice["text"]?.text)
        #expect(choice["text"]?.text?.hasPrefix("Once upon a time") == true)
        let values = scores["token_logprobs"]?.array ?? []
        #expect(values.count == tokens.count && values.first == .null)
        #expect(values.dropFirst().allSatisfy { ($0.double ?? 1) <= 0 })
        // What is most probable was picked: it comes first.
        let last = try #require(scores["top_logprobs"]?.array?.last?.members)
        #expect(last.count == 2 && last.first?.key.description == tokens.last)
        #expect(last.first?.value == values.last)
        // Alone, a token's probability is what it is in a text.
        let chat = await server.post(
            "/v1/chat/completions",
            #"{"messages": [{"role": "user", "content": "a"}], "max_tokens": 2, "logprobs": true, "top_logprobs": 3, "ignore_eos": true}"#
        )
        let content = chat.json["choices"]?.array?.first?["logprobs"]?["content"]?.array ?? []
        #expect(content.count == 2)
        #expect(content.allSatisfy { $0["top_logprobs"]?.array?.count == 3 })
    }

    @Test func biasForcesAndBans() async throws {
        let server = try server()
        let forced = await server.complete(
            "\"prompt\": \"a\", \"max_tokens\": 3, \"logit_bias\": {\"50\": 100}, \"temperature\": 0"
        )
        let free = await server.complete("\"prompt\": \"a\", \"max_tokens\": 1, \"temperature\": 0")
        let piece = String(decoding: server.served.tokenizer.piece(of: 50), as: UTF8.self)
        #expect(forced.completion == piece + piece + piece)
        let token = try #require(
            await server.post("/tokenize", "{\"content\": \"\(free.completion ?? "")\"}").json[
                "tokens"]?.array?.first?.integer)
        let banned = await server.complete(
            "\"prompt\": \"a\", \"max_tokens\": 1, \"temperature\": 0, \"logit_bias\": {\"\(token)\": -100}"
        )
        #expect(banned.completion != free.completion)
    }

    @Test func penaltiesKeepFromRepeating() {
        var adjustment = LogitAdjustment()
        adjustment.presencePenalty = 1
        adjustment.frequencyPenalty = 0.5
        adjustment.repetitionPenalty = 2
        adjustment.bias = [3: -1]
        var logits: [Float] = [4, -4, 1, 1, 1]
        adjustment.apply(to: &logits, text: [0, 1, 2, 2], addedCount: 2)
        // 2 was added twice; 0 and 1 stand in the prompt.
        #expect(logits == [2, -8, 0.5 - 2, 0, 1])
    }
}
