import AsyncHTTPClient
public import HTTPRequests
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// HTTP/1.1 over the network, with connections that are kept for a moment.
///
/// Redirections are not followed: a key must not go to whom it was not given for. A request whose
/// connection ends before any answer is sent again: servers close connections that are kept, and a
/// request may come to one in that moment.
public final class HTTPNetwork: HTTPTransport {
    private let client: HTTPClient
    private let keepsConnections = Atomic<Bool>(true)
    /// How often a request is sent again that met a connection's end.
    private static let repetitionLimit = 3

    /// Seconds that an idle connection is kept: less than the five after which common servers close
    /// theirs, for a request that meets a closing connection fails.
    private static let idleSeconds: Int64 = 2

    /// - Parameters:
    ///   - connectionLimit: The most connections at a time; further requests wait.
    ///   - silenceLimit: Seconds without any byte after which an answer is given up.
    public init(connectionLimit: Int, silenceLimit: Double) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        // The limit of a whole request holds until its answer begins, and at every part of it.
        configuration.timeout = .init(
            connect: .seconds(10), read: HTTPNetwork.amount(silenceLimit))
        configuration.connectionPool.idleTimeout = .seconds(HTTPNetwork.idleSeconds)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionLimit
        // An error is to be counted, not to be tried again.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        HTTPNetwork.raiseOpenFileLimit(to: connectionLimit + 256)
    }

    /// Closes all connections.
    public func shutdown() async {
        try? await client.shutdown()
    }

    /// Sends a request over a connection that is kept, or a new one.
    public func send(
        _ request: HTTPRequest, timeout: Double,
        _ receive: (HTTPAnswerPart) throws -> Bool
    ) async throws {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = HTTPMethod(rawValue: request.method)
        for header in request.headers {
            outgoing.headers.add(name: header.name, value: header.value)
        }
        if !request.body.isEmpty {
            outgoing.body = .bytes(request.body, length: .known(Int64(request.body.count)))
        }
        let deadline = NIODeadline.now() + HTTPNetwork.amount(timeout)
        do {
            try await exchange(outgoing, deadline, receive)
            // A task that is cancelled may find the body's end instead of an error.
            try Task.checkCancellation()
        } catch {
            throw HTTPNetwork.meaning(of: error, url: request.url, timeout: timeout)
        }
    }

    private func exchange(
        _ request: HTTPClientRequest, _ deadline: NIODeadline,
        _ receive: (HTTPAnswerPart) throws -> Bool
    ) async throws {
        let response = try await begin(request, deadline)
        let head = HTTPAnswerHead(
            status: Int(response.status.code),
            contentType: response.headers.first(name: "content-type") ?? "")
        guard try receive(.head(head)) else { return }
        for try await buffer in response.body where buffer.readableBytes > 0 {
            guard NIODeadline.now() < deadline else { throw HTTPClientError.deadlineExceeded }
            guard try receive(.bytes(Array(buffer.readableBytesView))) else { return }
        }
    }

    /// The beginning of an answer.
    ///
    /// A request whose connection ends before that is sent again, and from then on all requests ask for
    /// connections of their own: the server closes those that are kept, some of which may still be
    /// waiting here.
    private func begin(
        _ request: HTTPClientRequest, _ deadline: NIODeadline
    ) async throws -> HTTPClientResponse {
        var request = request
        var repetitions = 0
        while true {
            if !keepsConnections.load(ordering: .relaxed) {
                request.headers.replaceOrAdd(name: "Connection", value: "close")
            }
            do { return try await client.execute(request, deadline: deadline) } catch {
                guard repetitions < HTTPNetwork.repetitionLimit,
                    HTTPNetwork.tellsOfClosing(error)
                else { throw error }
                repetitions += 1
                keepsConnections.store(false, ordering: .relaxed)
            }
        }
    }

    private static func amount(_ seconds: Double) -> TimeAmount {
        .nanoseconds(Int64(min(max(seconds, 0), 1e9) * 1e9))
    }

    /// Whether a connection ended under a request.
    private static func tellsOfClosing(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .remoteConnectionClosed
        case let error as ChannelError: error == .ioOnClosedChannel
        case let error as IOError: isClosing(error.errnoCode)
        default: false
        }
    }

    private static func isClosing(_ code: Int32) -> Bool {
        [ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN].contains(code)
    }

    /// What an error of the library says in this package's terms; others stay what they are.
    private static func meaning(
        of error: any Error, url: String, timeout: Double
    ) -> any Error {
        func failure(_ kind: HTTPError.Kind) -> HTTPError { HTTPError(kind, url: url) }
        switch error {
        case let error as HTTPClientError:
            switch error {
            case .cancelled: return CancellationError()
            case .deadlineExceeded, .readTimeout, .writeTimeout:
                return failure(.timeout(seconds: timeout))
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
                return failure(.connect(detail: error.shortDescription))
            case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath:
                return failure(.address(detail: error.shortDescription))
            case .remoteConnectionClosed:
                return failure(.closed(detail: "in the middle of the answer"))
            default: return failure(.closed(detail: error.shortDescription))
            }
        case let error as NIOConnectionError:
            let reason = error.connectionErrors.first.map { "\($0.error)" }
            return failure(.connect(detail: reason ?? "the name \(error.host) is not known"))
        case HTTPParserError.invalidEOFState:
            return failure(.closed(detail: "in the middle of the answer"))
        case let error as HTTPParserError: return failure(.notHTTP(detail: "\(error)"))
        case let error as IOError:
            let words = unsafe String(cString: strerror(error.errnoCode))
            return failure(
                isClosing(error.errnoCode) ? .closed(detail: words) : .connect(detail: words))
        case ChannelError.ioOnClosedChannel:
            return failure(.closed(detail: "before the request was sent"))
        case let error as ChannelError: return failure(.connect(detail: "\(error)"))
        case is any IngotError, is CancellationError: return error
        // TLS has errors of its own.
        default: return failure(.connect(detail: "\(error)"))
        }
    }

    /// Asks for as many open files as connections need, as far as the system allows.
    private static func raiseOpenFileLimit(to count: Int) {
        var limits = rlimit()
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard unsafe getrlimit(resource, &limits) == 0, limits.rlim_cur < rlim_t(count) else {
            return
        }
        limits.rlim_cur = min(rlim_t(count), limits.rlim_max)
        unsafe setrlimit(resource, &limits)
    }
}
