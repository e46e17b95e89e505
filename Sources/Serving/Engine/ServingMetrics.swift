import Synchronization

/// What a server counts, as Prometheus reads it.
///
/// May be used from several threads at once.
public final class ServingMetrics: Sendable {
    /// What stays the same while the server runs.
    public struct Constants: Sendable {
        /// The served model's name.
        public var model = ""
        /// The program's version.
        public var version = ""
        /// The number of slots.
        public var slotCount = 0
        /// The tokens of all slots.
        public var contextTokens = 0
        /// The bytes of all keys and values.
        public var cacheBytes = 0
        /// The bytes of the model's tensors.
        public var modelBytes = 0

        /// Nothing is known yet.
        public init() {}
    }

    private struct Contents {
        var constants = Constants()
        var (promptTokens, cachedTokens, addedTokens, steps) = (0, 0, 0, 0)
        var (running, waiting, knownTokens) = (0, 0, 0)
        var ends: [FinishReason: Int] = [:]
        var vectorRequests: [VectorEnd: Int] = [:]
        var (vectorTexts, vectorTokens) = (0, 0)
        var vectorRequest = Histogram.seconds
        var responses: [Response: Int] = [:]
        var firstToken = Histogram.seconds
        var perToken = Histogram.tokenSeconds
        var betweenTokens = Histogram.tokenSeconds
        var request = Histogram.seconds
        var queue = Histogram.seconds
        var prefill = Histogram.seconds
        var decode = Histogram.seconds
        var promptLength = Histogram.tokens
        var addedLength = Histogram.tokens
        var batch = Histogram.batches
    }

    private struct Response: Hashable {
        let path: String
        let code: Int
    }

    private let contents = Mutex(Contents())
    private let start: Double = {
        let (seconds, nanoseconds) = wallClock()
        return Double(seconds) + Double(nanoseconds) * 1e-9
    }()

    /// Starts with nothing counted.
    public init() {}

    /// Tells what stays the same.
    public func set(_ constants: Constants) {
        contents.withLock { $0.constants = constants }
    }

    /// Counts an answer; `path` is one of the server's own.
    public func responded(path: String, code: Int) {
        contents.withLock { $0.responses[Response(path: path, code: code), default: 0] += 1 }
    }

    // MARK: From the engine

    func ended(_ job: GenerationJob, _ outcome: GenerationOutcome) {
        contents.withLock { contents in
            contents.ends[outcome.reason, default: 0] += 1
            guard job.promptEnd != nil else { return }
            contents.promptTokens += outcome.promptCount
            contents.cachedTokens += outcome.cachedCount
            contents.addedTokens += outcome.addedCount
            if let seconds = job.firstTokenSeconds { contents.firstToken.add(seconds) }
            if outcome.addedCount > 1 {
                contents.perToken.add(
                    max(
                        0,
                        outcome.queueSeconds + outcome.promptSeconds + outcome.addedSeconds
                            - (job.firstTokenSeconds ?? 0)) / Double(outcome.addedCount - 1))
            }
            contents.request.add(
                outcome.queueSeconds + outcome.promptSeconds + outcome.addedSeconds)
            contents.queue.add(outcome.queueSeconds)
            contents.prefill.add(outcome.promptSeconds)
            contents.decode.add(outcome.addedSeconds)
            contents.promptLength.add(Double(outcome.promptCount))
            contents.addedLength.add(Double(outcome.addedCount))
        }
    }

    /// How a request for vectors ended.
    enum VectorEnd: String, CaseIterable {
        case done, failed, cancelled, refused
    }

    /// Counts a request for vectors; texts and tokens of those that were made.
    func ended(_ end: VectorEnd, textCount: Int, tokenCount: Int, seconds: Double) {
        contents.withLock { contents in
            contents.vectorRequests[end, default: 0] += 1
            guard end == .done else { return }
            contents.vectorTexts += textCount
            contents.vectorTokens += tokenCount
            contents.vectorRequest.add(seconds)
        }
    }

    func stepped(batchSize: Int) {
        contents.withLock {
            $0.steps += 1
            $0.batch.add(Double(batchSize))
        }
    }

    func tokenCame(after seconds: Double) {
        contents.withLock { $0.betweenTokens.add(seconds) }
    }

    func set(running: Int, waiting: Int, cachedTokens: Int) {
        contents.withLock {
            ($0.running, $0.waiting, $0.knownTokens) = (running, waiting, cachedTokens)
        }
    }

    // MARK: Exposition

    private static func addVectors(_ contents: Contents, to text: inout MetricsText) {
        text.header(
            "embedding_requests_total", "counter",
            "Requests for vectors (embeddings, reranking), by how they ended.")
        for end in VectorEnd.allCases {
            text.sample(
                "embedding_requests_total", Double(contents.vectorRequests[end, default: 0]),
                [("result", end.rawValue)])
        }
        text.counter(
            "embedding_texts_total", "Texts of which vectors were made.", contents.vectorTexts)
        text.counter("embedding_tokens_total", "Tokens of these texts.", contents.vectorTokens)
        text.histogram(
            "embedding_duration_seconds", "From a request's arrival to its vectors.",
            contents.vectorRequest)
    }

    /// Everything in Prometheus' text format 0.0.4.
    public func exposition() -> String {
        let contents = contents.withLock { $0 }
        let constants = contents.constants
        var text = MetricsText(model: constants.model)
        text.counter("prompt_tokens_total", "Tokens of prompts.", contents.promptTokens)
        text.counter(
            "prompt_tokens_cached_total", "Tokens of prompts that were known from earlier texts.",
            contents.cachedTokens)
        text.counter("generation_tokens_total", "Tokens that were generated.", contents.addedTokens)
        text.header("requests_total", "counter", "Generations that ended, by the reason.")
        for reason in FinishReason.allCases {
            text.sample(
                "requests_total", Double(contents.ends[reason, default: 0]),
                [("finish_reason", reason.rawValue)])
        }
        ServingMetrics.addVectors(contents, to: &text)
        text.header("http_responses_total", "counter", "Answers, by path and status code.")
        for (response, count) in contents.responses.sorted(by: {
            ($0.key.path, $0.key.code) < ($1.key.path, $1.key.code)
        }) {
            text.sample(
                "http_responses_total", Double(count),
                [("path", response.path), ("code", "\(response.code)")])
        }
        text.counter("steps_total", "Forward steps.", contents.steps)
        text.gauge("requests_running", "Generations that have a slot.", Double(contents.running))
        text.gauge("requests_waiting", "Requests that wait for a slot.", Double(contents.waiting))
        text.gauge("slots", "Slots.", Double(constants.slotCount))
        text.gauge(
            "context_tokens", "Tokens that all slots have room for.",
            Double(constants.contextTokens))
        text.gauge(
            "kv_cache_usage_ratio", "The share of the room for tokens that is used.",
            Double(contents.knownTokens) / Double(max(1, constants.contextTokens)))
        text.gauge("kv_cache_bytes", "Bytes of keys and values.", Double(constants.cacheBytes))
        text.gauge("model_bytes", "Bytes of the model's tensors.", Double(constants.modelBytes))
        text.header("build_info", "gauge", "The program's version.")
        text.sample("build_info", 1, [("version", constants.version)])
        text.histogram(
            "time_to_first_token_seconds", "From a request's arrival to its first token.",
            contents.firstToken)
        text.histogram(
            "time_per_output_token_seconds", "Seconds for each token after the first.",
            contents.perToken)
        text.histogram("inter_token_seconds", "Between two tokens.", contents.betweenTokens)
        text.histogram("request_duration_seconds", "From arrival to end.", contents.request)
        text.histogram("queue_seconds", "Waiting for a slot.", contents.queue)
        text.histogram("prefill_seconds", "Running the prompt.", contents.prefill)
        text.histogram("decode_seconds", "Generating after the prompt.", contents.decode)
        text.histogram("request_prompt_tokens", "Tokens of a prompt.", contents.promptLength)
        text.histogram(
            "request_generation_tokens", "Tokens of a generation.", contents.addedLength)
        text.histogram("batch_size", "Texts of a step.", contents.batch)
        text.process(start: start)
        return text.text
    }
}
