import HTTPRequests
import TensorCore

/// Why a request came to nothing.
public struct RequestFailure: Error, Hashable, Sendable {
    /// What errors are counted by.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// No connection.
        case connect
        /// No complete answer in time.
        case timeout
        /// Another status than 200; counted by the status.
        case httpStatus = "http"
        /// No HTTP, no server-sent events, or no JSON in them.
        case brokenStream = "broken_stream"
        /// An error object inside a stream that began well.
        case serverError = "server_error"
        /// The answer ended before its end was told.
        case closedEarly = "closed_early"
        /// A whole answer without any content.
        case noContent = "no_content"
        /// A whole answer that does not tell how many tokens it has.
        case noUsage = "no_usage"
        /// Token counts that contradict the answer.
        case falseUsage = "false_usage"
    }

    /// What it is counted by.
    public let kind: Kind
    /// The status of `httpStatus`.
    public let status: Int?
    /// What was found, for people.
    public let detail: String

    init(_ kind: Kind, _ detail: String, status: Int? = nil) {
        self.kind = kind
        self.detail = detail
        self.status = status
    }

    /// The name that it is counted by: `timeout`, `http_429`.
    public var name: String { status.map { "http_\($0)" } ?? kind.rawValue }

    /// What an error of the network is counted as; `nil` when the request was cancelled.
    init?(_ error: any Error) {
        switch error {
        case let failure as RequestFailure: self = failure
        case is CancellationError: return nil
        case let error as HTTPError:
            let kind: Kind =
                switch error.kind {
                case .address, .connect: .connect
                case .timeout: .timeout
                case .closed: .closedEarly
                case .notHTTP, .tooLong, .status: .brokenStream
                }
            self.init(kind, error.problem)
        default: self.init(.brokenStream, "\(error)")
        }
    }
}
