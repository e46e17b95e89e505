extension Engine {
    /// SGLang.
    static let sglang = Engine(
        name: "sglang", title: "SGLang", prefixes: ["sglang:"],
        sources: [
            .ttft: .quantile(Selector("sglang:time_to_first_token_seconds")),
            .tpot: .quantile(
                Selector(
                    "sglang:inter_token_latency_seconds", "sglang:time_per_output_token_seconds")),
            .e2e: .quantile(Selector("sglang:e2e_request_latency_seconds")),
            .throughput: .first([
                .rate(Selector("sglang:generation_tokens_total")),
                .sum(Selector("sglang:gen_throughput")),
            ]),
            .prompts: .rate(Selector("sglang:prompt_tokens_total")),
            .requests: .rate(Selector("sglang:num_requests_total")),
            .running: .sum(Selector("sglang:num_running_reqs")),
            .queue: .sum(Selector("sglang:num_queue_reqs")),
            .queueTime: .quantile(Selector("sglang:queue_time_seconds")),
            .errors: .ratio(
                .rate(Selector("sglang:num_aborted_requests_total")),
                .rate(Selector("sglang:num_requests_total"))),
            .cache: .largest(Selector("sglang:token_usage")),
            .prefix: .largest(Selector("sglang:cache_hit_rate")),
        ])
}
