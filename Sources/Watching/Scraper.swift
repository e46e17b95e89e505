public import HTTPRequests
import TensorCore

/// What a server told at a moment.
public enum Scrape: Sendable {
    /// Metrics, and whose they are.
    case metrics(Engine, Exposition)
    /// What Ollama tells of the models that it has loaded.
    case ollama([OllamaModel])
}

/// A model that Ollama has loaded.
public struct OllamaModel: Sendable, Hashable, Codable {
    /// Its name.
    public var name: String
    /// The bytes that it takes.
    public var bytes: Int
    /// Those of them in a graphics card's memory.
    public var cardBytes: Int
    /// The tokens of its context, where Ollama tells them.
    public var contextLength: Int?
}

/// Asks a server for what it tells of itself.
public struct Scraper: Sendable {
    private static let listLimit = 1 << 20

    private let address: ServerAddress
    private let key: String?
    private let engine: Engine?
    private let timeout: Double
    private let transport: any HTTPTransport

    /// - Parameters:
    ///   - engine: The kind of server; `nil` to recognise it.
    ///   - timeout: Seconds for an answer.
    public init(
        _ address: ServerAddress, key: String?, engine: Engine?, timeout: Double,
        transport: any HTTPTransport
    ) {
        self.address = address
        self.key = key
        self.engine = engine
        self.timeout = timeout
        self.transport = transport
    }

    private func get(_ path: String, limit: Int) async throws -> HTTPAnswer {
        var headers = [
            ("User-Agent", "ingot-watch"), ("Accept", "text/plain;version=0.0.4,*/*;q=0.1"),
        ]
        if let key { headers.append(("Authorization", "Bearer \(key)")) }
        return try await transport.collect(
            HTTPRequest("GET", address.root + path, headers: headers), timeout: timeout,
            limit: limit)
    }

    /// Asks once.
    ///
    /// - Throws: `HTTPError`, `WatchError`.
    public func scrape() async throws -> Scrape {
        let answer = try await get("/metrics", limit: ExpositionParser.byteLimit)
        if [401, 403].contains(answer.head.status) {
            throw HTTPError(
                .status(answer.head.status, words: ""), url: address.root + "/metrics")
        }
        let exposition =
            answer.head.status == 200 ? ExpositionParser.parse(answer.body) : Exposition()
        if answer.head.status == 200, let engine = engine ?? .recognised(in: exposition),
            !exposition.samples.isEmpty
        {
            guard engine.count(in: exposition) > 0 else {
                throw WatchError(.otherEngine(named: engine.title), place: address.root)
            }
            return .metrics(engine, exposition)
        }
        if engine == nil, let models = try await ollamaModels() { return .ollama(models) }
        guard answer.head.status == 200 else {
            let words = (try? JSON.parse(answer.body))?["error"]?["message"]?.text ?? ""
            throw WatchError(
                .noMetrics(status: answer.head.status, words: String(words.prefix(200))),
                place: address.root)
        }
        if exposition.samples.isEmpty, let fault = exposition.faults.first {
            throw WatchError(
                .noExposition(line: fault.line, problem: fault.problem), place: address.root)
        }
        throw WatchError(
            .unknownEngine(names: Array(exposition.samples.keys.sorted().prefix(3))),
            place: address.root)
    }

    private func ollamaModels() async throws -> [OllamaModel]? {
        let answer = try await get("/api/ps", limit: Scraper.listLimit)
        guard answer.head.status == 200, let json = try? JSON.parse(answer.body),
            let models = json["models"]?.array
        else { return nil }
        return models.compactMap { model in
            guard let name = model["name"]?.text ?? model["model"]?.text else { return nil }
            return OllamaModel(
                name: name, bytes: max(0, model["size"]?.integer ?? 0),
                cardBytes: max(0, model["size_vram"]?.integer ?? 0),
                contextLength: model["context_length"]?.integer)
        }
    }
}
