public import TensorCore

/// A server that cannot be watched.
public struct WatchError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// The server exposes nothing.
        case noMetrics(status: Int, words: String)
        /// What it exposes is no list of metrics; the first line that is none.
        case noExposition(line: Int, problem: String)
        /// None of the metrics is of a server that is known.
        case unknownEngine(names: [String])
        /// The metrics are of another kind than the one that was named.
        case otherEngine(named: String)
        /// No kind of server has this name.
        case noSuchEngine(String)
        /// There are no metrics that alerts or a dashboard could be made of.
        case nothingToWrite(engine: String)
    }

    /// What went wrong.
    public let kind: Kind
    /// The server.
    public let place: String?

    /// Creates an error.
    public init(_ kind: Kind, place: String? = nil) {
        self.kind = kind
        self.place = place
    }

    /// No file is involved.
    public var file: String? { nil }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .noMetrics(let status, let words):
            "/metrics answers \(status)" + (words.isEmpty ? "" : " (\(words))")
                + ", and /api/ps is not Ollama's"
        case .noExposition(let line, let problem):
            "/metrics is no list of metrics: line \(line): \(problem)"
        case .unknownEngine(let names):
            "/metrics has none of a server that is known"
                + (names.isEmpty ? " (it is empty)" : " (it has \(names.joined(separator: ", ")))")
        case .otherEngine(let named): "/metrics has nothing of \(named)"
        case .noSuchEngine(let name):
            "no kind of server is called \(name), expected "
                + Engine.all.map(\.name).joined(separator: ", ")
        case .nothingToWrite(let engine):
            "\(engine) has no metrics that rules or a dashboard could be made of"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .noMetrics:
            "llama-server needs --metrics, SGLang --enable-metrics; vLLM, TGI and ingot serve have"
                + " them always."
        case .unknownEngine, .otherEngine: "Name the kind of server with --engine, or its address."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .noSuchEngine, .nothingToWrite: .usage
        default: .badData
        }
    }
}
