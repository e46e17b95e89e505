extension Engine {
    /// `ingot serve`.
    static let ingot = Engine(
        name: "ingot", title: "Ingot", prefixes: ["ingot_"],
        sources: [
            .ttft: .quantile(Selector("ingot_time_to_first_token_seconds")),
            .tpot: .quantile(Selector("ingot_time_per_output_token_seconds")),
            .e2e: .quantile(Selector("ingot_request_duration_seconds")),
            .throughput: .rate(Selector("ingot_generation_tokens_total")),
            .prompts: .rate(Selector("ingot_prompt_tokens_total")),
            .requests: .rate(Selector("ingot_requests_total")),
            .running: .sum(Selector("ingot_requests_running")),
            .queue: .sum(Selector("ingot_requests_waiting")),
            .queueTime: .quantile(Selector("ingot_queue_seconds")),
            .errors: .ratio(
                .rate(Selector("ingot_requests_total", where: "finish_reason", is: ["error"])),
                .rate(Selector("ingot_requests_total"))),
            .cache: .largest(Selector("ingot_kv_cache_usage_ratio")),
            .prefix: .ratio(
                .rate(Selector("ingot_prompt_tokens_cached_total")),
                .rate(Selector("ingot_prompt_tokens_total"))),
        ])
}
