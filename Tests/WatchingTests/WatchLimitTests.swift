import Foundation
import TensorCore
import Testing
import Watching

/// What is watched at and beside each limit.
@Suite struct WatchLimitTests {
    private func parse(_ text: String) -> Exposition { ExpositionParser.parse(Array(text.utf8)) }

    // MARK: Reading

    @Test func linesAndLabelsReachTheirLimits() {
        func line(_ count: Int) -> String {
            let rest = "a{b=\"\"} 1".utf8.count
            return "a{b=\"" + String(repeating: "x", count: count - rest) + "\"} 1"
        }
        #expect(parse(line(1 << 16)).faultCount == 0)
        #expect(parse(line(1 << 16 + 1)).faultCount == 1)
        // The return before a line's end is none of the line's.
        #expect(parse(line(1 << 16) + "\r\n").faultCount == 0)
        func labelled(_ count: Int) -> Exposition {
            parse("a{" + (0..<count).map { "l\($0)=\"\"" }.joined(separator: ",") + "} 1")
        }
        #expect(labelled(64).samples["a"]?.first?.labels.count == 64)
        #expect(labelled(65).faultCount == 1)
        for count in 19...21 {
            let broken = parse(String(repeating: "?\n", count: count))
            #expect(broken.faults.count == min(20, count) && broken.faultCount == count)
        }
    }

    @Test func samplesReachTheirLimit() {
        let most = String(repeating: "a 1\n", count: 500_000)
        let full = parse(most)
        #expect(full.samples["a"]?.count == 500_000 && full.faults.isEmpty)
        let beyond = parse(most + "b 1\nc 1\n")
        #expect(beyond.samples.count == 1 && beyond.faults.map(\.line) == [500_001])
        #expect(beyond.faults.first?.problem == "more than 500000 samples")
    }

    @Test(
        arguments: [
            ("a:b 1", 0), (":a 1", 0), ("_a 1", 0), ("a1 1", 0), ("1a 1", 1), ("a{b:c=\"\"} 1", 1),
            ("a{_b1=\"\"} 1", 0), ("a{1b=\"\"} 1", 1), ("a-b 1", 1), ("@a 1", 1), ("`a 1", 1),
            ("{a} 1", 1),
            ("Az 1", 0), ("[a 1", 1), ("a{\"b\"=\"c\"} 1", 0), ("{\"a\",\"b\"} 1", 1),
            ("a{\"b\"} 1", 1),
            ("a 1 ", 0), ("a 1 2 ", 0), ("a 1 2 #", 0), ("a 1 # x", 0), ("a 1 x", 1),
            ("a 1\t2\t", 0),
            ("a{} 1", 0), ("a{,} 1", 1), ("a{b=\"c\",} 1", 0), ("a -inf", 0), ("a +NaN", 0),
            ("a infinite", 1),
            ("a 1e", 1), ("a ", 1), ("a 1 -1", 0),
        ])
    func linesAreReadOrTold(_ line: String, _ faults: Int) {
        let found = parse(line)
        #expect(found.faultCount == faults && found.samples.count == 1 - faults, "\(found.faults)")
    }

    // MARK: Judging

    @Test func aLimitIsNotBeyondItself() {
        let ceiling = Limits(yellow: 1, red: 2)
        #expect(
            [0.9, 1, 1.1, 2, 2.1].map(ceiling.status) == [.green, .green, .yellow, .yellow, .red])
        let floor = Limits(yellow: 2, red: 1, isFloor: true)
        #expect(
            [2.1, 2, 1.9, 1, 0.9].map(floor.status) == [.green, .green, .yellow, .yellow, .red])
        #expect(ceiling.status(of: .nan) == .unknown && floor.status(of: .nan) == .unknown)
        let order: [Status] = [.unknown, .green, .yellow, .red]
        for (i, one) in order.enumerated() {
            for (j, other) in order.enumerated() { #expect(one.isAtLeast(other) == (i >= j)) }
        }
    }

    // MARK: History

    private func history(_ scrapes: [(time: Double, text: String)], window: Double = 60) throws
        -> WatchHistory
    {
        var history = WatchHistory(window: window, limits: [:])
        for (time, text) in scrapes {
            let exposition = parse(text)
            history.add(
                .metrics(try #require(Engine.all.first { $0.name == "vllm" }), exposition), at: time
            )
        }
        return history
    }

    private func value(_ measure: Measure, _ texts: String..., every seconds: Double = 10) throws
        -> Reading?
    {
        try history(texts.enumerated().map { (Double($0.offset) * seconds, $0.element) })
            .readings().first { $0.measure == measure }
    }

    @Test func scrapesFillTheWindow() throws {
        func seconds(_ times: [Double], window: Double = 60) throws -> Double {
            try history(times.map { ($0, "vllm:x 1\n") }, window: window).seconds
        }
        #expect(try seconds([0]) == 0)
        #expect(try seconds([0, 1000]) == 1000)
        #expect(try seconds(stride(from: 0, through: 60, by: 10).map { $0 }) == 60)
        // The one before the last that is as old as the window stays.
        #expect(try seconds(stride(from: 0, through: 70, by: 10).map { $0 }) == 60)
        #expect(try seconds(stride(from: 0, through: 69, by: 23).map { $0 }) == 69)
        #expect(try seconds(stride(from: 0, through: 92, by: 23).map { $0 }) == 69)
        // No more than 128 of them.
        #expect(try seconds((0..<128).map { Double($0) }, window: 1e9) == 127)
        #expect(try seconds((0..<200).map { Double($0) }, window: 1e9) == 127)
    }

    @Test func samplesOfAllScrapesAreLimited() throws {
        let engine = try #require(Engine.all.first { $0.name == "vllm" })
        let large = parse(String(repeating: "vllm:x 1\n", count: 400_000))
        var history = WatchHistory(window: 1e9, limits: [:])
        for time in 0..<5 {
            history.add(.metrics(engine, large), at: Double(time))
            // Two of them are kept whatever they hold.
            #expect(history.seconds == min(Double(time), 1))
        }
    }

    @Test func anotherEngineBeginsAnew() throws {
        var history = try self.history([(0, "vllm:x 1\n"), (10, "vllm:x 1\n")])
        #expect(history.seconds == 10)
        let other = try #require(Engine.all.first { $0.name == "sglang" })
        history.add(.metrics(other, parse("sglang:token_usage 1\n")), at: 20)
        #expect(history.seconds == 0 && history.title == other.title)
    }

    // MARK: Counters and histograms

    private static let done = "vllm:request_success_total{finished_reason=\"stop\"}"
    private static let failed = "vllm:request_success_total{finished_reason=\"abort\"}"

    @Test func countersCountWhatTheySelect() throws {
        #expect(try value(.requests, "\(Self.done) 1\n", "\(Self.done) 21\n")?.value == 2)
        // Two looks at one moment are no rate.
        #expect(try value(.requests, "\(Self.done) 1\n", "\(Self.done) 21\n", every: 0) == nil)
        // What is no number is no growth; the other series still count.
        let odd = "\(Self.done) 11\n\(Self.failed) NaN\n"
        #expect(try value(.requests, "\(Self.done) 1\n", odd)?.value == 1)
        #expect(
            try value(.requests, "\(Self.done) 1\n", odd.replacing("NaN", with: "+Inf"))?.value == 1
        )
        // One that was no number before begins anew; one that stays has not grown.
        #expect(try value(.requests, "\(Self.done) NaN\n", "\(Self.done) 20\n")?.value == 2)
        #expect(try value(.requests, "\(Self.done) 20\n", "\(Self.done) 20\n")?.value == 0)
        #expect(try value(.requests, "\(Self.done) 5\n", "\(Self.done) -20\n")?.value == 0)
    }

    @Test func sharesAreOfWhatGrew() throws {
        func errors(_ texts: (done: Int, failed: Int)...) throws -> Reading? {
            try history(
                texts.enumerated().map {
                    (
                        Double($0.offset),
                        "\(Self.done) \($0.element.done)\n\(Self.failed) \($0.element.failed)\n"
                    )
                }
            ).readings().first { $0.measure == .errors }
        }
        #expect(try errors((3, 1), (6, 2))?.value == 0.25)
        #expect(try errors((3, 1), (9, 1))?.basis == "window")
        #expect(try errors((3, 1), (9, 1))?.value == 0)
        #expect(try errors((3, 1), (3, 1))?.basis == "lifetime")
        #expect(try errors((3, 1))?.value == 0.25)
        #expect(try errors((0, 0)) == nil)
    }

    @Test func quantilesLieInTheirBucket() throws {
        func ttft(_ counts: [(String, Double)]) throws -> Double? {
            try value(
                .ttft,
                counts.map { "vllm:time_to_first_token_seconds_bucket{le=\"\($0.0)\"} \($0.1)\n" }
                    .joined()
            )?.value
        }
        // 95 of 100 are the whole of a bucket, which the next, empty one does not move.
        #expect(try ttft([("0.5", 95), ("1", 95), ("+Inf", 100)]) == 0.5)
        #expect(try ttft([("0.5", 94), ("1", 94), ("+Inf", 100)]) == 1)
        // The first bucket begins at 0, or at its own edge where that is below.
        #expect(try ttft([("2", 100), ("+Inf", 100)]) == 1.9)
        #expect(try ttft([("-2", 100), ("+Inf", 100)]) == -2)
        #expect(try ttft([("1", 0), ("3", 100), ("+Inf", 100)]) == 2.9)
        #expect(try ttft([("-inf", 50), ("1", 100), ("+Inf", 100)]) == 0.95)
    }

    /// A gauge that is no number hides none that is one; a counter from below all numbers begins anew.
    @Test func whatIsNoNumberDoesNotCount() throws {
        let running =
            "vllm:num_requests_running{engine=\"0\"} NaN\nvllm:num_requests_running{engine=\"1\"} 3\n"
        #expect(try value(.running, running)?.value == 3)
        #expect(try value(.requests, "\(Self.done) -Inf\n", "\(Self.done) 20\n")?.value == 2)
    }

    @Test func alertsAreNamedByTheirSeverity() throws {
        let engine = try #require(Engine.all.first { $0.name == "vllm" })
        let rules = try AlertRules.yaml(
            engine, exposition: nil, limits: [.queue: Limits(yellow: 11, red: 22)])
        for (name, limit) in [
            ("WaitingRequestsWarning", "> 11.0"), ("WaitingRequestsCritical", "> 22.0"),
        ] {
            let rule = try #require(
                rules.components(separatedBy: "alert: ").first { $0.hasPrefix(name) })
            #expect(rule.contains(limit), "\(rule)")
        }
        // Nothing that rules could be made of.
        #expect(throws: WatchError.self) {
            try AlertRules.yaml(engine, exposition: parse("vllm:other 1\n"), limits: [:])
        }
    }

    // MARK: Showing

    @Test func whatIsOfTheWholeLifeSaysSo() throws {
        func line(_ texts: String...) throws -> String {
            let report = WatchReport(
                server: "http://x", date: Date(timeIntervalSince1970: 0),
                history: try history(texts.enumerated().map { (Double($0.offset), $0.element) }),
                cards: [])
            return report.lines(colours: false).first { $0.contains("TTFT") } ?? ""
        }
        func buckets(_ count: Int) -> String {
            ["1", "+Inf"].map { "vllm:time_to_first_token_seconds_bucket{le=\"\($0)\"} \(count)\n" }
                .joined()
        }
        #expect(try line(buckets(5)).contains("since the server began"))
        let recent = try line(buckets(5), buckets(9))
        #expect(!recent.isEmpty && !recent.contains("since the server began"))
    }

    @Test func timesAreShownByTheirSize() throws {
        func shown(_ seconds: String) throws -> String {
            let name = "vllm:time_to_first_token_seconds"
            let text = [
                "_bucket{le=\"\(seconds)\"} 0\n", "_bucket{le=\"9\"} 0\n",
                "_bucket{le=\"+Inf\"} 1\n",
            ]
            .map { name + $0 }.joined().replacing("le=\"9\"} 0", with: "le=\"\(seconds)\"} 0")
            let report = WatchReport(
                server: "http://x", date: Date(timeIntervalSince1970: 0),
                history: try history([(0, text)]), cards: [])
            return report.lines(colours: false).first { $0.contains("TTFT") } ?? ""
        }
        #expect(try shown("0.0994").contains("99.4 ms"))
        #expect(try shown("0.1").contains("100 ms"))
        #expect(try shown("0.9994").contains("999 ms"))
        #expect(try shown("1.0").contains("1.00 s"))
    }

    @Test func reportsShowWhatTheyHave() throws {
        let cards = GraphicsCard.parse(
            "0, A, 50, 1024, 4096, 61, 75.5\n1, B, [N/A], 0, 1, [N/A], [N/A]\n")
        func report(_ history: WatchHistory, failure: String? = nil) -> WatchReport {
            WatchReport(
                server: "http://x", date: Date(timeIntervalSince1970: 0), history: history,
                cards: cards,
                failure: failure)
        }
        var history = WatchHistory(window: 60, limits: [.queue: Limits(yellow: 1, red: 5)])
        let engine = try #require(Engine.all.first { $0.name == "vllm" })
        for (time, waiting) in [(0.0, 1), (10, 9)] {
            history.add(
                .metrics(
                    engine,
                    parse("vllm:num_requests_waiting \(waiting)\nvllm:num_requests_running 2\n")),
                at: time)
            let lines = report(history).lines(colours: false)
            #expect(lines[0].contains("rates of the last") == (time > 0))
            let queue = lines.first { $0.contains("Waiting") } ?? ""
            #expect(
                queue.contains(time > 0 ? "red" : "green") && queue.contains("yellow above 1"),
                "\(queue)")
            // What has no limits says nothing of how it stands.
            #expect(lines.contains { $0.contains("Running") && !$0.contains("unknown") })
            #expect(
                lines.contains {
                    $0.contains("GPU 0 A") && $0.contains("50.0 %") && $0.contains("61 °C, 75 W")
                })
            #expect(
                lines.contains { $0.contains("GPU 1 B") && $0.contains("–") && !$0.contains("°C") })
        }
        #expect(report(history).status == .red && report(history).faults.isEmpty)
        let gone = report(history, failure: "gone")
        #expect(gone.readings.isEmpty && gone.faults == ["gone"] && gone.engine == nil)
        history.add(.ollama([]), at: 20)
        #expect(history.readings().map(\.title) == ["Loaded models"] && history.title == "Ollama")
    }

    @Test(
        arguments: [
            ("0, A, 50, 1, 2, 61, 75", 1), ("0, A, 50, 1, 2, 61", 0),
            ("0, A, 50, 1, 2, 61, 75, 8", 0),
            ("x, A, 50, 1, 2, 61, 75", 0), ("0, A, 50, -1, 2, 61, 75", 0),
            ("0, A, 50, 0, 0, 61, 75", 0),
            ("0, A, 50, 0, 999999999, 61, 75", 1), ("0, A, 50, 0, 1e9, 61, 75", 0),
            ("0, A, 50, nan, 2, 61, 75", 0), ("0, A, 50, 1, inf, 61, 75", 0),
        ])
    func cardsAreReadOrLeftOut(_ line: String, _ count: Int) {
        #expect(GraphicsCard.parse(line).count == count)
        #expect(
            GraphicsCard.parse(String(repeating: line + "\n", count: 70)).count
                == min(64, 70 * count))
    }

    /// Numbers that no whole one holds are left out before they are shown.
    @Test func oddNumbersOfCardsAreLeftOut() throws {
        for odd in ["nan", "inf", "1e300", "-1e300"] {
            let card = try #require(GraphicsCard.parse("0, A, \(odd), 5, 4, \(odd), \(odd)").first)
            #expect(card.use == nil && card.temperature == nil && card.power == nil)
            #expect(card.usedBytes == card.totalBytes)
            let report = WatchReport(
                server: "x", date: Date(), history: WatchHistory(window: 1, limits: [:]),
                cards: [card])
            #expect(report.lines(colours: false).contains { $0.contains("GPU 0 A") })
        }
    }
}
