import Synchronization
import TensorCore

/// The HTTP endpoints of a model: OpenAI's, Ollama's, and the server's own.
///
/// Knows requests and answers, and nothing of sockets.
public final class ServingAPI: Sendable {
    /// How a server treats its clients.
    public struct Policy: Sendable {
        /// What clients have to send as `Authorization: Bearer …`; empty for nothing.
        public var keys: [String] = []
        /// Whether only this machine is served: the `Host` header has to name it then, so that no web
        /// page reaches the server by a name of its own.
        public var isLoopback = true
        /// The program's version.
        public var version = ""

        /// The usual policy.
        public init() {}
    }

    /// A model that answers.
    struct Service: Sendable {
        let model: ServedModel
        let engine: Engine
    }

    private enum State: Sendable {
        case loading
        case ready(Service)
    }

    /// What is counted.
    public let metrics = ServingMetrics()
    let policy: Policy
    private let state = Mutex(State.loading)

    /// Starts without a model: most requests are answered with 503 until there is one.
    public init(policy: Policy = Policy()) { self.policy = policy }

    /// Gives the server its model.
    public func serve(_ model: ServedModel, with engine: Engine) {
        let service = Service(model: model, engine: engine)
        var constants = ServingMetrics.Constants()
        constants.model = model.name
        constants.version = policy.version
        constants.slotCount = engine.settings.slotCount
        constants.contextTokens = engine.settings.slotCount * engine.settings.slotCapacity
        constants.cacheBytes = engine.cacheByteCount
        constants.modelBytes = model.byteCount
        metrics.set(constants)
        state.withLock { $0 = .ready(service) }
    }

    /// The longest body that is read, in bytes.
    public static let bodyLimit = 4 << 20

    // MARK: Answers

    /// Answers a request.
    public func respond(to request: ServingRequest) async -> ServingResponse {
        var response: ServingResponse
        do throws(APIError) {
            response = try await answer(request)
        } catch {
            response = ServingAPI.response(to: error, path: request.path)
        }
        addOrigin(of: request, to: &response)
        count(response, path: request.path)
        return response
    }

    /// Counts an answer, also one that was given before the request was whole.
    public func count(_ response: ServingResponse, path: String) {
        metrics.responded(path: Endpoint(path: path)?.rawValue ?? "other", code: response.status)
    }

    /// The answer to a request that was wrong.
    public static func response(to error: APIError, path: String) -> ServingResponse {
        let body = path.hasPrefix("/api/") ? ["error": .text(error.message)] : error.json
        var response = json(body, status: error.status)
        if let seconds = error.retryAfter {
            response.headers.append(("retry-after", "\(seconds)"))
        }
        if error.status == 401 { response.headers.append(("www-authenticate", "Bearer")) }
        return response
    }

    /// The answer to a body that is longer than the limit.
    public static func bodyTooLong(path: String) -> ServingResponse {
        response(
            to: APIError(
                413, "the body is longer than \(bodyLimit) bytes", code: "request_too_large"),
            path: path)
    }

    /// The answer to a body whose framing is broken.
    public static func bodyBroken(path: String) -> ServingResponse {
        response(
            to: APIError(400, "the body cannot be read", code: "invalid_request"), path: path)
    }

    /// The answer to what is no request.
    ///
    /// - Parameter isTooLong: Whether it is one whose headers have no end.
    public static func noRequest(isTooLong: Bool) -> ServingResponse {
        response(
            to: isTooLong
                ? APIError(
                    431, "the request's line and headers are too long", code: "headers_too_large")
                : APIError(400, "this is no HTTP/1.1 request", code: "invalid_request"), path: "/")
    }

    /// The answer to a request that does not say, or says twice, whom it is for.
    public static func noHost(path: String) -> ServingResponse {
        response(
            to: APIError(
                400, "Host: expected once", field: "host", code: "invalid_host"), path: path)
    }

    /// The answer to a request that expects what the server does not do.
    public static func noExpectation(path: String) -> ServingResponse {
        response(
            to: APIError(
                417, "Expect: expected 100-continue", field: "expect", code: "invalid_expectation"),
            path: path)
    }

    /// The answer to a body that did not come in time.
    public static func bodyTooSlow(path: String) -> ServingResponse {
        response(
            to: APIError(408, "the body did not come in time", code: "request_timeout"), path: path)
    }

    static func json(_ value: JSON, status: Int = 200) -> ServingResponse {
        ServingResponse(
            status: status, type: "application/json",
            body: .bytes(value.writtenCompactly() + [UInt8(ascii: "\n")]))
    }

    private func answer(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        try checkHost(request)
        try checkOrigin(request)
        if request.method == "OPTIONS" { return preflight(request) }
        if request.path != "/health" { try checkKey(request) }
        let managing = request.path.hasPrefix("/api/blobs/") ? "/api/blobs" : request.path
        if let managed = ServingAPI.managing[managing] {
            throw APIError(
                501,
                "this server runs one model and does not \(managed) models. Start it with another"
                    + " file instead", code: "not_implemented")
        }
        guard let endpoint = Endpoint(path: request.path) else {
            throw APIError(404, "\(request.path): there is no such endpoint", code: "not_found")
        }
        let method = endpoint.method
        guard request.method == method || method == "GET" && request.method == "HEAD" else {
            var response = ServingAPI.response(
                to: APIError(
                    405, "\(request.method) \(request.path): expected \(method)",
                    code: "method_not_allowed"), path: request.path)
            response.headers.append((name: "allow", value: method))
            return response
        }
        return try await answer(request, at: endpoint)
    }

    /// The model and its engine.
    func service() throws(APIError) -> Service {
        guard case .ready(let service) = state.withLock({ $0 }) else {
            throw APIError(503, "the model is being loaded", code: "loading", retryAfter: 1)
        }
        return service
    }

    /// The members of a request's body.
    func fields(_ request: ServingRequest) throws(APIError) -> Fields {
        if let coding = request.headers["content-encoding"], coding.lowercased() != "identity" {
            throw APIError(
                415, "content-encoding: \(coding) is not supported, expected the body as it is",
                field: "content-encoding", code: "unsupported_media_type")
        }
        let json: JSON
        do {
            json = try JSON.parse(request.body)
        } catch {
            let place = error.place.map { "\($0): " } ?? ""
            throw APIError(
                400, "the body is no JSON: \(place)\(error.problem)", code: "invalid_json")
        }
        return try Fields(json)
    }

    /// Checks the model that a request names; without a name it is the one that there is.
    func checkModel(_ fields: inout Fields, _ service: Service) throws(APIError) {
        guard let name = try fields.text("model"), !service.model.isCalled(name) else { return }
        throw APIError(
            404, "the model \"\(name)\" does not exist; this server has \(service.model.name)",
            field: "model", code: "model_not_found")
    }

    /// Has the engine go on with some texts.
    func submit(
        _ requests: [GenerationRequest], _ service: Service
    ) throws(APIError) -> AsyncStream<(index: Int, event: GenerationEvent)> {
        do {
            return try service.engine.submit(requests)
        } catch {
            switch error {
            case .queueFull(let limit):
                throw APIError(
                    503, "\(limit) requests wait already", code: "queue_full", retryAfter: 1)
            case .stopping:
                throw APIError(503, "the server is being stopped", code: "stopping", retryAfter: 5)
            }
        }
    }

    // MARK: Endpoints

    /// The paths that there are.
    private enum Endpoint: String {
        case greeting = "/"
        case health = "/health"
        case metrics = "/metrics"
        case models = "/v1/models"
        case oneModel = "/v1/models/{id}"
        case chatCompletions = "/v1/chat/completions"
        case completions = "/v1/completions"
        case embeddings = "/v1/embeddings"
        case rerank = "/v1/rerank"
        case tokenize = "/tokenize"
        case detokenize = "/detokenize"
        case applyTemplate = "/apply-template"
        case ollamaChat = "/api/chat"
        case ollamaGenerate = "/api/generate"
        case ollamaEmbed = "/api/embed"
        case ollamaEmbeddings = "/api/embeddings"
        case ollamaTags = "/api/tags"
        case ollamaShow = "/api/show"
        case ollamaRunning = "/api/ps"
        case ollamaVersion = "/api/version"

        init?(path: String) {
            let prefix = "/v1/models/"
            let isModel = path.hasPrefix(prefix) && path.count > prefix.count
            let isRerank = path == "/rerank" || path == "/reranking"
            self.init(rawValue: isModel ? "/v1/models/{id}" : isRerank ? "/v1/rerank" : path)
        }

        /// Whether it needs a model that continues texts.
        var continuesTexts: Bool {
            switch self {
            case .chatCompletions, .completions, .applyTemplate, .ollamaChat, .ollamaGenerate: true
            default: false
            }
        }

        var method: String {
            switch self {
            case .greeting, .health, .metrics, .models, .oneModel, .ollamaTags, .ollamaRunning,
                .ollamaVersion:
                "GET"
            default: "POST"
            }
        }
    }

    private func answer(
        _ request: ServingRequest, at endpoint: Endpoint
    ) async throws(APIError) -> ServingResponse {
        if endpoint.continuesTexts { try checkContinues() }
        return switch endpoint {
        case .greeting: greeting()
        case .health: try health()
        case .metrics: metricsText()
        case .models: try models()
        case .oneModel: try oneModel(request)
        case .chatCompletions: try await chatCompletions(request)
        case .completions: try await completions(request)
        case .embeddings: try await embeddings(request)
        case .rerank: try await rerank(request)
        case .ollamaEmbed: try await ollamaEmbed(request)
        case .ollamaEmbeddings: try await ollamaEmbeddings(request)
        case .tokenize: try tokenize(request)
        case .detokenize: try detokenize(request)
        case .applyTemplate: try applyTemplate(request)
        case .ollamaChat: try await ollamaChat(request)
        case .ollamaGenerate: try await ollamaGenerate(request)
        case .ollamaTags: try ollamaTags()
        case .ollamaShow: try ollamaShow(request)
        case .ollamaRunning: try ollamaRunning()
        case .ollamaVersion: ollamaVersion()
        }
    }

    /// Ollama's endpoints that manage models, with what they do.
    private static let managing = [
        "/api/pull": "fetch", "/api/push": "publish", "/api/create": "create", "/api/copy": "copy",
        "/api/delete": "delete", "/api/blobs": "store",
    ]
}
