import TensorCore
import Templates
import Tokenization

extension ServingAPI {
    // MARK: The server itself

    func greeting() -> ServingResponse {
        ServingResponse(
            type: "text/plain; charset=utf-8", body: .bytes(Array("Ingot is running\n".utf8)))
    }

    func health() throws(APIError) -> ServingResponse {
        _ = try service()
        return ServingAPI.json(["status": "ok"])
    }

    func metricsText() -> ServingResponse {
        ServingResponse(
            type: "text/plain; version=0.0.4; charset=utf-8",
            body: .bytes(Array(metrics.exposition().utf8)))
    }

    // MARK: Models

    private func json(_ served: ServedModel) -> JSON {
        [
            "id": .text(served.name), "object": "model",
            "created": .integer(served.modifiedSeconds), "owned_by": "ingot",
            "max_model_len": .integer((try? service())?.engine.settings.slotCapacity ?? 0),
        ]
    }

    func models() throws(APIError) -> ServingResponse {
        ServingAPI.json(["object": "list", "data": [json(try service().model)]])
    }

    func oneModel(_ request: ServingRequest) throws(APIError) -> ServingResponse {
        let service = try service()
        let name = request.path.dropFirst("/v1/models/".count)
        let decoded = ServingAPI.percentDecoded(name)
        guard service.model.isCalled(decoded) else {
            throw APIError(
                404,
                "the model \"\(decoded)\" does not exist; this server has \(service.model.name)",
                field: "model", code: "model_not_found")
        }
        return ServingAPI.json(json(service.model))
    }

    private static func percentDecoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Tokens

    func tokenize(_ request: ServingRequest) throws(APIError) -> ServingResponse {
        let served = try service().model
        var fields = try fields(request)
        try checkModel(&fields, try service())
        // llama-server's name for it, and vLLM's.
        let (content, prompt) = (try fields.text("content"), try fields.text("prompt"))
        guard let text = content ?? prompt else { throw APIError.missing("content") }
        let added = try fields.boolean("add_special")
        let addsSpecial = try fields.boolean("add_special_tokens") ?? added ?? false
        let parsesSpecial = try fields.boolean("parse_special") ?? true
        let withPieces = try fields.boolean("with_pieces") ?? false
        try fields.finish()
        let tokens: [Int32]
        do {
            tokens = try served.tokenizer.encode(
                Array(text.utf8), addSpecial: addsSpecial, parseSpecial: parsesSpecial)
        } catch {
            throw .field("content", error.problem)
        }
        let list = tokens.map { token -> JSON in
            guard withPieces else { return .integer(Int(token)) }
            let piece = served.tokenizer.piece(of: token)
            let text = String(validating: piece, as: UTF8.self)
            return [
                "id": .integer(Int(token)),
                "piece": text.map(JSON.text) ?? .array(piece.map { .integer(Int($0)) }),
            ]
        }
        return ServingAPI.json(["tokens": .array(list), "count": .integer(tokens.count)])
    }

    func detokenize(_ request: ServingRequest) throws(APIError) -> ServingResponse {
        let served = try service().model
        var fields = try fields(request)
        try checkModel(&fields, try service())
        guard let list = try fields.list("tokens") else { throw APIError.missing("tokens") }
        try fields.finish()
        let tokens = try served.tokens(list, field: "tokens")
        let text = String(
            decoding: served.tokenizer.decode(tokens, showsControl: true), as: UTF8.self)
        return ServingAPI.json(["content": .text(text)])
    }

    func applyTemplate(_ request: ServingRequest) throws(APIError) -> ServingResponse {
        let service = try service()
        var fields = try fields(request)
        try checkModel(&fields, service)
        var conversation = try Conversation(try fields.list("messages"), for: service.model)
        if let variables = try fields.fields("chat_template_kwargs") {
            conversation.options.variables = variables.allMembers
        }
        if let tools = try ToolUse(&fields, service.model) { tools.prepare(&conversation) }
        try fields.finish()
        return ServingAPI.json(["prompt": .text(try conversation.render(for: service.model).text)])
    }
}
