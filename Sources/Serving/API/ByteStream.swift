import TensorCore

/// An answer that comes part by part.
enum ByteStream {
    /// Makes parts of events; when nobody reads them, the events are cancelled.
    static func make<Encoder: EventEncoder>(
        _ events: AsyncStream<(index: Int, event: GenerationEvent)>, _ encoder: Encoder
    ) -> ServingResponse {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        let task = Task {
            var encoder = encoder
            for part in encoder.begin() { continuation.yield(part) }
            var isWhole = true
            events: for await (index, event) in events {
                switch event {
                case .failure(let sentence, let field):
                    continuation.yield(encoder.failure(.failure(sentence, field: field)))
                    isWhole = false
                    break events
                case .end(let outcome) where outcome.reason == .cancelled:
                    continuation.yield(encoder.failure(.brokenOff))
                    isWhole = false
                    break events
                default:
                    for part in encoder.encode(index, event) { continuation.yield(part) }
                }
            }
            if isWhole, !Task.isCancelled {
                for part in encoder.finish() { continuation.yield(part) }
            }
            continuation.finish()
        }
        continuation.onTermination = { reason in
            if case .cancelled = reason { task.cancel() }
        }
        return ServingResponse(
            type: Encoder.contentType,
            body: .stream(
                stream,
                cancel: {
                    task.cancel()
                    continuation.finish()
                }))
    }
}

/// Makes the parts of a streamed answer.
protocol EventEncoder: Sendable {
    static var contentType: String { get }
    /// The parts before the first event.
    mutating func begin() -> [[UInt8]]
    /// The parts that an event makes; it is no failure.
    mutating func encode(_ index: Int, _ event: GenerationEvent) -> [[UInt8]]
    /// The last part of an answer that could not be gone on with.
    func failure(_ error: APIError) -> [UInt8]
    /// The parts after the last event.
    mutating func finish() -> [[UInt8]]
}

/// Server-sent events, as OpenAI's endpoints stream.
enum ServerSentEvents {
    static let contentType = "text/event-stream; charset=utf-8"
    static let done = Array("data: [DONE]\n\n".utf8)

    static func event(_ json: JSON) -> [UInt8] {
        Array("data: ".utf8) + json.writtenCompactly() + Array("\n\n".utf8)
    }
}

/// The time in seconds since 1970.
func secondsSince1970() -> Int { Int(wallClock().seconds) }
