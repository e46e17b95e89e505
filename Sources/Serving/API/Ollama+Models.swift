import Crypto
import GGUF
import Inference
import TensorCore
import Templates

extension ServingAPI {
    func ollamaVersion() -> ServingResponse {
        ServingAPI.json(["version": .text(policy.version)])
    }

    func ollamaTags() throws(APIError) -> ServingResponse {
        ServingAPI.json(["models": [entry(try service().model)]])
    }

    func ollamaRunning() throws(APIError) -> ServingResponse {
        let service = try service()
        let members = (entry(service.model).members ?? []).filter { $0.key != "modified_at" }
        return ServingAPI.json([
            "models": [
                .object(
                    members + [
                        JSON.Member(
                            key: "expires_at",
                            value: .text(Timestamp.text(seconds: 253_402_300_799))),
                        JSON.Member(key: "size_vram", value: 0),
                        JSON.Member(
                            key: "context_length",
                            value: .integer(service.engine.settings.slotCapacity)),
                    ])
            ]
        ])
    }

    private func entry(_ served: ServedModel) -> JSON {
        let name = served.name.contains(":") ? served.name : served.name + ":latest"
        // Tells one version of the file from another; it is no digest of its contents.
        let identity = "\(served.model.path) \(served.byteCount) \(served.modifiedSeconds)"
        let digest = SHA256.hash(data: Array(identity.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        return [
            "name": .text(name), "model": .text(name),
            "modified_at": .text(Timestamp.text(seconds: served.modifiedSeconds)),
            "size": .integer(served.byteCount), "digest": .text(digest),
            "details": details(served),
        ]
    }

    private func details(_ served: ServedModel) -> JSON {
        [
            "parent_model": "", "format": "gguf", "family": .text(served.family),
            "families": [.text(served.family)], "parameter_size": .text(served.parameterSize),
            "quantization_level": .text(served.fileType),
        ]
    }

    func ollamaShow(_ request: ServingRequest) throws(APIError) -> ServingResponse {
        let service = try service()
        var fields = try fields(request)
        let (model, older) = (try fields.text("model"), try fields.text("name"))
        guard let name = model ?? older else { throw APIError.missing("model") }
        let isVerbose = try fields.boolean("verbose") ?? false
        try fields.finish()
        guard service.model.isCalled(name) else {
            throw APIError(404, "model '\(name)' not found; this server has \(service.model.name)")
        }
        let served = service.model
        let info = served.model.source.metadata.entries.map { key, value in
            JSON.Member(key: ByteString(key), value: ServingAPI.json(value, isVerbose: isVerbose))
        }
        let preset = served.preset
        let messages = preset.messages.map { JSON.object($0.members) }
        let license =
            preset.licenses.isEmpty
            ? served.model.source.metadata["general.license"]?.text
            : preset.licenses.joined(separator: "\n")
        return ServingAPI.json(
            .object([
                "modelfile": .text(preset.text ?? "FROM \(served.model.path)\n"),
                "parameters": .text(preset.parametersText), "system": preset.system.map(JSON.text),
                "template": .text(served.templateSource ?? ""), "license": license.map(JSON.text),
                "messages": messages.isEmpty ? nil : .array(messages),
                "details": details(served), "model_info": .object(info),
                "capabilities": .array(capabilities(served)),
                "modified_at": .text(Timestamp.text(seconds: served.modifiedSeconds)),
            ]))
    }

    private func capabilities(_ served: ServedModel) -> [JSON] {
        if served.model.makesEmbeddings { return ["embedding"] }
        guard served.template != nil else { return ["completion"] }
        return ["completion", "tools"] + (served.thinks ? ["thinking"] : [])
    }

    /// A metadata value; long lists only where they are asked for.
    private static func json(_ value: MetadataValue, isVerbose: Bool) -> JSON {
        if let text = value.text { return .text(text) }
        if let boolean = value.boolean { return .bool(boolean) }
        if let integer = value.integer { return .integer(integer) }
        if let float = value.float { return .real(Double(float)) }
        guard isVerbose else { return .null }
        if let integers = value.integers { return .array(integers.map(JSON.integer)) }
        if case .strings(let strings) = value { return .array(strings.map(JSON.string)) }
        return .null
    }
}
