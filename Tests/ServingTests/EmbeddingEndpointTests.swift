import Architectures
import Conversion
import Evaluation
import GGUF
import Inference
import Serving
import TensorCore
import TestSupport
import Testing
import Tokenization

/// The endpoints that make vectors, with small encoders behind them.
@Suite("Embedding endpoints")
struct EmbeddingEndpointTests {
    private struct Encoder: Sendable {
        let api = ServingAPI()
        let model: Model
        let tokenizer: Tokenizer
        private let engine: Engine

        init(_ name: String, pooling: Pooling? = nil) throws {
            let source = try ConversionSource(
                directory: Fixtures.path("encoders/\(name)"), options: .init(outputType: .f32))
            model = try Model(source: source)
            tokenizer = try Tokenizer(vocabulary: Vocabulary(metadata: source.metadata))
            var settings = Engine.Settings(slotCount: 2, slotCapacity: model.contextLength)
            settings.pooling = pooling
            engine = try Engine(
                model: model, tokenizer: tokenizer, settings: settings, metrics: api.metrics,
                pool: WorkerPool(threadCount: 1))
            api.serve(
                ServedModel(
                    model: model, tokenizer: tokenizer, template: nil, templateSource: nil,
                    names: [name]), with: engine)
        }

        func post(_ path: String, _ body: String) async -> (status: Int, json: JSON) {
            let response = await api.respond(
                to: ServingRequest(method: "POST", path: path, body: Array(body.utf8)))
            guard case .bytes(let bytes) = response.body else { return (response.status, .null) }
            return (response.status, (try? JSON.parse(bytes)) ?? .null)
        }

        /// A text's vector, computed without a server.
        func vector(_ text: String, normalised: Bool = true) throws -> [Float] {
            var vector = try Embedder(model: model).vectors(
                of: [tokenizer.embeddingText(Array(text.utf8))])[0]
            if normalised { VectorNormalization.power(2).apply(to: &vector) }
            return vector
        }
    }

    private static let bert = Result { try Encoder("bert") }

    private func numbers(_ json: JSON?) -> [Float] {
        json?.array?.compactMap { $0.double.map { Float($0) } } ?? []
    }

    @Test("OpenAI's endpoint gives the model's vectors, whatever is beside a text")
    func openAI() async throws {
        let server = try Self.bert.get()
        let texts = ["A short one.", "The quick brown fox jumps over the lazy dog."]
        let body = try JSON.array(texts.map { .string(ByteString($0)) }).text()
        let (status, json) = await server.post("/v1/embeddings", #"{"input": \#(body)}"#)
        #expect(status == 200 && json["object"]?.text == "list" && json["model"]?.text == "bert")
        let data = json["data"]?.array ?? []
        #expect(data.compactMap { $0["index"]?.integer } == [0, 1])
        for (text, entry) in zip(texts, data) {
            #expect(entry["object"]?.text == "embedding")
            #expect(numbers(entry["embedding"]) == (try server.vector(text)))
            let alone = await server.post("/v1/embeddings", #"{"input": "\#(text)"}"#).json
            #expect(alone["data"]?.array?.first?["embedding"] == entry["embedding"])
        }
        let count = try texts.reduce(0) {
            $0 + (try server.tokenizer.embeddingText(Array($1.utf8))).tokens.count
        }
        #expect(json["usage"]?["prompt_tokens"]?.integer == count)
        #expect(json["usage"]?["total_tokens"]?.integer == count)
    }

    @Test("requests for vectors are counted")
    func counted() async throws {
        let server = try Encoder("bert")
        var tokens = 0
        for input in [#"["A short one.", "Another."]"#, #""One more.""#] {
            let answer = await server.post("/v1/embeddings", #"{"input": \#(input)}"#)
            tokens += try #require(answer.json["usage"]?["prompt_tokens"]?.integer)
        }
        // A text that is refused is no request for vectors.
        #expect(await server.post("/v1/embeddings", #"{"input": ""}"#).status == 400)
        let metrics = server.api.metrics.exposition()
        for line in [
            "ingot_embedding_requests_total{model=\"bert\",result=\"done\"} 2",
            "ingot_embedding_requests_total{model=\"bert\",result=\"failed\"} 0",
            "ingot_embedding_texts_total{model=\"bert\"} 3",
            "ingot_embedding_tokens_total{model=\"bert\"} \(tokens)",
            "ingot_embedding_duration_seconds_count{model=\"bert\"} 2",
        ] {
            #expect(metrics.contains(line + "\n"), "\(line)")
        }
    }

    @Test("tokens are taken as they are; vectors come as base64 and shortened")
    func forms() async throws {
        let server = try Self.bert.get()
        let text = "A short one."
        let whole = try server.vector(text)
        let tokens = try server.tokenizer.embeddingText(Array(text.utf8)).tokens
        let list = "[\(tokens.map(String.init).joined(separator: ","))]"
        for input in [list, "[\(list), \(list)]"] {
            let json = await server.post("/v1/embeddings", #"{"input": \#(input)}"#).json
            for entry in json["data"]?.array ?? [] {
                #expect(numbers(entry["embedding"]) == whole)
            }
            #expect(json["data"]?.array?.isEmpty == false)
        }
        let coded = await server.post(
            "/v1/embeddings", #"{"input": "\#(text)", "encoding_format": "base64"}"#
        ).json["data"]?.array?.first?["embedding"]?.text
        #expect(Self.decoded(try #require(coded)) == whole)
        let short = await server.post(
            "/v1/embeddings", #"{"input": "\#(text)", "dimensions": 5, "user": "x"}"#)
        var expected = Array(whole.prefix(5))
        VectorNormalization.power(2).apply(to: &expected)
        let found = numbers(short.json["data"]?.array?.first?["embedding"])
        #expect(WorstDifference(found, expected).magnitude < 1e-6)
    }

    /// Little-endian numbers of single precision in base64.
    private static func decoded(_ text: String) -> [Float] {
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var bits: [UInt8] = []
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            guard let value = alphabet.firstIndex(of: byte) else { return [] }
            bits += (0..<6).map { UInt8(value >> (5 - $0) & 1) }
        }
        let bytes = stride(from: 0, to: bits.count - bits.count % 8, by: 8).map { start in
            bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | $1 }
        }
        return stride(from: 0, to: bytes.count / 4 * 4, by: 4).map { start in
            Float(
                bitPattern: bytes[start..<start + 4].reversed().reduce(UInt32(0)) {
                    $0 << 8 | UInt32($1)
                })
        }
    }

    @Test("Ollama's endpoints answer in their shapes")
    func ollama() async throws {
        let server = try Self.bert.get()
        let text = "A short one."
        let (status, json) = await server.post(
            "/api/embed",
            #"{"model": "bert:latest", "input": ["\#(text)", "word"], "keep_alive": 5}"#)
        #expect(status == 200 && json["model"]?.text == "bert:latest")
        let vectors = json["embeddings"]?.array ?? []
        #expect(vectors.count == 2)
        #expect(numbers(vectors.first) == (try server.vector(text)))
        #expect((json["total_duration"]?.integer ?? 0) > 0)
        #expect((json["prompt_eval_count"]?.integer ?? 0) > 4)
        let empty = await server.post("/api/embed", #"{"model": "bert", "input": ""}"#)
        #expect(empty.status == 200 && empty.json["embeddings"] == [])

        let old = await server.post("/api/embeddings", #"{"model": "bert", "prompt": "\#(text)"}"#)
        #expect(numbers(old.json["embedding"]) == (try server.vector(text, normalised: false)))

        let long = String(repeating: "word ", count: 300)
        let cut = await server.post("/api/embed", #"{"model": "bert", "input": "\#(long)"}"#)
        #expect(cut.json["prompt_eval_count"]?.integer == server.model.contextLength)
        let refused = await server.post(
            "/api/embed", #"{"model": "bert", "input": ["a", "\#(long)"], "truncate": false}"#)
        #expect(refused.status == 400)
        #expect(refused.json["error"]?.text?.hasPrefix("input[1]: ") == true)
    }

    private static let faults: [(path: String, body: String, field: String?)] = [
        ("/v1/embeddings", "{}", "input"), ("/v1/embeddings", #"{"input": 5}"#, "input"),
        ("/v1/embeddings", #"{"input": ""}"#, "input"),
        ("/v1/embeddings", #"{"input": []}"#, "input"),
        ("/v1/embeddings", #"{"input": ["a", ""]}"#, "input[1]"),
        ("/v1/embeddings", #"{"input": ["a", 5]}"#, "input[1]"),
        ("/v1/embeddings", #"{"input": [1, "a"]}"#, "input[1]"),
        ("/v1/embeddings", #"{"input": [1, 99999]}"#, "input[1]"),
        ("/v1/embeddings", #"{"input": [[1], [-1]]}"#, "input[1][0]"),
        ("/v1/embeddings", #"{"input": [[1], []]}"#, "input[1]"),
        ("/v1/embeddings", #"{"input": "a", "dimensions": 0}"#, "dimensions"),
        ("/v1/embeddings", #"{"input": "a", "dimensions": 33}"#, "dimensions"),
        ("/v1/embeddings", #"{"input": "a", "dimensions": "8"}"#, "dimensions"),
        ("/v1/embeddings", #"{"input": "a", "encoding_format": "hex"}"#, "encoding_format"),
        ("/v1/embeddings", #"{"input": "a", "nonsense": 1}"#, "nonsense"),
        ("/v1/rerank", #"{"query": "a", "documents": ["b"]}"#, "model"),
        ("/v1/chat/completions", #"{"messages": [{"role": "user", "content": "a"}]}"#, "model"),
        ("/v1/completions", #"{"prompt": "a"}"#, "model"),
    ]

    @Test("a bad request is a 400 that names the field")
    func faults() async throws {
        let server = try Self.bert.get()
        for (path, body, field) in Self.faults {
            let (status, json) = await server.post(path, body)
            #expect(status == 400, "\(path) \(body)")
            #expect(json["error"]?["param"]?.text == field, "\(path) \(body)")
        }
        let long = String(repeating: "word ", count: 300)
        let (status, json) = await server.post("/v1/embeddings", #"{"input": ["a", "\#(long)"]}"#)
        #expect(status == 400 && json["error"]?["param"]?.text == "input[1]")
        #expect(json["error"]?["code"]?.text == "context_length_exceeded")
        for path in ["/api/chat", "/api/generate"] {
            #expect(await server.post(path, #"{"model": "bert", "prompt": "a"}"#).status == 400)
        }
        for (body, code) in [
            ("{}", 400), (#"{"model": "other", "input": "a"}"#, 404),
            (#"{"model": "bert", "input": 5}"#, 400),
            (#"{"model": "bert", "input": "a", "dimensions": 900}"#, 400),
            (#"{"model": "bert", "input": "a", "keep_alive": "soon"}"#, 400),
            (#"{"model": "bert", "input": "a", "options": {"num_ctx": 9000000}}"#, 400),
            (#"{"model": "bert", "input": "a", "options": {"num_gpu": "all"}}"#, 400),
            (#"{"model": "bert", "input": "a", "options": {"nonsense": 1}}"#, 400),
            (#"{"model": "bert", "input": "a", "options": {"num_ctx": 16, "num_gpu": 1}}"#, 200),
        ] {
            #expect(await server.post("/api/embed", body).status == code, "\(body)")
        }
    }

    @Test("requests that come at once get what each gets alone")
    func together() async throws {
        let server = try Self.bert.get()
        let texts = (0..<24).map {
            String(repeating: "the quick fox ", count: 1 + $0 % 7) + "\($0)"
        }
        let found = await withTaskGroup(of: (Int, [Float]).self) { group in
            for (index, text) in texts.enumerated() {
                group.addTask {
                    let body = #"{"input": ["\#(text)", "word"]}"#
                    let json = await server.post("/v1/embeddings", body).json
                    return (index, self.numbers(json["data"]?.array?.first?["embedding"]))
                }
            }
            return await group.reduce(into: [Int: [Float]]()) { $0[$1.0] = $1.1 }
        }
        let embedder = try Embedder(model: server.model)
        for (index, text) in texts.enumerated() {
            var expected = try embedder.vectors(
                of: [server.tokenizer.embeddingText(Array(text.utf8))])[0]
            VectorNormalization.power(2).apply(to: &expected)
            #expect(found[index] == expected, "text \(index)")
        }
    }

    @Test("a reranker puts documents in the order of its scores")
    func rerank() async throws {
        let server = try Encoder("xlm-roberta-rank")
        let documents = ["A short one.", "The quick brown fox.", "word"]
        let list = try JSON.array(documents.map { .string(ByteString($0)) }).text()
        let (status, json) = await server.post(
            "/v1/rerank", #"{"query": "a fox", "documents": \#(list), "return_documents": true}"#)
        #expect(status == 200)
        let results = json["results"]?.array ?? []
        #expect(results.compactMap { $0["index"]?.integer }.sorted() == [0, 1, 2])
        let scores = results.compactMap { $0["relevance_score"]?.double }
        #expect(scores == scores.sorted(by: >) && Set(scores).count == 3)
        for result in results {
            let index = try #require(result["index"]?.integer)
            #expect(result["document"]?["text"]?.text == documents[index])
            let pair = try server.tokenizer.embeddingPair(
                Array("a fox".utf8), Array(documents[index].utf8))
            let score = try Embedder(model: server.model).vectors(of: [pair])[0][0]
            #expect(result["relevance_score"]?.double.map { Float($0) } == score)
        }
        let best = await server.post(
            "/rerank", #"{"query": "a fox", "documents": \#(list), "top_n": 1}"#
        ).json
        #expect(best["results"]?.array?.count == 1)
        #expect(best["results"]?.array?.first?["index"] == results.first?["index"])
        #expect(await server.post("/v1/embeddings", #"{"input": "a"}"#).status == 400)
        #expect(await server.post("/v1/rerank", #"{"documents": ["b"]}"#).status == 400)
        #expect(await server.post("/v1/rerank", #"{"query": "a", "documents": []}"#).status == 400)
    }

    @Test("a decoder makes vectors beside its answers")
    func decoder() async throws {
        let server = try TestServer.shared.get()
        async let answer = server.complete(#""prompt": "The file", "max_tokens": 12, "seed": 1"#)
        let vector = await server.post("/v1/embeddings", #"{"input": "The file is read."}"#)
        #expect(vector.status == 200)
        let tokens = try server.served.tokenizer.embeddingText(Array("The file is read.".utf8))
        var expected = try Embedder(model: server.served.model).vectors(of: [tokens])[0]
        VectorNormalization.power(2).apply(to: &expected)
        #expect(numbers(vector.json["data"]?.array?.first?["embedding"]) == expected)
        #expect(await answer.status == 200)
    }
}

extension JSON {
    fileprivate func text() throws -> String { String(decoding: writtenCompactly(), as: UTF8.self) }
}
