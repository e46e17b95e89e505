import Conversion
import Dispatch
import Inference
import Serving
import Synchronization
import Templates
import TensorCore
import TestSupport
import Tokenization

extension FuzzTarget {
    /// Bodies of requests: the first byte says of which endpoint.
    static let server = FuzzTarget("requests", sources: ["Serving/API"]) { bytes, _ in
        guard let first = bytes.first else { return }
        let path = paths[Int(first) % paths.count]
        let request = ServingRequest(method: "POST", path: path, body: Array(bytes.dropFirst()))
        let status = try FuzzServer.shared.get().answer(request)
        guard status < 500 || status == 501 || status == 503 else {
            throw FuzzFailure("\(path) answered \(status)")
        }
    }

    private static let paths = [
        "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/api/chat",
        "/api/generate", "/api/embed", "/api/embeddings", "/api/show", "/tokenize",
        "/detokenize", "/apply-template",
    ]
}

/// A small model behind the endpoints, without sockets.
///
/// Answers are a few tokens, as many as its context holds.
private struct FuzzServer: Sendable {
    static let shared = Result { try FuzzServer() }
    private let api = ServingAPI()

    init() throws {
        let path = Fixtures.path("conformance/convert/checkpoints/llama")
        let source = try ConversionSource(directory: path)
        let model = try Model(source: source)
        let tokenizer = try Tokenizer(vocabulary: Vocabulary(metadata: source.metadata))
        let template = """
            {% for message in messages %}{{ message.role }}: {{ message.content }}
            {% endfor %}
            """
        let served = ServedModel(
            model: model, tokenizer: tokenizer,
            template: try ChatTemplate(metadata: source.metadata, source: template),
            templateSource: template, names: ["m"], preset: ModelPreset())
        let engine = try Engine(
            model: model, tokenizer: tokenizer,
            settings: Engine.Settings(slotCount: 1, slotCapacity: 32, queueLimit: 8),
            metrics: api.metrics, pool: WorkerPool(threadCount: 1))
        api.serve(served, with: engine)
    }

    /// The status of an answer, when all of it has come.
    func answer(_ request: ServingRequest) -> Int {
        let status = Mutex(0)
        let isDone = DispatchSemaphore(value: 0)
        Task {
            let response = await api.respond(to: request)
            if case .stream(let parts, _) = response.body { for await _ in parts {} }
            status.withLock { $0 = response.status }
            isDone.signal()
        }
        isDone.wait()
        return status.withLock { $0 }
    }
}
