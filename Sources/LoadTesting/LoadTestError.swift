public import TensorCore

/// A load test that cannot be begun, or that measured nothing.
public struct LoadTestError: IngotError, Hashable {
    /// The kinds of error.
    public enum Kind: Sendable, Hashable {
        /// The request before the test failed.
        case firstRequest(name: String, status: Int?, detail: String)
        /// The server's list of models names none.
        case noModel
        /// What the server says of a text's tokens is no count.
        case noTokenCount(detail: String)
        /// The server's own tokens leave no room for a prompt of this length.
        case promptTooShort(asked: Int, least: Int)
        /// Too few words are one token.
        case noWords(found: Int)
        /// A line of a file of prompts.
        case promptLine(Int, detail: String)
        /// A file of prompts without any.
        case noPrompts
        /// A prompt of messages for the endpoint of completions.
        case messagesForCompletions(Int)
        /// Every request of a level failed.
        case nothingMeasured(level: String, detail: String)
    }

    /// What went wrong.
    public let kind: Kind
    /// The file of prompts.
    public let file: String?
    /// The server's address.
    public let address: String?

    /// Creates an error.
    public init(_ kind: Kind, file: String? = nil, address: String? = nil) {
        self.kind = kind
        self.file = file
        self.address = address
    }

    /// The line of a file, or the address.
    public var place: String? {
        switch kind {
        case .promptLine(let line, _), .messagesForCompletions(let line): "line \(line)"
        default: address
        }
    }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .firstRequest(let name, _, let detail): "the first request failed (\(name)): \(detail)"
        case .noModel: "/v1/models names no model"
        case .noTokenCount(let detail): "/tokenize tells no tokens: \(detail)"
        case .promptTooShort(let asked, let least):
            "--input is \(asked), expected at least \(least): so many tokens has the server's"
                + " template with the shortest prompt"
        case .noWords(let found):
            "only \(found) of the words that prompts are made of are one token, expected at least"
                + " \(SyntheticPrompts.leastWords)"
        case .promptLine(_, let detail): detail
        case .noPrompts: "no prompt in it"
        case .messagesForCompletions:
            "holds messages, expected prompt for the endpoint of completions"
        case .nothingMeasured(let level, let detail):
            "no request of level \(level) went well (\(detail))"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        switch kind {
        case .firstRequest(_, 401, _), .firstRequest(_, 403, _):
            "Give the server's key with --api-key."
        case .firstRequest(_, 404, _):
            "Name the model with --model, or the other endpoint with --endpoint."
        case .noModel: "Name it with --model."
        case .noWords: "Give prompts with --prompts."
        case .noTokenCount: "Give the model's tokenizer with --tokenizer."
        default: nil
        }
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode {
        switch kind {
        case .promptTooShort, .messagesForCompletions: .usage
        case .firstRequest("connect", _, _), .firstRequest("timeout", _, _), .nothingMeasured:
            .inputOutput
        default: .badData
        }
    }
}
