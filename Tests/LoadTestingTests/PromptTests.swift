import Foundation
import HTTPRequests
import LoadTesting
import Synchronization
import TensorCore
import Testing

/// Prompts of exact lengths, of files, and when they are sent.
@Suite struct PromptTests {
    /// Words of more than four letters are two tokens; eleven stand around every text.
    private static func count(_ text: String) -> Int {
        11 + text.split(separator: " ").reduce(0) { $0 + ($1.count > 4 ? 2 : 1) }
    }

    private func text(_ prompt: LoadPrompt) -> String {
        if case .text(let text) = prompt.content { text } else { "" }
    }

    @Test func promptsHaveExactlyTheTokens() async throws {
        let calls = Mutex(0)
        let prompts = try await SyntheticPrompts.calibrated(
            tokenCount: 200, seed: 1,
            count: { text in
                calls.withLock { $0 += 1 }
                return Self.count(text)
            }, callLimit: 2000)
        for index in 0..<20 { #expect(Self.count(text(prompts.prompt(at: index))) == 200) }
        #expect(Set((0..<20).map { text(prompts.prompt(at: $0)) }).count == 20)
        #expect(calls.withLock { $0 } > 10)
        // The server counts seven more than whoever counted the words.
        let corrected = try prompts.corrected(usage: 207)
        #expect(Self.count(text(corrected.prompt(at: 3))) + 7 == 200)
        #expect(throws: LoadTestError(.promptTooShort(asked: 200, least: 1013))) {
            _ = try prompts.corrected(usage: 1200)
        }
    }

    @Test func theSameSeedGivesTheSamePrompts() async throws {
        func prompts(_ seed: UInt64) async throws -> SyntheticPrompts {
            try await SyntheticPrompts.calibrated(
                tokenCount: 50, seed: seed, count: { Self.count($0) }, callLimit: 2000)
        }
        let (first, second, other) = (
            try await prompts(1), try await prompts(1), try await prompts(2)
        )
        #expect(first.prompt(at: 9) == second.prompt(at: 9))
        #expect(first.prompt(at: 9) != other.prompt(at: 9))
    }

    @Test func aTokenizerWithoutWordsIsRefused() async throws {
        await #expect(throws: LoadTestError(.noWords(found: 0))) {
            _ = try await SyntheticPrompts.calibrated(
                tokenCount: 50, seed: 1, count: { $0.utf8.count }, callLimit: 5000)
        }
    }

    @Test func arrivalsFollowTheirRate() {
        let even = Array(ArrivalTimes(rate: 4, arrival: .constant, seed: 1).prefix(5))
        #expect(even == [0, 0.25, 0.5, 0.75, 1])
        let random = Array(ArrivalTimes(rate: 4, arrival: .poisson, seed: 1).prefix(20_001))
        #expect(random[0] == 0 && zip(random, random.dropFirst()).allSatisfy { $0 <= $1 })
        // Gaps are exponential: mean and standard deviation are both a quarter.
        let gaps = zip(random, random.dropFirst()).map { $1 - $0 }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        #expect(abs(mean - 0.25) < 0.01 && abs(variance - 0.0625) < 0.005)
        #expect(
            Array(ArrivalTimes(rate: 4, arrival: .poisson, seed: 1).prefix(9))
                == Array(random.prefix(9)))
    }

    private func file(_ text: String, _ endpoint: LoadEndpoint = .chat) throws -> FilePrompts {
        try FilePrompts(bytes: Array(text.utf8), endpoint: endpoint, path: "prompts")
    }

    @Test func promptsOfFilesComeInTheirOrder() throws {
        let lines = try file("\u{FEFF}one\r\n\n  \ntwo\n")
        #expect((0..<3).map { text(lines.prompt(at: $0)) } == ["one", "two", "one"])
        let json = try file(
            """
            {"prompt": "ä", "max_tokens": 7}

            {"messages": [{"role": "user", "content": "b"}], "output_tokens": 9}
            """)
        #expect(json.prompt(at: 0) == LoadPrompt(.text("ä"), outputTokens: 7))
        #expect(json.prompt(at: 1).outputTokens == 9 && json.count == 2)
    }

    @Test func faultsOfFilesNameTheirLine() {
        let cases: [(text: String, endpoint: LoadEndpoint, words: String)] = [
            ("", .chat, "prompts: no prompt in it"),
            ("{\"prompt\": \"a\"}\n\nnonsense", .chat, "prompts: line 3: no JSON object"),
            ("{\"prompt\": 7}", .chat, "line 1: neither prompt"),
            ("{\"messages\": []}", .chat, "line 1: messages is an array"),
            ("{\"prompt\": \"a\", \"max_tokens\": 0}", .chat, "line 1: max_tokens is no count"),
            ("{\"messages\": [{}]}", .completions, "line 1: holds messages"),
        ]
        for (text, endpoint, words) in cases {
            #expect { _ = try file(text, endpoint) } throws: { "\($0)".contains(words) }
        }
        #expect { _ = try FilePrompts(bytes: [0xFF], endpoint: .chat, path: "p") } throws: {
            "\($0)".contains("not UTF-8")
        }
    }

    @Test func addressesAreReadAsPeopleWriteThem() throws {
        for text in [
            "http://a:1", "http://a:1/", "http://a:1/v1", "HTTP://a:1/v1/chat/completions",
        ] {
            #expect(try ServerAddress(text).api.lowercased() == "http://a:1/v1", "\(text)")
        }
        #expect(try ServerAddress("https://a/proxy/v1").root == "https://a/proxy")
        for text in ["ftp://a", "http://", "http://a?b", "http://a b", "http://:80", "http://ä"] {
            #expect(throws: HTTPError.self, "\(text)") { _ = try ServerAddress(text) }
        }
        #expect { _ = try ServerAddress("http://me:secret@a") } throws: {
            !"\($0)".contains("secret")
        }
    }

    @Test func reportsHaveEveryForm() async throws {
        let transport = ScriptedTransport { number, now in
            number % 5 == 4
                ? ScriptedTransport.stream(now, [])
                : ScriptedTransport.chat(now, textAt: [1, 2, 4])
        }
        var plan = LoadPlan(
            levels: [.closed(concurrency: 1), .closed(concurrency: 2)], requestCount: 6,
            duration: nil)
        plan.serviceLevels = ServiceLevels(ttft: 2)
        let target = try LoadTarget.scripted()
        let levels = await LoadTest(
            target: target, plan: plan, prompts: OnePrompt(), transport: transport,
            clock: transport.clock
        ).run()
        let report = LoadReport(
            setup: .init(
                tool: "ingot", date: .init(timeIntervalSince1970: 0), target: target, plan: plan,
                prompts: "<made>", inputTokens: 10), levels: levels,
            gates: [LoadGate(.ttftP95, limit: 0.5)])
        try report.requireResults()
        #expect(report.checks.map(\.isMet) == [false, false])
        let (page, markdown) = (report.htmlPage(), report.markdown())
        #expect(page.contains("&lt;made&gt;") && !page.contains("<made>"))
        #expect(
            page.contains("id=\"throughput-wide-title\"")
                && page.contains("id=\"ttft-narrow-title\""))
        #expect(markdown.contains("## Requests and tokens") && markdown.contains("not kept"))
        #expect(markdown.contains("broken\\_stream") || markdown.contains("broken_stream"))
        let lines = report.terminalLines(width: 100)
        #expect(
            lines.contains { $0.contains("TTFT") } && lines.contains { $0.hasPrefix("Level 1: ") })
        let failed = LoadReport(setup: report.setup, levels: [])
        try failed.requireResults()
    }
}
