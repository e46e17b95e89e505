extension Engine {
    /// vLLM, with the names of its versions since 0.5.
    static let vllm = Engine(
        name: "vllm", title: "vLLM", prefixes: ["vllm:"],
        sources: [
            .ttft: .quantile(Selector("vllm:time_to_first_token_seconds")),
            .tpot: .quantile(
                Selector(
                    "vllm:request_time_per_output_token_seconds",
                    "vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")),
            .e2e: .quantile(Selector("vllm:e2e_request_latency_seconds")),
            .throughput: .rate(Selector("vllm:generation_tokens_total")),
            .prompts: .rate(Selector("vllm:prompt_tokens_total")),
            .requests: .rate(Selector("vllm:request_success_total")),
            .running: .sum(Selector("vllm:num_requests_running")),
            .queue: .sum(Selector("vllm:num_requests_waiting")),
            .queueTime: .quantile(Selector("vllm:request_queue_time_seconds")),
            .errors: .ratio(
                .rate(
                    Selector(
                        "vllm:request_success_total", where: "finished_reason",
                        is: ["abort", "error"])),
                .rate(Selector("vllm:request_success_total"))),
            .cache: .largest(
                Selector("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")),
            .prefix: .ratio(
                .rate(
                    Selector(
                        "vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total")),
                .rate(
                    Selector(
                        "vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"))
            ),
        ])
}
