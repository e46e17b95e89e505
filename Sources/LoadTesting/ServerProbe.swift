public import HTTPRequests
import TensorCore

/// What is asked of a server before a test.
public struct ServerProbe: Sendable {
    /// The most bytes of a list of models, or of a list of tokens.
    private static let answerLimit = 16 << 20

    private let transport: any HTTPTransport
    private let timeout: Double

    /// - Parameter timeout: Seconds for each request.
    public init(transport: any HTTPTransport, timeout: Double) {
        self.transport = transport
        self.timeout = timeout
    }

    private func headers(_ key: String?) -> [(name: String, value: String)] {
        [("Content-Type", "application/json"), ("User-Agent", "ingot-bench")]
            + (key.map { [("Authorization", "Bearer \($0)")] } ?? [])
    }

    /// The first model that the server names.
    ///
    /// - Throws: `HTTPError`, `LoadTestError`.
    public func firstModel(_ address: ServerAddress, key: String?) async throws -> String {
        let request = HTTPRequest("GET", address.api + "/models", headers: headers(key))
        let answer = try await transport.collect(
            request, timeout: timeout, limit: ServerProbe.answerLimit)
        guard answer.head.status == 200 else {
            throw HTTPError(
                .status(answer.head.status, words: ServerWords.words(of: answer.body)),
                url: request.url)
        }
        guard let json = try? JSON.parse(answer.body),
            let name = json["data"]?.array?.first?["id"]?.text, !name.isEmpty
        else { throw LoadTestError(.noModel, address: address.root) }
        return name
    }

    /// The server's own count of a text's tokens, where it has one: `/tokenize` as llama-server and
    /// Ingot, vLLM and SGLang, or TGI have it.
    public func tokenCounter(for target: LoadTarget) async -> TokenCounter? {
        let forms: [@Sendable (JSON, JSON) -> JSON] = [
            { text, _ in ["content": text, "add_special": false] },
            { text, model in ["model": model, "prompt": text, "add_special_tokens": false] },
            { text, _ in ["inputs": text, "add_special_tokens": false] },
        ]
        let model = JSON.string(ByteString(target.model))
        let url = target.address.root + "/tokenize"
        let (transport, timeout, headers) = (transport, timeout, headers(target.key))
        for form in forms {
            let counter: TokenCounter = { text in
                let body = form(.string(ByteString(text)), model).writtenCompactly()
                let answer = try await transport.collect(
                    HTTPRequest("POST", url, headers: headers, body: body), timeout: timeout,
                    limit: ServerProbe.answerLimit)
                guard answer.head.status == 200, let json = try? JSON.parse(answer.body),
                    let count = json["count"]?.integer ?? json["tokens"]?.array?.count
                        ?? json.array?.count, count > 0
                else {
                    throw LoadTestError(
                        .noTokenCount(detail: ServerWords.words(of: answer.body)), address: url)
                }
                return count
            }
            if (try? await counter("The time")) != nil { return counter }
        }
        return nil
    }

    /// A count by requests for a single token: what the server puts around a text is counted in.
    public func usageCounter(for target: LoadTarget) -> TokenCounter {
        { text in
            var short = target
            short.outputTokens = 1
            return try await firstRequest(LoadPrompt(.text(text)), to: short)
        }
    }

    /// Sends one request as the test will, and tells the tokens of its prompt.
    ///
    /// - Throws: `LoadTestError` with what the server says.
    public func firstRequest(_ prompt: LoadPrompt, to target: LoadTarget) async throws -> Int {
        var runner = RequestRunner(
            target: target, timeout: timeout, transport: transport, clock: .continuous)
        runner.needsContent = false
        switch await runner.run(prompt).result {
        case .success(let request): return request.promptTokens
        case .cancelled: throw CancellationError()
        case .failure(let failure):
            throw LoadTestError(
                .firstRequest(
                    name: failure.name, status: failure.status, detail: failure.detail),
                address: target.address.root)
        }
    }

    /// The target as the server takes it: without `ignore_eos` where it does not know that.
    ///
    /// - Throws: `LoadTestError` with what the server says to the plain request.
    public func accepted(_ target: LoadTarget, _ prompt: LoadPrompt) async throws -> LoadTarget {
        do {
            _ = try await firstRequest(prompt, to: target)
            return target
        } catch let error as LoadTestError {
            guard target.ignoresEnd, case .firstRequest(_, let status?, _) = error.kind,
                [400, 422].contains(status)
            else { throw error }
            var plain = target
            plain.ignoresEnd = false
            _ = try await firstRequest(prompt, to: plain)
            return plain
        }
    }
}
