public import TensorCore

/// An exchange with a server that came to nothing.
public struct HTTPError: IngotError, Hashable {
    /// The kinds of failure.
    public enum Kind: Sendable, Hashable {
        /// The address cannot be read.
        case address(detail: String)
        /// No connection came about.
        case connect(detail: String)
        /// The answer was not complete in time.
        case timeout(seconds: Double)
        /// The connection ended before the answer did.
        case closed(detail: String)
        /// What came is not HTTP.
        case notHTTP(detail: String)
        /// The body is longer than the most that is read.
        case tooLong(limit: Int)
        /// The server answered with a status that was not wanted, and these words.
        case status(Int, words: String)
    }

    /// What went wrong.
    public let kind: Kind
    /// The server's address.
    public let url: String

    /// Creates an error.
    public init(_ kind: Kind, url: String) {
        self.kind = kind
        self.url = url
    }

    /// No file is involved.
    public var file: String? { nil }
    /// The address.
    public var place: String? { url }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .address(let detail): "is no address that can be asked (\(detail))"
        case .connect(let detail): "no connection (\(detail))"
        case .timeout(let seconds): "no complete answer within \(seconds) s"
        case .closed(let detail): "the server closed the connection too early (\(detail))"
        case .notHTTP(let detail): "the answer is not HTTP (\(detail))"
        case .tooLong(let limit): "the answer is longer than \(limit) bytes"
        case .status(let code, let words):
            "the server answered \(code)" + (words.isEmpty ? "" : ": \(words)")
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .address: "Expected http://HOST:PORT or https://HOST."
        case .connect: "Is the server running, and is this its address?"
        case .status(401, _), .status(403, _): "Give the server's key with --api-key."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .address: .usage
        case .notHTTP, .tooLong: .badData
        default: .inputOutput
        }
    }
}
