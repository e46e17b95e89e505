import TensorCore

/// The prompts of a file, in its order and from the start again behind its end.
public struct FilePrompts: PromptSource {
    /// The most bytes of a file.
    private static let byteLimit = 256 << 20

    private let prompts: [LoadPrompt]
    /// Prompts of a file differ.
    public var tokenCount: Int? { nil }

    /// How many prompts there are.
    public var count: Int { prompts.count }

    /// The prompt of a request.
    public func prompt(at index: Int) -> LoadPrompt { prompts[index % prompts.count] }

    /// Reads a file: JSON Lines where its first line begins with a brace, otherwise a prompt a line.
    ///
    /// An object holds `prompt` or `messages`, and `max_tokens` (or `output_tokens`) where the
    /// answer's length is its own. Empty lines count for nothing.
    ///
    /// - Throws: `LoadTestError` with the line, `FileError`.
    public init(path: String, endpoint: LoadEndpoint) throws {
        let bytes = try InputFile.contents(path: path, limit: FilePrompts.byteLimit)
        try self.init(bytes: bytes, endpoint: endpoint, path: path)
    }

    package init(bytes: [UInt8], endpoint: LoadEndpoint, path: String) throws(LoadTestError) {
        var prompts: [LoadPrompt] = []
        var isJSON: Bool?
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, var line) in lines.enumerated() {
            if index == 0, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { continue }
            let asJSON = isJSON ?? (line.first == UInt8(ascii: "{"))
            isJSON = asJSON
            do throws(RequestFailure) {
                prompts.append(
                    asJSON
                        ? try FilePrompts.prompt(ofJSON: Array(line))
                        : LoadPrompt(.text(try FilePrompts.text(Array(line)))))
            } catch {
                throw LoadTestError(.promptLine(index + 1, detail: error.detail), file: path)
            }
            if endpoint == .completions, case .messages? = prompts.last?.content {
                throw LoadTestError(.messagesForCompletions(index + 1), file: path)
            }
        }
        guard !prompts.isEmpty else { throw LoadTestError(.noPrompts, file: path) }
        self.prompts = prompts
    }

    private static func text(_ bytes: [UInt8]) throws(RequestFailure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RequestFailure(.brokenStream, "the line is not UTF-8")
        }
        return text
    }

    private static func prompt(ofJSON bytes: [UInt8]) throws(RequestFailure) -> LoadPrompt {
        func fault(_ detail: String) -> RequestFailure { RequestFailure(.brokenStream, detail) }
        let json: JSON
        do { json = try JSON.parse(bytes) } catch { throw fault("no JSON object: \(error)") }
        guard json.members != nil else { throw fault("\(json.kindName) found, expected an object") }
        let tokens = json["max_tokens"] ?? json["output_tokens"]
        if let tokens {
            guard let count = tokens.integer, (1...1 << 24).contains(count) else {
                throw fault("max_tokens is no count from 1")
            }
        }
        if let messages = json["messages"] {
            guard let list = messages.array, !list.isEmpty else {
                throw fault("messages is \(messages.kindName), expected a list with a message")
            }
            return LoadPrompt(.messages(messages), outputTokens: tokens?.integer)
        }
        guard let text = json["prompt"]?.text, !text.isEmpty else {
            throw fault("neither prompt (a text) nor messages found")
        }
        return LoadPrompt(.text(text), outputTokens: tokens?.integer)
    }
}
