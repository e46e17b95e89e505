import TensorCore
import Testing
import Watching

/// What is made of the metrics of each kind of server.
@Suite struct EngineTests {
    /// The readings of two texts, ten seconds apart.
    private func readings(
        _ first: String?, _ second: String, engine: Engine? = nil,
        limits: [Measure: Limits] = [:]
    ) throws -> [Measure: Reading] {
        var history = WatchHistory(window: 60, limits: limits)
        for (time, text) in [(0.0, first), (10.0, second)] {
            guard let text else { continue }
            let exposition = ExpositionParser.parse(Array(text.utf8))
            #expect(exposition.faults.isEmpty, "\(exposition.faults)")
            let found = try #require(engine ?? Engine.recognised(in: exposition))
            history.add(.metrics(found, exposition), at: time)
        }
        return Dictionary(uniqueKeysWithValues: history.readings().map { ($0.measure, $0) })
    }

    /// A histogram's lines: counts at or below edges, the last of all.
    private func histogram(
        _ name: String, _ counts: [(String, Int)], labels: String = ""
    ) -> String {
        counts.map { "\(name)_bucket{\(labels)le=\"\($0.0)\"} \($0.1)\n" }.joined()
            + "\(name)_sum{\(labels)} 1\n\(name)_count{\(labels)} \(counts.last?.1 ?? 0)\n"
    }

    private func vllm(_ scale: Int, cache: String = "vllm:kv_cache_usage_perc") -> String {
        """
        vllm:num_requests_running{model_name="m",engine="0"} 3.0
        vllm:num_requests_running{model_name="m",engine="1"} 4.0
        vllm:num_requests_waiting{model_name="m"} 6.0
        \(cache){model_name="m"} 0.9
        vllm:prompt_tokens_total{model_name="m"} \(1000 * scale)
        vllm:generation_tokens_total{model_name="m"} \(500 * scale)
        vllm:request_success_total{finished_reason="stop",model_name="m"} \(18 * scale)
        vllm:request_success_total{finished_reason="length",model_name="m"} \(1 * scale)
        vllm:request_success_total{finished_reason="abort",model_name="m"} \(1 * scale)
        vllm:prefix_cache_queries_total{model_name="m"} \(100 * scale)
        vllm:prefix_cache_hits_total{model_name="m"} \(25 * scale)

        """
            + histogram(
                "vllm:time_to_first_token_seconds",
                [
                    ("0.1", 50 * scale), ("0.5", 90 * scale), ("1.0", 100 * scale),
                    ("+Inf", 100 * scale),
                ],
                labels: "model_name=\"m\",")
            + histogram(
                "vllm:time_per_output_token_seconds", [("0.01", 10 * scale), ("+Inf", 20 * scale)])
    }

    @Test func vllmIsRead() throws {
        let found = try readings(vllm(1), vllm(3))
        #expect(found[.running]?.value == 7 && found[.queue]?.value == 6)
        #expect(found[.cache]?.value == 0.9 && found[.cache]?.basis == "now")
        #expect(found[.throughput]?.value == 100 && found[.prompts]?.value == 200)
        #expect(found[.requests]?.value == 4)
        #expect(abs((found[.errors]?.value ?? 0) - 0.05) < 1e-12)
        #expect(found[.prefix]?.value == 0.25)
        // 95 of 100 lie half way between 90 at 0.5 and 100 at 1.
        #expect(abs((found[.ttft]?.value ?? 0) - 0.75) < 1e-12 && found[.ttft]?.basis == "window")
        // Beyond the last finite edge there is nothing better to say; and the older name is known.
        #expect(found[.tpot]?.value == 0.01)
    }

    @Test func renamedMetricsAreKnown() throws {
        let older = try readings(nil, vllm(1, cache: "vllm:gpu_cache_usage_perc"))
        #expect(older[.cache]?.value == 0.9)
        // As a collector writes it that knows no colons.
        let collected = try readings(nil, vllm(1).replacing("vllm:", with: "vllm_"))
        #expect(collected[.running]?.value == 7)
        let untotalled = try readings(
            vllm(1).replacing("tokens_total", with: "tokens"),
            vllm(2).replacing("tokens_total", with: "tokens"))
        #expect(untotalled[.throughput]?.value == 50)
    }

    @Test func oneLookHasNoRates() throws {
        let found = try readings(nil, vllm(1))
        #expect(found[.throughput] == nil)
        #expect(found[.ttft]?.basis == "lifetime" && found[.errors]?.basis == "lifetime")
    }

    @Test func idleServersAreToldByTheirLifetime() throws {
        let found = try readings(vllm(2), vllm(2))
        #expect(found[.throughput]?.value == 0)
        #expect(found[.ttft]?.basis == "lifetime")
        #expect(abs((found[.ttft]?.value ?? 0) - 0.75) < 1e-12)
    }

    @Test func countersThatBeginAnewCountFromZero() throws {
        let found = try readings(vllm(9), vllm(2))
        #expect(found[.throughput]?.value == 100 && found[.requests]?.value == 4)
        #expect(abs((found[.ttft]?.value ?? 0) - 0.75) < 1e-12)
    }

    @Test func brokenHistogramsAreNotBelieved() throws {
        let name = "vllm:time_to_first_token_seconds"
        func value(_ counts: [(String, Int)]) throws -> Double? {
            try readings(nil, "vllm:x 1\n" + histogram(name, counts))[.ttft]?.value
        }
        // Counts that fall stay where they were.
        #expect(try value([("0.1", 10), ("0.5", 5), ("1", 20), ("+Inf", 20)]) == 0.95)
        #expect(try value([("x", 1), ("nan", 3), ("+Inf", 3)]) == nil)
        #expect(try value([("0.1", 0), ("+Inf", 0)]) == nil)
        #expect(try value([("+Inf", 7)]) == nil)
    }

    @Test func tgiIsRead() throws {
        func text(_ scale: Int) -> String {
            "tgi_queue_size 2\ntgi_batch_current_size 5\ntgi_request_count \(10 * scale)\n"
                + "tgi_request_failure{err=\"overloaded\"} \(scale)\n"
                + "tgi_request_generated_tokens_sum \(400 * scale)\n"
                + histogram(
                    "tgi_request_mean_time_per_token_duration",
                    [("0.02", 95 * scale), ("+Inf", 100 * scale)])
        }
        let found = try readings(text(1), text(2))
        #expect(found[.queue]?.value == 2 && found[.running]?.value == 5)
        #expect(found[.errors]?.value == 0.1 && found[.throughput]?.value == 40)
        #expect(found[.tpot]?.value == 0.02 && found[.ttft] == nil)
    }

    @Test func llamaServerHasMeans() throws {
        func text(_ scale: Int) -> String {
            """
            llamacpp:prompt_tokens_total \(100 * scale)
            llamacpp:tokens_predicted_total \(50 * scale)
            llamacpp:tokens_predicted_seconds_total \(2 * scale)
            llamacpp:requests_processing 1
            llamacpp:requests_deferred 0

            """
        }
        let found = try readings(text(1), text(2))
        #expect(found[.tpot]?.value == 0.04 && found[.tpot]?.title == "TPOT mean")
        #expect(found[.throughput]?.value == 5 && found[.queue]?.value == 0)
    }

    @Test func sglangAndIngotAreRead() throws {
        let sglang = try readings(
            "sglang:generation_tokens_total{tp_rank=\"0\"} 10\n",
            "sglang:generation_tokens_total{tp_rank=\"0\"} 30\nsglang:token_usage 0.5\nsglang:num_queue_reqs 1\n"
        )
        #expect(sglang[.throughput]?.value == 2 && sglang[.cache]?.value == 0.5)
        let older = try readings(nil, "sglang:gen_throughput 7\n")
        #expect(older[.throughput]?.value == 7)
        func ingot(_ count: Int) -> String {
            """
            ingot_requests_total{model="m",finish_reason="stop"} \(9 * count)
            ingot_requests_total{model="m",finish_reason="error"} \(count)
            ingot_requests_waiting{model="m"} 0

            """
        }
        let own = try readings(ingot(1), ingot(2))
        #expect(own[.errors]?.value == 0.1 && own[.requests]?.value == 1)
    }

    @Test func limitsMakeColours() throws {
        let limits: [Measure: Limits] = [
            .ttft: Limits(yellow: 0.5, red: 2), .queue: Limits(yellow: 1, red: 5),
            .throughput: Limits(yellow: 200, red: 100.5, isFloor: true),
            .cache: Limits(yellow: 0.95, red: 1),
        ]
        let found = try readings(vllm(1), vllm(3), limits: limits)
        #expect(found[.ttft]?.status == .yellow && found[.queue]?.status == .red)
        #expect(found[.throughput]?.status == .red && found[.cache]?.status == .green)
        #expect(found[.running]?.status == .unknown)
    }

    @Test func theWindowMoves() throws {
        var history = WatchHistory(window: 20, limits: [:])
        for look in 0...10 {
            let exposition = ExpositionParser.parse(Array(vllm(look * look).utf8))
            history.add(
                .metrics(try #require(Engine.recognised(in: exposition)), exposition),
                at: Double(look) * 10)
        }
        #expect(history.seconds == 20)
        let rate = history.readings().first { $0.measure == .throughput }?.value
        // 500 tokens a step, at 8² and 10², in 20 seconds.
        #expect(rate == 900)
    }

    @Test func unknownMetricsAreOfNobody() {
        #expect(Engine.recognised(in: ExpositionParser.parse(Array("node_load1 1\n".utf8))) == nil)
        #expect(Set(Engine.all.map(\.name)).count == Engine.all.count)
    }

    @Test func cardsAreRead() {
        let cards = GraphicsCard.parse(
            "0, NVIDIA H100 80GB HBM3, 97, 70123, 81559, 61, 512.34\n1, L4, [N/A], 0, 23034, 40, [N/A]\nnonsense\n2, x, 1, -5, 3, 1, 1\n"
        )
        #expect(cards.count == 2 && cards[0].use == 0.97 && cards[1].use == nil)
        #expect(cards[0].usedBytes == 70123 << 20 && cards[0].power == 512.34)
    }
}
