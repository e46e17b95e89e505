import Conversion
import Dispatch
import GGUF
import Inference
import Serving
import Synchronization
import TensorCore
import Templates
import TestSupport
import Tokenization

/// The embedded model behind the endpoints, without sockets.
struct TestServer: Sendable {
    static let template = """
        {{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>
        {{ message['content'] }}
        {% endfor %}{% if add_generation_prompt %}<|assistant|>
        {% endif %}
        """

    /// The tokens of the embedded model.
    static let vocabularyCount = 4096

    let api: ServingAPI
    let served: ServedModel
    let engine: Engine

    /// - Parameter other: Another model with as many tokens, which are those of the embedded one.
    init(
        slotCount: Int = 3, capacity: Int = 768, queueLimit: Int = 64,
        policy: ServingAPI.Policy = .init(), gate: Gate? = nil,
        template: String = TestServer.template, preset: ModelPreset = ModelPreset(),
        source other: (any TensorSource)? = nil
    ) throws {
        let source = try ConversionSource(directory: Fixtures.path("tiny-llama"))
        let model = try Model(source: other ?? source)
        let tokenizer = try Tokenizer(vocabulary: Vocabulary(metadata: source.metadata))
        served = ServedModel(
            model: model, tokenizer: tokenizer,
            template: try ChatTemplate(metadata: source.metadata, source: template),
            templateSource: template, names: ["tiny"], preset: preset)
        api = ServingAPI(policy: policy)
        var settings = Engine.Settings(
            slotCount: slotCount, slotCapacity: capacity, queueLimit: queueLimit)
        if let gate { settings.beforeStep = { gate.pass() } }
        engine = try Engine(
            model: model, tokenizer: tokenizer, settings: settings, metrics: api.metrics,
            pool: WorkerPool(threadCount: 1))
        api.serve(served, with: engine)
    }

    /// One server for tests that change nothing about it.
    static let shared = Result { try TestServer() }

    /// An answer, its stream read to the end.
    struct Answer {
        var status: Int
        var headers: [String: String]
        var text: String
        var json: JSON { (try? JSON.parse(Array(text.utf8))) ?? .null }
        /// The data of server-sent events.
        var events: [String] {
            text.split(separator: "\n\n").map { String($0.dropFirst("data: ".count)) }
        }
        /// The JSON of events before the last, `[DONE]`.
        var chunks: [JSON] {
            events.compactMap { try? JSON.parse(Array($0.utf8)) }
        }
        /// The text of a completion.
        var completion: String? { json["choices"]?.array?.first?["text"]?.text }
    }

    func ask(
        _ method: String, _ path: String, _ body: String = "", headers: [String: String] = [:]
    ) async -> Answer {
        let response = await api.respond(
            to: ServingRequest(
                method: method, path: path, headers: headers, body: Array(body.utf8)))
        var bytes: [UInt8] = []
        switch response.body {
        case .bytes(let all): bytes = all
        case .stream(let parts, _): for await part in parts { bytes += part }
        }
        return Answer(
            status: response.status,
            headers: Dictionary(
                response.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }),
            text: String(decoding: bytes, as: UTF8.self))
    }

    func post(_ path: String, _ body: String) async -> Answer { await ask("POST", path, body) }

    func complete(_ members: String) async -> Answer {
        await post("/v1/completions", "{\(members)}")
    }
}

/// Holds an engine before its next step, however slowly the test's own tasks come to their turn.
final class Gate: Sendable {
    private let stepCount: Mutex<Int>
    private let more = DispatchSemaphore(value: 0)

    /// - Parameter stepCount: How many steps are free.
    init(stepCount: Int = 0) { self.stepCount = Mutex(stepCount) }

    /// Lets all further steps through.
    func open() {
        stepCount.withLock { $0 = .max }
        more.signal()
    }

    /// Holds the next step.
    func close() { stepCount.withLock { $0 = 0 } }

    func pass() {
        while true {
            let isFree = stepCount.withLock { count in
                guard count > 0 else { return false }
                if count < .max { count -= 1 }
                return true
            }
            if isFree { return }
            more.wait()
        }
    }
}

/// Waits for what another thread or task does.
func wait(until condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(2)) }
}
