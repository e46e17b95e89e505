/// A request to another server.
public struct HTTPRequest: Sendable {
    /// The method.
    public var method: String
    /// The whole address, `http://host:port/path`.
    public var url: String
    /// Names and values, in order.
    public var headers: [(name: String, value: String)]
    /// The body; empty for none.
    public var body: [UInt8]

    /// A request without headers of its own.
    public init(
        _ method: String, _ url: String, headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// What an answer begins with.
public struct HTTPAnswerHead: Sendable, Hashable {
    /// The status code.
    public var status: Int
    /// The header `Content-Type`, lower case; empty where there is none.
    public var contentType: String

    /// A head.
    public init(status: Int, contentType: String) {
        self.status = status
        self.contentType = contentType.lowercased()
    }
}

/// A piece of an answer, in the order in which it comes.
public enum HTTPAnswerPart: Sendable {
    /// The head, once, before all bytes.
    case head(HTTPAnswerHead)
    /// Bytes of the body as they came in, never none.
    case bytes([UInt8])
}

/// Who sends requests: the network, or a script in a test.
public protocol HTTPTransport: Sendable {
    /// Sends a request and hands the answer's parts to `receive` as they come.
    ///
    /// Memory is a few parts, whatever the answer's length.
    ///
    /// - Parameters:
    ///   - timeout: Seconds for the whole exchange; a transport may notice up to as many later that a
    ///     server fell silent.
    ///   - receive: Ends the exchange by throwing, or by returning `false` when it has enough.
    /// - Throws: `HTTPError`, `CancellationError`, and what `receive` throws.
    func send(
        _ request: HTTPRequest, timeout: Double,
        _ receive: (HTTPAnswerPart) throws -> Bool
    ) async throws
}

/// An answer that has come in whole.
public struct HTTPAnswer: Sendable {
    /// What it began with.
    public var head: HTTPAnswerHead
    /// Its bytes.
    public var body: [UInt8]
}

extension HTTPTransport {
    /// Sends a request and collects the answer.
    ///
    /// - Parameters:
    ///   - timeout: Seconds for the whole exchange.
    ///   - limit: The most bytes of the body.
    /// - Throws: `HTTPError`, also for a longer body, and `CancellationError`.
    public func collect(
        _ request: HTTPRequest, timeout: Double, limit: Int
    ) async throws -> HTTPAnswer {
        var answer: HTTPAnswer?
        try await send(request, timeout: timeout) { part in
            switch part {
            case .head(let head): answer = HTTPAnswer(head: head, body: [])
            case .bytes(let bytes):
                guard (answer?.body.count ?? 0) + bytes.count <= limit else {
                    throw HTTPError(.tooLong(limit: limit), url: request.url)
                }
                answer?.body += bytes
            }
            return true
        }
        guard let answer else { throw HTTPError(.closed(detail: "no answer"), url: request.url) }
        return answer
    }
}
