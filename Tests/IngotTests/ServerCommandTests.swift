import Foundation
import TensorCore
import TestSupport
import Testing

/// `bench URL` and `watch`, as command lines against a server that answers from a script.
@Suite struct ServerCommandTests {
    /// A server of OpenAI's kind: a token is a word, three more stand around every prompt.
    private func withServer(
        isFailing: Bool = false, _ body: (ScriptedServer) throws -> Void
    ) throws {
        let server = ScriptedServer { path, body in
            func words(_ text: String?) -> Int { (text ?? "").split(separator: " ").count }
            let json = (try? JSON.parse(Array(body.utf8))) ?? .null
            switch path {
            case "/v1/models": return ScriptedServer.answer(#"{"data":[{"id":"served"}]}"#)
            case "/tokenize":
                let tokens = Array(repeating: "1", count: words(json["content"]?.text))
                return ScriptedServer.answer("{\"tokens\":[\(tokens.joined(separator: ","))]}")
            case "/metrics":
                return ScriptedServer.answer("ingot_requests_waiting 7\n", type: "text/plain")
            default: break
            }
            let text = json["messages"]?.array?.first?["content"]?.text
            let (prompt, count) = (words(text) + 3, json["max_tokens"]?.integer ?? 0)
            if isFailing, count > 4 {
                return ScriptedServer.answer("{}", status: "503 Service Unavailable")
            }
            let events =
                (0..<count).map { _ in #"{"choices":[{"delta":{"content":"a"}}]}"# } + [
                    #"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
                    """
                    {"choices":[],"usage":{"prompt_tokens":\(prompt),"completion_tokens":\(count),\
                    "total_tokens":\(prompt + count)}}
                    """, "[DONE]",
                ]
            return ScriptedServer.answer(
                events.map { "data: \($0)\n\n" }.joined(), type: "text/event-stream")
        }
        defer { server.stop() }
        try body(server)
    }

    @Test func aServerIsMeasured() throws {
        try withServer { server in
            try Fixtures.withTemporaryFolder { folder in
                let outcome = try Tool.run(
                    [
                        "bench", server.url, "--concurrency", "1,2", "--requests", "4", "--input",
                        "20", "--output", "5", "--json", "-o", "load", "--max-error-rate", "0%",
                        "--slo-ttft", "1000", "--min-goodput", "1", "-q",
                    ], in: folder, environment: ["INGOT_API_KEY": "not-to-be-shown"])
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                let json = try JSON.parse(Array(outcome.output.utf8))
                #expect(json["setup"]?["model"]?.text == "served")
                #expect(json["setup"]?["inputTokens"]?.integer == 20)
                #expect(json["notes"]?.array?.isEmpty == true, "\(outcome.output)")
                let levels = try #require(json["levels"]?.array)
                #expect(levels.map { $0["completed"]?.integer } == [4, 4])
                #expect(levels.map { $0["inputTokens"]?.integer } == [80, 80])
                #expect(levels.map { $0["outputTokens"]?.integer } == [20, 20])
                #expect(levels.map { $0["otherPromptLengths"]?.integer } == [0, 0])
                for name in ["load.json", "load.md", "load.html"] {
                    let text = try String(contentsOfFile: "\(folder)/load/\(name)", encoding: .utf8)
                    #expect(text.contains("served") && !text.contains("not-to-be-shown"))
                }
            }
        }
    }

    @Test func gatesAndFailuresHaveExitCodes() throws {
        try withServer(isFailing: true) { server in
            let failed = try Tool.run([
                "bench", server.url, "--requests", "2", "--input", "20", "--output", "5", "-q",
            ])
            #expect(failed.exitCode == 65, "\(failed.errors)")
            #expect(failed.errors.contains("the first request failed (http_503)"))
        }
        try withServer { server in
            let slow = try Tool.run([
                "bench", server.url, "--requests", "2", "--input", "20", "--output", "5", "-q",
                "--min-throughput", "1e9",
            ])
            #expect(slow.exitCode == 1)
            #expect(slow.errors.contains("gate not met: level 1: output tokens a second at least"))
            let short = try Tool.run(["bench", server.url, "--input", "3", "-q"])
            #expect(short.exitCode == 64 && short.errors.contains("expected at least 5"))
        }
    }

    @Test func aServerIsWatched() throws {
        try withServer { server in
            let once = ["watch", server.url, "--once", "--interval", "0.1"]
            let outcome = try Tool.run(once + ["--json", "--fail-on", "yellow"])
            #expect(outcome.exitCode == 1, "\(outcome.errors)")
            let json = try JSON.parse(Array(outcome.output.utf8))
            #expect(json["engine"]?.text == "Ingot" && json["status"]?.text == "yellow")
            #expect(try Tool.run(once).exitCode == 0)
            #expect(try Tool.run(once + ["--queue", "1,5"]).exitCode == 1)
        }
    }

    @Test func rulesNeedNoServer() throws {
        try Fixtures.withTemporaryFolder { folder in
            let outcome = try Tool.run(
                ["watch", "--engine", "vllm", "--alert-rules", "a.yml", "--dashboard", "d.json"],
                in: folder)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let rules = try String(contentsOfFile: folder + "/a.yml", encoding: .utf8)
            #expect(rules.contains("alert: TimeToFirstTokenCritical"))
            #expect(try JSON.parse(path: folder + "/d.json")["panels"]?.array?.isEmpty == false)
        }
    }

    @Test func wrongOptionsAreRefused() throws {
        for (arguments, expected) in [
            (["bench", "http://me:pass@x"], "name and password"),
            (["bench", "http://x", "--concurrency", "1,0"], "--concurrency has '0'"),
            (["bench", "http://x", "--rate", "nan"], "--rate has 'nan'"),
            (["bench", "http://x", "--rate", "1", "--concurrency", "1"], "not both"),
            (["bench", "http://x", "--min-goodput", "0.9"], "needs --slo-ttft"),
            (["bench", "http://x", "--max-error-rate", "7"], "expected a share"),
            (["bench", "http://x", "--endpoint", "images"], "expected one of chat, completions"),
            (["bench", "http://x", "--api-key", "a b"], "a header cannot have"),
            (["bench", "http://x", "--body", "[]"], "expected a JSON object"),
            (["bench", "http://x", "--body", "{"], "--body is no JSON"),
            (["watch"], "expected a server's address"),
            (["watch", "http://x", "--ttft", "2,1"], "yellow before red"),
            (["watch", "http://x", "--json"], "--json needs --once"),
            (["watch", "--engine", "x", "--dashboard", "d"], "no kind of server is called x"),
        ] {
            let outcome = try Tool.run(arguments)
            #expect(
                outcome.exitCode == 64 && outcome.errors.contains(expected),
                "\(arguments): \(outcome.exitCode) \(outcome.errors)")
            #expect(!outcome.errors.contains("pass@"))
        }
    }
}
