extension Engine {
    /// Text Generation Inference, which has no time to the first token.
    static let tgi = Engine(
        name: "tgi", title: "TGI", prefixes: ["tgi_"],
        sources: [
            .tpot: .quantile(Selector("tgi_request_mean_time_per_token_duration")),
            .e2e: .quantile(Selector("tgi_request_duration")),
            .throughput: .rateOfSum(Selector("tgi_request_generated_tokens")),
            .prompts: .rateOfSum(Selector("tgi_request_input_length")),
            .requests: .first([
                .rate(Selector("tgi_request_count", "tgi_request_count_total")),
                .rateOfCount(Selector("tgi_request_duration")),
            ]),
            .running: .sum(Selector("tgi_batch_current_size")),
            .queue: .sum(Selector("tgi_queue_size")),
            .queueTime: .quantile(Selector("tgi_request_queue_duration")),
            .errors: .ratio(
                .rate(Selector("tgi_request_failure", "tgi_request_failure_total")),
                .rate(Selector("tgi_request_count", "tgi_request_count_total"))),
        ])
}
