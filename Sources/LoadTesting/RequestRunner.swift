import HTTPRequests

/// What was measured of a request that went well.
struct MeasuredRequest: Hashable, Sendable {
    /// Seconds to the first content.
    var ttft: Double
    /// Seconds to the text's end.
    var e2e: Double
    /// Seconds between events with content.
    var gaps: [Double]
    /// The prompt's tokens as the server tells them.
    var promptTokens: Int
    /// The text's tokens as the server tells them.
    var outputTokens: Int
    /// The tokens that were asked for.
    var limit: Int

    /// Seconds for each token after the first; `nil` for a single token.
    var tpot: Double? {
        outputTokens > 1 ? max(0, e2e - ttft) / Double(outputTokens - 1) : nil
    }
}

/// How a request ended.
struct RequestOutcome: Sendable {
    enum Result: Sendable {
        case success(MeasuredRequest)
        case failure(RequestFailure)
        case cancelled
    }

    /// Seconds by which it was sent later than it was due.
    var lateness: Double
    /// When it ended.
    var end: Double
    var result: Result
}

/// Sends one request and measures its answer.
struct RequestRunner: Sendable {
    /// The most bytes of an answer.
    static let answerLimit = 64 << 20
    /// The most bytes that are read of an answer that tells an error.
    private static let errorLimit = 4096

    let target: LoadTarget
    let timeout: Double
    let transport: any HTTPTransport
    let clock: LoadClock
    /// Whether an answer without content is a failure; a single token may well show none.
    var needsContent = true

    /// - Parameter due: When it was to be sent, from which its times count; now by default.
    func run(_ prompt: LoadPrompt, due: Double? = nil) async -> RequestOutcome {
        let limit = target.limit(of: prompt)
        let request = target.request(prompt)
        let sent = clock.now()
        let start = due ?? sent
        var reader = AnswerReader(endpoint: target.endpoint)
        func outcome(_ result: RequestOutcome.Result) -> RequestOutcome {
            RequestOutcome(lateness: max(0, sent - start), end: clock.now(), result: result)
        }
        do {
            try await read(request, into: &reader)
        } catch {
            // What ends behind the answer's own end has no part in it.
            if !reader.isDone {
                return outcome(RequestFailure(error).map { .failure($0) } ?? .cancelled)
            }
        }
        do {
            let usage = try reader.checkedUsage(
                limit: limit, needsContent: needsContent)
            return outcome(
                .success(
                    MeasuredRequest(
                        ttft: max(0, (reader.firstContent ?? start) - start),
                        e2e: max(0, (reader.textEnd ?? start) - start), gaps: reader.gaps,
                        promptTokens: usage.promptTokens, outputTokens: usage.completionTokens,
                        limit: limit)))
        } catch {
            return outcome(.failure(error))
        }
    }

    private func read(_ request: HTTPRequest, into reader: inout AnswerReader) async throws {
        var stream = EventStream()
        var head = HTTPAnswerHead(status: 0, contentType: "")
        var byteCount = 0
        var words: [UInt8] = []
        try await transport.send(request, timeout: timeout) { part in
            let time = clock.now()
            switch part {
            case .head(let found): head = found
            case .bytes(let bytes):
                byteCount += bytes.count
                guard byteCount <= RequestRunner.answerLimit else {
                    throw RequestFailure(
                        .brokenStream,
                        "the answer is longer than \(RequestRunner.answerLimit) bytes")
                }
                guard head.isStream else {
                    words += bytes.prefix(RequestRunner.errorLimit - words.count)
                    return words.count < RequestRunner.errorLimit
                }
                try stream.take(bytes) { try reader.take($0, at: time) }
            }
            return true
        }
        guard head.status == 200 else {
            throw RequestFailure(
                .httpStatus, ServerWords.words(of: words), status: head.status)
        }
        guard head.isStream else {
            throw RequestFailure(
                .brokenStream,
                "the answer is \(head.contentType.isEmpty ? "of no type" : head.contentType), expected text/event-stream"
            )
        }
        let time = clock.now()
        try stream.finish { try reader.take($0, at: time) }
    }
}

extension HTTPAnswerHead {
    /// Whether it begins a stream of events.
    fileprivate var isStream: Bool { status == 200 && contentType.hasPrefix("text/event-stream") }
}
