import HTTPRequests
import LoadTesting
import TensorCore
import Testing

/// What is measured of answers that come at known times.
@Suite struct MeasurementTests {
    private func run(
        _ plan: LoadPlan, outputTokens: Int = 4, _ transport: ScriptedTransport
    ) async throws -> [LevelResult] {
        await LoadTest(
            target: try .scripted(outputTokens: outputTokens), plan: plan, prompts: OnePrompt(),
            transport: transport, clock: transport.clock
        ).run()
    }

    private func plan(
        _ levels: [LoadLevel], count: Int? = 1, duration: Double? = nil, warmup: Int = 0
    ) -> LoadPlan {
        var plan = LoadPlan(levels: levels, requestCount: count, duration: duration)
        plan.warmupCount = warmup
        return plan
    }

    /// Durations are kept to three digits.
    private func isAbout(_ found: Double?, _ expected: Double) -> Bool {
        found.map { abs($0 - expected) <= 0.002 * max(expected, 0.001) } ?? false
    }

    @Test func aRequestIsMeasuredAsDefined() async throws {
        let transport = ScriptedTransport { _, now in
            // Usage five seconds late: it is no part of the text.
            ScriptedTransport.chat(now, textAt: [0.5, 0.7, 0.8, 1.5], usageAfter: 5)
        }
        let levels = try await run(plan([.closed(concurrency: 1)]), transport)
        let level = try #require(levels.first)
        #expect(level.completed == 1 && level.failed == 0)
        #expect(isAbout(level.ttft?.p50, 0.5) && isAbout(level.e2e?.p50, 1.5))
        #expect(isAbout(level.tpot?.p50, 1.0 / 3))
        #expect(level.itl?.count == 3)
        #expect(isAbout(level.itl?.min, 0.1) && isAbout(level.itl?.max, 0.7))
        #expect(level.inputTokens == 10 && level.outputTokens == 4)
        #expect(isAbout(level.seconds, 6.5))
        #expect(isAbout(level.outputTokensPerSecond, 4 / 6.5))
    }

    @Test func tokensComeFromUsageNotFromEvents() async throws {
        let transport = ScriptedTransport { _, now in
            // Two events that hold four tokens, the second at once with the end.
            ScriptedTransport.chat(now, textAt: [1, 4], tokens: 4)
        }
        let level = try #require(
            try await run(plan([.closed(concurrency: 1)]), transport).first)
        #expect(level.outputTokens == 4)
        #expect(isAbout(level.tpot?.p50, 1) && isAbout(level.itl?.p50, 3))
    }

    @Test func anEndTokenIsPartOfTheText() async throws {
        let transport = ScriptedTransport { _, now in
            ScriptedTransport.stream(
                now,
                [
                    (1, #"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#),
                    (3, #"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#),
                    (9, #"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#),
                    (9, "[DONE]"),
                ])
        }
        let level = try #require(
            try await run(plan([.closed(concurrency: 1)]), transport).first)
        #expect(isAbout(level.ttft?.p50, 1) && isAbout(level.e2e?.p50, 3))
        #expect(isAbout(level.tpot?.p50, 2) && level.itl == nil)
        #expect(level.shortAnswers == 1 && level.otherPromptLengths == 1)
    }

    @Test func warmUpIsLeftOut() async throws {
        let transport = ScriptedTransport { number, now in
            ScriptedTransport.chat(now, textAt: [number < 3 ? 100 : 1, number < 3 ? 100 : 2])
        }
        let level = try #require(
            try await run(
                plan([.closed(concurrency: 1)], count: 5, warmup: 3), outputTokens: 2, transport
            ).first)
        #expect(transport.requests.count == 8)
        #expect(level.completed == 5 && isAbout(level.ttft?.max, 1) && isAbout(level.seconds, 10))
        #expect(isAbout(level.requestsPerSecond, 0.5))
    }

    @Test func anOpenLoopCountsFromWhenRequestsWereDue() async throws {
        // Each answer takes 3 s of a clock that all share: the second request is due at 1 s, but
        // whoever runs it finds the clock at 3 s.
        let transport = ScriptedTransport { _, now in
            ScriptedTransport.chat(now, textAt: [3])
        }
        var plan = plan([.open(rate: 1, arrival: .constant)], count: 3)
        plan.inFlightLimit = 1
        let level = try #require(try await run(plan, outputTokens: 1, transport).first)
        #expect(level.completed == 3)
        // Ends at 3, 6 and 9, due at 0, 1 and 2.
        #expect(isAbout(level.ttft?.min, 3) && isAbout(level.ttft?.max, 7))
        #expect(isAbout(level.e2e?.p50, 5) && isAbout(level.latenessMax, 4))
        #expect(level.tpot == nil)
    }

    @Test func timeEndsALevel() async throws {
        let transport = ScriptedTransport { _, now in ScriptedTransport.chat(now, textAt: [3]) }
        let level = try #require(
            try await run(
                plan([.closed(concurrency: 1)], count: nil, duration: 10), outputTokens: 1,
                transport
            ).first)
        #expect(level.completed == 4 && isAbout(level.seconds, 12))
        // At its last moment none is sent any more.
        let exact = try #require(
            try await run(
                plan([.closed(concurrency: 1)], count: nil, duration: 9), outputTokens: 1,
                ScriptedTransport { _, now in ScriptedTransport.chat(now, textAt: [3]) }
            ).first)
        #expect(exact.completed == 3)
    }

    @Test func aSweepHasOtherPromptsAtEveryLevel() async throws {
        let transport = ScriptedTransport { _, now in ScriptedTransport.chat(now, textAt: [1]) }
        let levels = try await run(
            plan([.closed(concurrency: 1), .closed(concurrency: 2)], count: 4, warmup: 1),
            outputTokens: 1, transport)
        #expect(levels.map(\.completed) == [4, 4])
        #expect(levels.map(\.concurrency) == [1, 2])
        #expect(Set(transport.requests.map(\.body)).count == 10)
    }

    @Test func goodRequestsKeepAllServiceLevels() async throws {
        let transport = ScriptedTransport { number, now in
            switch number {
            case 0: ScriptedTransport.chat(now, textAt: [1, 2])
            case 1: ScriptedTransport.chat(now, textAt: [3, 3.5])
            case 2: ScriptedTransport.chat(now, textAt: [1, 5])
            default: ScriptedTransport.stream(now, [])
            }
        }
        var plan = plan([.closed(concurrency: 1)], count: 4)
        plan.serviceLevels = ServiceLevels(ttft: 2, tpot: 1.5)
        let level = try #require(try await run(plan, outputTokens: 2, transport).first)
        #expect(level.completed == 3 && level.failed == 1 && level.good == 1)
        #expect(level.goodShare == 0.25)
    }

    @Test func aServerThatOnlyFailsIsGivenUp() async throws {
        let transport = ScriptedTransport { _, now in
            [.init(time: now, part: .head(HTTPAnswerHead(status: 500, contentType: "")))]
        }
        let level = try #require(
            try await run(
                plan([.closed(concurrency: 1)], count: nil, duration: 1e6), transport
            ).first)
        #expect(level.isGivenUp && level.errors == ["http_500": 64] && level.errorRate == 1)
    }

    @Test func aCancelledTestTellsWhatItHas() async throws {
        let transport = ScriptedTransport { number, now in
            if number == 2 { withUnsafeCurrentTask { $0?.cancel() } }
            return ScriptedTransport.chat(now, textAt: [1])
        }
        // The worker's task is cancelled as the whole would be: it begins no further request.
        let level = try #require(
            try await run(
                plan([.closed(concurrency: 1)], count: 100), outputTokens: 1, transport
            ).first)
        #expect(level.completed == 3)
    }

    @Test func gatesHoldAtEveryLevel() async throws {
        let transport = ScriptedTransport { number, now in
            ScriptedTransport.chat(now, textAt: [number == 0 ? 1 : 2, 3])
        }
        let levels = try await run(
            plan([.closed(concurrency: 1), .closed(concurrency: 2)]), outputTokens: 2, transport)
        let checks = levels.map(LoadGate(.ttftP95, limit: 1.5).check)
        #expect(checks.map(\.isMet) == [true, false])
        func met(_ gate: LoadGate) -> [Bool] { levels.map { gate.check($0).isMet } }
        #expect(met(LoadGate(.errorRate, limit: 0)) == [true, true])
        // Without service levels nothing is good, and nothing measured keeps no gate.
        #expect(met(LoadGate(.goodShare, limit: 0)) == [false, false])
        #expect(met(LoadGate(.requestsPerSecond, limit: 1)) == [false, false])
    }
}
