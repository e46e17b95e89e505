import HTTPRequests
import LoadTesting
import Synchronization
import TensorCore
import Testing

/// What is measured at and beside each limit.
@Suite struct LoadLimitTests {
    // MARK: Streams

    /// The data of the events of a stream, with that of an event that nothing ends.
    private func events(_ text: [UInt8]) throws -> [[UInt8]] {
        var (stream, found) = (EventStream(), [[UInt8]]())
        try stream.take(text) { found.append($0) }
        try stream.finish { found.append($0) }
        return found
    }

    @Test func linesAndEventsReachTheirLimit() throws {
        let limit = EventStream.lineLimit
        func line(_ count: Int) -> [UInt8] {
            Array("data: ".utf8) + [UInt8](repeating: 65, count: count - 6)
        }
        #expect(try events(line(limit)).map(\.count) == [limit - 6])
        #expect(try events(line(limit) + [0x0A, 0x0A]).map(\.count) == [limit - 6])
        #expect(throws: (any Error).self) { try events(line(limit + 1)) }
        // Two lines of an event have a line end between them.
        func event(_ count: Int) -> [UInt8] {
            line(limit / 2 + 6) + [0x0A] + line(count - limit / 2 - 1 + 6)
        }
        #expect(try events(event(limit)).map(\.count) == [limit])
        #expect(throws: (any Error).self) { try events(event(limit + 1)) }
    }

    @Test(
        arguments: [
            ("data: a\n\n", ["a"]), ("data:a\n\n", ["a"]), ("data:  a\n\n", [" a"]),
            ("data\n\n", [""]),
            ("data:\n\n", [""]), ("data: a\ndata: b\n\n", ["a\nb"]),
            ("data: a\n\n\n\ndata: b", ["a", "b"]),
            ("datum: a\n\n", []), ("dat: a\n\n", []), ("dataa: a\n\n", []), (": a\n\n", []),
            ("event: a\n\n", []),
            ("data: a:b\n\n", ["a:b"]), ("data: a\r\r\ndata: b\r\n\r\n", ["a", "b"]),
            ("data: a\r\n\rdata: b", ["a", "b"]),
            ("data: a\n\r\ndata: b", ["a", "b"]), ("\u{FEFF}data: a\n\n", ["a"]),
            ("x\n\u{FEFF}data: a\n\n", []),
            ("", []), ("\n\n", []),
        ])
    func fieldsAreRead(_ text: String, _ expected: [String]) throws {
        #expect(try events(Array(text.utf8)) == expected.map { Array($0.utf8) })
        // However it is cut.
        var (stream, found) = (EventStream(), [String]())
        for byte in text.utf8 {
            try stream.take([byte]) { found.append(String(decoding: $0, as: UTF8.self)) }
        }
        try stream.finish { found.append(String(decoding: $0, as: UTF8.self)) }
        #expect(found == expected)
    }

    // MARK: Answers

    /// An answer of so many events with content, and what its usage tells.
    private func isSound(
        _ contents: Int = 1, prompt: Int = 10, completion: Int = 1, total: Int? = nil,
        limit: Int = 4,
        needsContent: Bool = true, finish: Bool = true, done: Bool = true
    ) throws -> Bool {
        var reader = AnswerReader(endpoint: .chat)
        var data = (0..<contents).map { _ in #"{"choices":[{"delta":{"content":"a"}}]}"# }
        if finish { data.append(#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#) }
        let sum = total.map { ",\"total_tokens\":\($0)" } ?? ""
        data.append(
            "{\"usage\":{\"prompt_tokens\":\(prompt),\"completion_tokens\":\(completion)\(sum)}}")
        if done { data.append("[DONE]") }
        // Nothing counts behind the end.
        if done { data.append("nonsense") }
        for (time, event) in data.enumerated() {
            try reader.take(Array(event.utf8), at: Double(time))
        }
        return (try? reader.checkedUsage(limit: limit, needsContent: needsContent)) != nil
    }

    @Test func countsAreThoseThatCanBe() throws {
        #expect(try isSound())
        #expect(try isSound(prompt: 1) && !isSound(prompt: 0) && !isSound(prompt: -1))
        #expect(try isSound(completion: 4) && !isSound(completion: 5))
        #expect(try !isSound(completion: 0) && !isSound(completion: -1))
        #expect(try isSound(0, completion: 0, needsContent: false))
        #expect(try !isSound(0, completion: -1, needsContent: false))
        #expect(try !isSound(0, completion: 1) && isSound(0, completion: 1, needsContent: false))
        // What was held back may come in one event more than there are tokens.
        #expect(
            try isSound(2, completion: 2) && isSound(3, completion: 2) && !isSound(4, completion: 2)
        )
        #expect(try isSound(total: 11) && !isSound(total: 12) && !isSound(total: 10))
        // Either end will do.
        #expect(
            try isSound(finish: false) && isSound(done: false)
                && !isSound(finish: false, done: false))
    }

    @Test(
        arguments: [
            (#"{"content":"a"}"#, true), (#"{"content":""}"#, false), (#"{"content":null}"#, false),
            (#"{"reasoning":"a"}"#, true), (#"{"reasoning_content":"a"}"#, true),
            (#"{"role":"a"}"#, false),
            (#"{"tool_calls":[{}]}"#, true), (#"{"tool_calls":[]}"#, false),
            (#"{"content":"","tool_calls":[{"a":1}]}"#, true),
            (#"{"content":"a","tool_calls":[]}"#, true),
        ])
    func contentIsTextThoughtsOrCalls(_ delta: String, _ isContent: Bool) throws {
        var reader = AnswerReader(endpoint: .chat)
        for event in [
            "{\"choices\":[{\"delta\":\(delta)}]}",
            #"{"usage":{"prompt_tokens":1,"completion_tokens":1}}"#, "[DONE]",
        ] { try reader.take(Array(event.utf8), at: 0) }
        let usage = try? reader.checkedUsage(limit: 1, needsContent: true)
        #expect((usage != nil) == isContent)
    }

    @Test func anAnswerWithoutEventsIsNone() {
        let reader = AnswerReader(endpoint: .chat)
        let error = #expect(throws: RequestFailure.self) {
            try reader.checkedUsage(limit: 1, needsContent: false)
        }
        #expect(error?.detail.contains("no server-sent event") == true)
    }

    // MARK: Levels

    @Test func aValueOfTheLimitKeepsIt() async throws {
        let transport = ScriptedTransport { number, now in
            number == 1
                ? ScriptedTransport.stream(now, [])
                : ScriptedTransport.chat(now, textAt: [1, 2, 4])
        }
        var plan = LoadPlan(levels: [.closed(concurrency: 1)], requestCount: 4, duration: nil)
        plan.warmupCount = 0
        plan.serviceLevels = ServiceLevels(e2e: 100)
        let level = try #require(
            await LoadTest(
                target: try .scripted(outputTokens: 3), plan: plan, prompts: OnePrompt(),
                transport: transport,
                clock: transport.clock
            ).run().first)
        #expect(level.errorRate == 0.25 && level.failed == 1 && level.completed == 3)
        for measure in LoadGate.Measure.allCases {
            let found = try #require(LoadGate(measure, limit: 0).check(level).found, "\(measure)")
            let isFloor = measure.rawValue.hasPrefix("--min")
            #expect(LoadGate(measure, limit: found).check(level).isMet, "\(measure)")
            #expect(
                LoadGate(measure, limit: found * 1.001).check(level).isMet == !isFloor, "\(measure)"
            )
            #expect(
                LoadGate(measure, limit: found * 0.999).check(level).isMet == isFloor, "\(measure)")
        }
    }

    @Test func levelsAreNamed() {
        #expect(LoadLevel.closed(concurrency: 4).name == "4")
        let rates: [(Double, String)] = [
            (2, "2/s"), (2.5, "2.5/s"), (999_999_999, "999999999/s"), (1e9, "1000000000.0/s"),
        ]
        for (rate, name) in rates {
            #expect(LoadLevel.open(rate: rate, arrival: .constant).name == name)
        }
        #expect(ServiceLevels().isEmpty)
        #expect(
            !ServiceLevels(ttft: 1).isEmpty && !ServiceLevels(tpot: 1).isEmpty
                && !ServiceLevels(e2e: 1).isEmpty)
    }

    /// As many failures in a row as are allowed, or four of every client.
    @Test(arguments: [(1, 64), (16, 64), (17, 68), (30, 120)])
    func failuresInARowGiveALevelUp(clients: Int, count: Int) async throws {
        let transport = ScriptedTransport { _, now in
            [.init(time: now, part: .head(HTTPAnswerHead(status: 500, contentType: "")))]
        }
        func run(_ requests: Int) async throws -> LevelResult {
            var plan = LoadPlan(
                levels: [.closed(concurrency: clients)], requestCount: requests, duration: nil)
            plan.warmupCount = 0
            let told = Mutex(0)
            let level = try #require(
                await LoadTest(
                    target: try .scripted(), plan: plan, prompts: OnePrompt(), transport: transport,
                    clock: transport.clock
                ).run { progress in told.withLock { $0 = max($0, progress.failed) } }.first)
            #expect(told.withLock { $0 } == level.failed)
            return level
        }
        let (fewer, many) = (try await run(count - 1), try await run(count))
        #expect(!fewer.isGivenUp && fewer.failed == count - 1)
        #expect(many.isGivenUp && many.failed == count)
    }
}
