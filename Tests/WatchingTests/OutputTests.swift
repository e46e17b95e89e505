import Foundation
import HTTPNetworking
import HTTPRequests
import TensorCore
import TestSupport
import Testing
import Watching

/// Rules, dashboards, and servers that answer oddly.
@Suite(.timeLimit(.minutes(5))) struct WatchOutputTests {
    private var limits: [Measure: Limits] {
        Dictionary(
            uniqueKeysWithValues: Measure.allCases.compactMap { measure in
                measure.usualLimits.map { (measure, $0) }
            })
    }

    /// Where `promtool` is, if it is anywhere.
    static let promtool: String? = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
        .map { $0 + "/promtool" }.first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test func rulesUseTheNamesThatTheServerHas() throws {
        let text =
            "vllm:num_requests_running 1\nvllm_gpu_cache_usage_perc 0\nvllm:request_success_total{finished_reason=\"stop\"} 1\n"
        let exposition = ExpositionParser.parse(Array(text.utf8))
        let engine = try #require(Engine.recognised(in: exposition))
        let rules = try AlertRules.yaml(engine, exposition: exposition, limits: limits)
        #expect(rules.contains("expr: 'max by (instance) (vllm_gpu_cache_usage_perc) > 0.95'"))
        #expect(rules.contains("{finished_reason=~\"abort|error\"}[5m]"))
        #expect(rules.contains("absent(vllm:num_requests_running)"))
        #expect(!rules.contains("time_to_first_token"))
        let newest = try AlertRules.yaml(engine, exposition: nil, limits: limits)
        #expect(
            newest.contains("vllm:kv_cache_usage_perc") && newest.contains("time_to_first_token"))
        let floor = try AlertRules.yaml(
            engine, exposition: nil, limits: [.throughput: Limits(yellow: 9, red: 3, isFloor: true)]
        )
        #expect(floor.contains("[5m])) < 3.0'"))
    }

    @Test(.enabled(if: promtool != nil, "promtool is not installed"))
    func promtoolTakesTheRulesOfEveryEngine() throws {
        try Fixtures.withTemporaryFolder { folder in
            for engine in Engine.all {
                let path = "\(folder)/\(engine.name).yml"
                let rules = try AlertRules.yaml(engine, exposition: nil, limits: limits)
                try OutputFile.write(Array(rules.utf8), to: path)
                let process = Process()
                process.executableURL = URL(filePath: Self.promtool ?? "")
                process.arguments = ["check", "rules", path]
                let output = Pipe()
                process.standardOutput = output
                process.standardError = output
                try process.run()
                let words = String(
                    decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                #expect(process.terminationStatus == 0, "\(engine.name): \(words)")
                #expect(words.contains("SUCCESS"), "\(words)")
            }
        }
    }

    @Test func dashboardsHaveAPanelForEveryMeasure() throws {
        for engine in Engine.all {
            let json = try JSON.parse(Dashboard.json(engine, exposition: nil, limits: limits))
            let panels = try #require(json["panels"]?.array)
            #expect(panels.count == engine.sources.count)
            #expect(Set(panels.compactMap { $0["id"]?.integer }).count == panels.count)
            for panel in panels {
                let target = try #require(panel["targets"]?.array?.first)
                #expect(target["expr"]?.text?.contains("by (instance") == true)
            }
        }
    }

    private func scrape(
        _ engine: Engine? = nil,
        _ script: @escaping @Sendable (_ path: String, _ body: String) -> [ScriptedServer.Step]
    ) async throws -> Scrape {
        let server = ScriptedServer(script)
        let network = HTTPNetwork(connectionLimit: 2, silenceLimit: 600)
        let result: Result<Scrape, any Error>
        do {
            result = .success(
                try await Scraper(
                    ServerAddress(server.url), key: nil, engine: engine, timeout: 30,
                    transport: network
                ).scrape())
        } catch { result = .failure(error) }
        server.stop()
        await network.shutdown()
        return try result.get()
    }

    @Test func serversAreRecognised() async throws {
        let metrics = try await scrape { _, _ in
            ScriptedServer.answer("llamacpp:requests_deferred 0\n", type: "text/plain")
        }
        guard case .metrics(let engine, _) = metrics else {
            throw HTTPError(.address(detail: ""), url: "")
        }
        #expect(engine.title == "llama-server")
        let ollama = try await scrape { path, _ in
            path == "/api/ps"
                ? ScriptedServer.answer(
                    #"{"models":[{"name":"m:latest","size":100,"size_vram":75,"context_length":4096},{}]}"#
                )
                : ScriptedServer.answer("404 page not found", status: "404 Not Found")
        }
        guard case .ollama(let models) = ollama else {
            throw HTTPError(.address(detail: ""), url: "")
        }
        #expect(models.count == 1 && models.first?.cardBytes == 75)
        var history = WatchHistory(window: 60, limits: [:])
        history.add(ollama, at: 0)
        #expect(history.readings().map(\.value) == [1, 0.75])
    }

    @Test func oddServersAreToldInASentence() async throws {
        let cases: [(words: String, steps: [ScriptedServer.Step])] = [
            (
                "/metrics answers 501 (start it with --metrics)",
                ScriptedServer.answer(
                    #"{"error":{"message":"start it with --metrics"}}"#, status: "501 No")
            ),
            ("line 1: '<' found at column 1", ScriptedServer.answer("<html></html>")),
            (
                "none of a server that is known (it has node_load1)",
                ScriptedServer.answer("node_load1 3\n")
            ),
            ("it is empty", ScriptedServer.answer("")),
            ("closed the connection too early", []),
            ("Give the server's key", ScriptedServer.answer("", status: "401 No")),
        ]
        for (words, steps) in cases {
            await #expect {
                _ = try await scrape { path, _ in
                    path == "/api/ps" ? ScriptedServer.answer("{}", status: "404 No") : steps
                }
            } throws: { error in
                let text = "\(error)"
                if !text.contains(words) { Issue.record("\(words): \(text)") }
                return true
            }
        }
        await #expect {
            _ = try await scrape(Engine.all[1]) { _, _ in
                ScriptedServer.answer("sglang:token_usage 0.3\n")
            }
        } throws: { "\($0)".contains("/metrics has nothing of vLLM") }
    }

    @Test func aReportSaysTheWorst() throws {
        var history = WatchHistory(window: 60, limits: [.queue: Limits(yellow: 1, red: 5)])
        let text = "ingot_requests_waiting 3\nbroken\n"
        let exposition = ExpositionParser.parse(Array(text.utf8))
        history.add(.metrics(try #require(Engine.recognised(in: exposition)), exposition), at: 0)
        let report = WatchReport(
            server: "http://x", date: Date(timeIntervalSince1970: 0), history: history, cards: [])
        #expect(report.status == .yellow && report.faults.first?.hasPrefix("line 2 of") == true)
        #expect(report.lines(colours: true).contains { $0.hasPrefix("\u{1B}[33m") })
        #expect(report.lines(colours: false).allSatisfy { !$0.contains("\u{1B}") })
        let gone = WatchReport(
            server: "http://x", date: Date(), history: history, cards: [], failure: "gone")
        #expect(gone.status == .red && gone.engine == nil)
    }
}
