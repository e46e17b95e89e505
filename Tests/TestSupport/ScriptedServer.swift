import Foundation
import Synchronization
import TensorCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A server on a socket that sends what a script says, byte by byte, whether it is HTTP or not.
public final class ScriptedServer: Sendable {
    /// What is done about a request.
    public enum Step: Sendable {
        /// Sends bytes.
        case send([UInt8])
        /// Sends text.
        case text(String)
        /// Sends nothing more and keeps the connection until the server stops.
        case hang
        /// Closes the connection with a reset, so that what was sent may be lost.
        case reset
    }

    /// The port that it listens at.
    public let port: Int
    /// The server's address.
    public var url: String { "http://127.0.0.1:\(port)" }

    private let listener: Int32
    private let script: @Sendable (_ path: String, _ body: String) -> [Step]
    private let connections = Mutex<[Int32]>([])

    /// Listens at a free port.
    ///
    /// - Parameter script: What is done about a request; the connection is closed behind it.
    public init(_ script: @escaping @Sendable (_ path: String, _ body: String) -> [Step]) {
        self.script = script
        #if canImport(Glibc)
            listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(listener, address, size) == 0 && listen(listener, 128) == 0)
                precondition(getsockname(listener, address, &size) == 0)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        ScriptedServer.onThread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                connections.withLock { $0.append(connection) }
                ScriptedServer.onThread { [self] in serve(connection) }
            }
        }
    }

    private static func onThread(_ body: @escaping @Sendable () -> Void) {
        do { try BackgroundThread.start(body) } catch { fatalError("\(error)") }
    }

    /// Closes everything.
    public func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        for connection in connections.withLock({ $0 }) {
            shutdown(connection, Int32(SHUT_RDWR))
        }
    }

    private func serve(_ connection: Int32) {
        guard let (path, body) = ScriptedServer.request(connection) else { return end(connection) }
        for step in script(path, body) {
            switch step {
            case .send(let bytes): ScriptedServer.send(bytes, connection)
            case .text(let text): ScriptedServer.send(Array(text.utf8), connection)
            case .hang:
                var byte: UInt8 = 0
                while recv(connection, &byte, 1, 0) > 0 {}
            case .reset:
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(
                    connection, SOL_SOCKET, SO_LINGER, &linger,
                    socklen_t(MemoryLayout.size(ofValue: linger)))
                return end(connection)
            }
        }
        end(connection)
    }

    private func end(_ connection: Int32) {
        connections.withLock { all in all.removeAll { $0 == connection } }
        close(connection)
    }

    private static func send(_ bytes: [UInt8], _ connection: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                #if canImport(Glibc)
                    Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                #else
                    Darwin.send(connection, $0.baseAddress, $0.count, 0)
                #endif
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The path and the body of a request.
    private static func request(_ connection: Int32) -> (path: String, body: String)? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = text[..<end.lowerBound]
                let lengths = head.split(separator: "\r\n").filter {
                    $0.lowercased().hasPrefix("content-length:")
                }
                let length = lengths.first.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
                let body = String(text[end.upperBound...])
                if body.utf8.count >= length {
                    let path = head.split(separator: " ").dropFirst().first.map(String.init)
                    return (path ?? "", body)
                }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }

    /// A whole answer that closes the connection.
    public static func answer(
        _ body: String, status: String = "200 OK", type: String = "application/json"
    ) -> [Step] {
        [
            .text(
                "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nConnection: close\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        ]
    }

    /// The head of an answer in chunks.
    public static let chunkedHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n"

    /// A chunk.
    public static func chunk(_ bytes: [UInt8]) -> Step {
        .send(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8))
    }
}
