import Foundation
import Serving
import ServingHTTP
import Synchronization
import TensorCore
import Testing

/// The endpoints over sockets.
@Suite(.serialized, .timeLimit(.minutes(20))) struct HTTPTests {
    /// Runs `body` with the port of a server that is stopped afterwards.
    private func withServer(
        _ server: TestServer, idleSeconds: Int64 = 60, _ body: (Int) async throws -> Void
    ) async throws {
        var settings = HTTPServer.Settings(host: "127.0.0.1", port: 0)
        settings.obeysSignals = false
        settings.idleSeconds = idleSeconds
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let http = HTTPServer(server.api, settings: settings)
        let task = Task { try await http.run { continuation.yield($0) } }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        do {
            try await body(port)
        } catch {
            task.cancel()
            throw error
        }
        task.cancel()
        _ = await task.result
    }

    private func request(_ path: String, _ body: String, extra: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(extra)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// What a server answers until it closes the connection.
    private func exchange(_ port: Int, _ text: String) async throws -> String {
        try await offPool {
            Result {
                let socket = try ClientSocket(port: port)
                socket.send(text)
                return socket.readAll()
            }
        }.get()
    }

    /// Runs what blocks on a thread of its own: the server needs the concurrent ones.
    private func offPool<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            do {
                try BackgroundThread.start { continuation.resume(returning: body()) }
            } catch {
                fatalError("\(error)")
            }
        }
    }

    @Test func answersOverASocket() async throws {
        let server = try TestServer.shared.get()
        try await withServer(server) { port in
            let health = try await exchange(
                port, "GET /health HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n"
            )
            #expect(health.hasPrefix("HTTP/1.1 200"))
            #expect(health.contains("{\"status\":\"ok\"}"))
            let stream = try await exchange(
                port,
                request(
                    "/v1/completions",
                    #"{"prompt": "a", "max_tokens": 3, "stream": true, "ignore_eos": true}"#))
            #expect(stream.lowercased().contains("content-type: text/event-stream"))
            #expect(stream.contains("data: [DONE]"))
            let head = try await exchange(
                port, "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n"))
            let foreign = try await exchange(
                port, "GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            #expect(foreign.hasPrefix("HTTP/1.1 403"))
            let long = try await exchange(
                port,
                "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n{"
            )
            #expect(long.hasPrefix("HTTP/1.1 413") && long.contains("request_too_large"))
        }
    }

    /// Clients of HTTP/1.0 know no chunks, and read until the connection is closed.
    @Test func oldClientsSeeTheConnectionsEnd() async throws {
        let server = try TestServer.shared.get()
        try await withServer(server) { port in
            let health = try await exchange(
                port, "GET /health HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
            #expect(health.hasPrefix("HTTP/1.0 200"))
            #expect(health.lowercased().contains("connection: close"))
            #expect(health.hasSuffix("{\"status\":\"ok\"}\n"))
            let body = #"{"prompt": "a", "max_tokens": 3, "stream": true, "ignore_eos": true}"#
            let stream = try await exchange(
                port,
                "POST /v1/completions HTTP/1.0\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            #expect(stream.lowercased().contains("connection: close"))
            #expect(!stream.lowercased().contains("transfer-encoding"))
            #expect(stream.hasSuffix("data: [DONE]\n\n"))
        }
    }

    static let broken: [(text: String, status: Int)] = [
        ("nonsense\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (
            "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nConnection: close\r\n\r\n",
            400
        ),
        ("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (
            "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
            400
        ),
        (
            "GET /health HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "a", count: 100_000))\r\n\r\n",
            431
        ),
        (
            "GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\nConnection: close\r\n\r\n",
            417
        ),
    ]

    @Test func brokenRequestsAreAnsweredWithWords() async throws {
        let server = try TestServer.shared.get()
        try await withServer(server) { port in
            for (text, status) in Self.broken {
                let answer = try await exchange(port, text)
                #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(text.prefix(100)) \(answer)")
                #expect(answer.contains("\"error\":{\"message\":"), "\(text.prefix(100))")
            }
        }
    }

    @Test func aClientThatAsksIsToldToGoOn() async throws {
        let server = try TestServer.shared.get()
        try await withServer(server) { port in
            let body = #"{"prompt": "a", "max_tokens": 1}"#
            let answer = try await exchange(
                port, request("/v1/completions", body, extra: "Expect: 100-continue\r\n"))
            #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), "\(answer)")
        }
    }

    @Test func aClientThatVanishesIsCancelled() async throws {
        let gate = Gate()
        defer { gate.open() }
        let server = try TestServer(slotCount: 1, gate: gate)
        try await withServer(server) { port in
            for streams in [false, true] {
                try await wait { server.runningCount == 0 }
                gate.close()
                let socket = try ClientSocket(port: port)
                socket.send(
                    request(
                        "/v1/completions",
                        "{\"prompt\": \"a\", \"ignore_eos\": true, \"stream\": \(streams)}"
                    ))
                try await wait { server.runningCount == 1 }
                socket.close()
                try await wait { server.engine.hasCancellations }
                gate.open()
                let answer = try await exchange(
                    port, request("/v1/completions", #"{"prompt": "b", "max_tokens": 1}"#))
                #expect(answer.hasPrefix("HTTP/1.1 200"))
            }
            #expect(server.metricsText.contains("finish_reason=\"cancelled\"} 2"))
        }
    }

    @Test func slowConnectionsDisturbNobody() async throws {
        let server = try TestServer.shared.get()
        try await withServer(server, idleSeconds: 1) { port in
            let slow = try (0..<100).map { index in
                let socket = try ClientSocket(port: port)
                socket.send(
                    index % 2 == 0
                        ? "POST /v1/completions HTTP/1.1\r\nHost: loc"
                        : "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"
                )
                return socket
            }
            let answer = try await exchange(
                port, request("/v1/completions", #"{"prompt": "b", "max_tokens": 1}"#))
            #expect(answer.hasPrefix("HTTP/1.1 200"))
            // They are closed in time, the ones in the midst of a body with a word.
            let texts = await offPool { slow.map { $0.readAll() } }
            #expect(texts.contains { $0.hasPrefix("HTTP/1.1 408") || $0.isEmpty })
        }
    }
}

extension TestServer {
    var metricsText: String { api.metrics.exposition() }

    /// How many texts run, by the metrics.
    var runningCount: Int? {
        metricsText.split(separator: "\n").first { $0.contains("requests_running{") }
            .flatMap { Int($0.split(separator: " ").last ?? "") }
    }
}

/// A blocking client socket.
private final class ClientSocket: @unchecked Sendable {
    private var descriptor: Int32

    init(port: Int) throws {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw POSIXError(.ECONNREFUSED) }
    }

    deinit { close() }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    func readAll() -> String {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return String(decoding: result, as: UTF8.self) }
            result += buffer[..<count]
        }
    }

    func close() {
        guard descriptor >= 0 else { return }
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
        descriptor = -1
    }
}
