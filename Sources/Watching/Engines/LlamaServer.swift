extension Engine {
    /// llama.cpp's server, which has no histograms: of times there are means.
    static let llamaServer = Engine(
        name: "llama-server", title: "llama-server", prefixes: ["llamacpp:"],
        sources: [
            .tpot: .ratio(
                .rate(Selector("llamacpp:tokens_predicted_seconds_total")),
                .rate(Selector("llamacpp:tokens_predicted_total"))),
            .throughput: .rate(Selector("llamacpp:tokens_predicted_total")),
            .prompts: .rate(Selector("llamacpp:prompt_tokens_total")),
            .running: .sum(Selector("llamacpp:requests_processing")),
            .queue: .sum(Selector("llamacpp:requests_deferred")),
            .cache: .largest(Selector("llamacpp:kv_cache_usage_ratio")),
        ])
}
