import Architectures
import Evaluation
import Foundation
import Inference
import TensorCore
import Tokenization

extension ServingAPI {
    /// The most texts of a request.
    fileprivate static let textLimit = 2048

    /// `POST /v1/embeddings`.
    func embeddings(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        let service = try service()
        var fields = try fields(request)
        try checkModel(&fields, service)
        let form = try fields.text("encoding_format") ?? "float"
        guard ["float", "base64"].contains(form) else {
            throw .field("encoding_format", "\"\(form)\" found, expected float or base64")
        }
        let length = try service.vectorLength(&fields)
        _ = try fields.text("user")
        guard let input = fields.take("input") else { throw APIError.missing("input") }
        let texts = try service.model.embeddingTexts(input, limit: service.embeddingLimit)
        try fields.finish()
        let vectors = try await vectors(of: texts, service)
        let data = vectors.enumerated().map { index, vector -> JSON in
            let vector = ServingAPI.shortened(vector, to: length)
            return [
                "object": "embedding", "index": .integer(index),
                "embedding": form == "base64"
                    ? .text(ServingAPI.base64(vector)) : ServingAPI.json(vector),
            ]
        }
        let count = texts.reduce(0) { $0 + $1.tokens.count }
        return ServingAPI.json([
            "object": "list", "data": .array(data), "model": .text(service.model.name),
            "usage": ["prompt_tokens": .integer(count), "total_tokens": .integer(count)],
        ])
    }

    /// `POST /api/embed`.
    func ollamaEmbed(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        let start = ContinuousClock.now
        let service = try service()
        var fields = try fields(request)
        let (name, _) = try OllamaFields.common(&fields, service)
        let truncates = try fields.boolean("truncate") ?? true
        let length = try service.vectorLength(&fields)
        let input = try fields.texts("input") ?? []
        try fields.finish()
        var texts: [Embedder.Text] = []
        for (index, text) in input.enumerated() where !(input.count == 1 && text.isEmpty) {
            texts.append(
                try service.model.embeddingText(
                    text, limit: service.embeddingLimit, truncates: truncates,
                    field: input.count == 1 ? "input" : "input[\(index)]"))
        }
        let readSeconds = start.secondsAgo
        let vectors = texts.isEmpty ? [] : try await vectors(of: texts, service)
        return ServingAPI.json([
            "model": .text(name),
            "embeddings": .array(
                vectors.map { ServingAPI.json(ServingAPI.shortened($0, to: length)) }),
            "total_duration": .integer(Int(start.secondsAgo * 1e9)),
            "load_duration": .integer(Int(readSeconds * 1e9)),
            "prompt_eval_count": .integer(texts.reduce(0) { $0 + $1.tokens.count }),
        ])
    }

    /// `POST /api/embeddings`, Ollama's older endpoint: one text, its vector as the model makes it.
    func ollamaEmbeddings(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        let service = try service()
        var fields = try fields(request)
        _ = try OllamaFields.common(&fields, service)
        let prompt = try fields.text("prompt") ?? ""
        try fields.finish()
        guard !prompt.isEmpty else { return ServingAPI.json(["embedding": []]) }
        let text = try service.model.embeddingText(
            prompt, limit: service.embeddingLimit, truncates: true, field: "prompt")
        let vectors = try await vectors(of: [text], service)
        return ServingAPI.json(["embedding": ServingAPI.json(vectors[0])])
    }

    /// `POST /v1/rerank`, as Jina and llama-server have it.
    func rerank(_ request: ServingRequest) async throws(APIError) -> ServingResponse {
        let service = try service()
        guard service.engine.pooling == .rank else {
            throw APIError(
                400,
                "\(service.model.name) is not served as a reranker. Start the server with a model"
                    + " that has a classifier, and --pooling rank", field: "model",
                code: "not_a_reranker")
        }
        var fields = try fields(request)
        try checkModel(&fields, service)
        guard let query = try fields.text("query") else { throw APIError.missing("query") }
        let list = fields.take("documents") ?? fields.take("texts")
        guard let documents = list?.array, !documents.isEmpty else {
            throw list == nil
                ? APIError.missing("documents")
                : .field("documents", "expected a list of texts with at least one")
        }
        guard documents.count <= ServingAPI.textLimit else {
            throw .field(
                "documents", "\(documents.count) found, expected at most \(ServingAPI.textLimit)")
        }
        let count = try fields.integer("top_n", in: 1...Int.max) ?? documents.count
        let returnsDocuments = try fields.boolean("return_documents") ?? false
        try fields.finish()
        var pairs: [Embedder.Text] = []
        var texts: [String] = []
        for (index, document) in documents.enumerated() {
            let field = "documents[\(index)]"
            guard let text = document.text ?? document["text"]?.text else {
                throw .field(
                    field, "\(document.kindName) found, expected a string", code: "invalid_type")
            }
            texts.append(text)
            pairs.append(
                try service.model.embeddingPair(
                    query, text, limit: service.embeddingLimit, field: field))
        }
        let answers = try await rawVectors(of: pairs, service)
        let order = answers.indices.sorted { (answers[$0][0], $1) > (answers[$1][0], $0) }
        let results = order.prefix(count).map { index -> JSON in
            var members: [JSON.Member] = [
                .init(key: "index", value: .integer(index)),
                .init(key: "relevance_score", value: ServingAPI.json(answers[index][0])),
            ]
            if returnsDocuments {
                members.append(.init(key: "document", value: ["text": .text(texts[index])]))
            }
            return .object(members)
        }
        let tokens = pairs.reduce(0) { $0 + $1.tokens.count }
        return ServingAPI.json([
            "model": .text(service.model.name), "object": "list",
            "usage": ["prompt_tokens": .integer(tokens), "total_tokens": .integer(tokens)],
            "results": .array(results),
        ])
    }

    /// Throws where the model is an encoder.
    func checkContinues() throws(APIError) {
        let served = try service().model
        guard served.model.description.seesAhead else { return }
        throw APIError(
            400,
            "\(served.name) is an encoder: it makes embeddings (/v1/embeddings, /api/embed) and does"
                + " not continue texts", field: "model", code: "model_is_encoder")
    }

    // MARK: Parts

    /// The vectors of texts as the model makes them.
    private func rawVectors(
        of texts: [Embedder.Text], _ service: Service
    ) async throws(APIError) -> [[Float]] {
        do {
            return try await service.engine.vectors(of: texts)
        } catch {
            switch error {
            case .refusal(.queueFull(let limit)):
                throw APIError(
                    503, "\(limit) requests wait already", code: "queue_full", retryAfter: 1)
            case .refusal(.stopping):
                throw APIError(503, "the server is being stopped", code: "stopping", retryAfter: 5)
            case .failure(let sentence): throw APIError(500, sentence, code: "embedding_failed")
            case .cancelled: throw .brokenOff
            }
        }
    }

    /// The vectors of texts, one for each.
    private func vectors(
        of texts: [Embedder.Text], _ service: Service
    ) async throws(APIError) -> [[Float]] {
        switch service.engine.pooling {
        case .none, .rank:
            throw APIError(
                400,
                "the model is served with --pooling \(service.engine.pooling.rawValue), which makes"
                    + " no vector of a text. Start the server with --pooling mean, cls or last",
                field: "model", code: "no_embeddings")
        case .mean, .cls, .last: return try await rawVectors(of: texts, service)
        }
    }

    /// The first numbers of a vector, with a Euclidean length of 1.
    private static func shortened(_ vector: [Float], to length: Int?) -> [Float] {
        var vector = length.map { Array(vector.prefix($0)) } ?? vector
        VectorNormalization.power(2).apply(to: &vector)
        return vector
    }

    private static func json(_ vector: [Float]) -> JSON { .array(vector.map(json)) }

    /// A number in the fewest digits that tell it from other numbers of single precision.
    private static func json(_ value: Float) -> JSON {
        .real(Double("\(value)") ?? Double(value))
    }

    /// The little-endian bytes of numbers, as OpenAI's clients unpack them.
    private static func base64(_ vector: [Float]) -> String {
        let bytes = vector.flatMap { value in
            unsafe withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
        }
        return Data(bytes).base64EncodedString()
    }
}

extension ServingAPI.Service {
    /// The most tokens of a text.
    var embeddingLimit: Int { min(engine.settings.slotCapacity, model.model.contextLength) }

    /// The numbers that are kept of a vector; `nil` for all.
    func vectorLength(_ fields: inout Fields) throws(APIError) -> Int? {
        guard let count = try fields.integer("dimensions") else { return nil }
        guard (1...max(1, engine.vectorLength)).contains(count) else {
            throw .field(
                "dimensions",
                "\(count) found, expected 1 to \(engine.vectorLength), the model's numbers of a vector"
            )
        }
        return count
    }
}

extension ServedModel {
    /// The texts of `input`: a string, a list of them, token ids or a list of lists of these.
    func embeddingTexts(_ input: JSON, limit: Int) throws(APIError) -> [Embedder.Text] {
        if let text = input.text { return [try embeddingText(text, limit: limit, field: "input")] }
        guard let list = input.array else {
            throw .field(
                "input",
                "\(input.kindName) found, expected a string, a list of strings, or tokens",
                code: "invalid_type")
        }
        guard !list.isEmpty else { throw .field("input", "the list is empty") }
        if list[0].integer != nil {
            return [try embeddingText(tokens: list, limit: limit, field: "input")]
        }
        guard list.count <= ServingAPI.textLimit else {
            throw .field(
                "input",
                "\(list.count) texts found, expected at most \(ServingAPI.textLimit)")
        }
        var texts: [Embedder.Text] = []
        for (index, element) in list.enumerated() {
            let field = "input[\(index)]"
            if let text = element.text {
                texts.append(try embeddingText(text, limit: limit, field: field))
            } else if let tokens = element.array {
                texts.append(try embeddingText(tokens: tokens, limit: limit, field: field))
            } else {
                throw .field(
                    field, "\(element.kindName) found, expected a string or a list of tokens",
                    code: "invalid_type")
            }
        }
        return texts
    }

    /// A text's tokens.
    ///
    /// - Parameter truncates: Whether one that is too long is cut; its last token stays.
    func embeddingText(
        _ text: String, limit: Int, truncates: Bool = false, field: String
    ) throws(APIError) -> Embedder.Text {
        guard !text.isEmpty else { throw .field(field, "the text is empty") }
        var result: Embedder.Text
        do {
            result = try tokenizer.embeddingText(Array(text.utf8))
        } catch {
            throw .field(field, error.problem)
        }
        if truncates, result.tokens.count > limit, let last = result.tokens.last {
            let ends = tokenizer.trailingID == last
            result.tokens = Array(result.tokens.prefix(ends ? limit - 1 : limit))
            if ends { result.tokens.append(last) }
        }
        try check(result, limit: limit, field: field)
        return result
    }

    private func embeddingText(
        tokens: [JSON], limit: Int, field: String
    ) throws(APIError) -> Embedder.Text {
        let text = Embedder.Text(try self.tokens(tokens, field: field))
        try check(text, limit: limit, field: field)
        return text
    }

    /// A query with a document.
    func embeddingPair(
        _ query: String, _ document: String, limit: Int, field: String
    ) throws(APIError) -> Embedder.Text {
        let text: Embedder.Text
        do {
            text = try tokenizer.embeddingPair(Array(query.utf8), Array(document.utf8))
        } catch {
            throw .field(field, error.problem)
        }
        try check(text, limit: limit, field: field)
        return text
    }

    private func check(
        _ text: Embedder.Text, limit: Int, field: String
    ) throws(APIError) {
        guard !text.tokens.isEmpty else { throw .field(field, "the text has no tokens") }
        guard text.tokens.count <= limit else {
            throw APIError(
                400,
                "\(field): the text has \(text.tokens.count) tokens, and there is room for \(limit)",
                field: field, code: "context_length_exceeded")
        }
    }
}
