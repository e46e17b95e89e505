import Checkpoints
import TensorCore

extension Engine {
    /// Refuses a model that the engine cannot run.
    ///
    /// What each takes is the table of `docs/engines.md`.
    ///
    /// - Throws: `DeploymentError` that says what to make instead.
    public func check(_ model: ModelFacts) throws(DeploymentError) {
        switch model.container {
        case .gguf: try checkFile(model)
        case .directory: try checkDirectory(model)
        }
        if model.isEncoder, let instead = encoderRemedy {
            throw DeploymentError(
                file: model.path,
                problem: "makes vectors, and \(title) runs models that continue texts",
                remedy: instead)
        }
    }

    private var encoderRemedy: String? {
        switch self {
        case .tgi: "Deploy it with --engine vllm or with text-embeddings-inference."
        case .tensorrtLLM: "Deploy it with --engine vllm."
        case .ollama, .llamaCpp, .vllm, .sglang, .ingot: nil
        }
    }

    private func checkFile(_ model: ModelFacts) throws(DeploymentError) {
        let isSplit = model.weightFiles.count > 1
        switch self {
        case .llamaCpp, .ingot: return
        case .ollama, .sglang:
            guard isSplit else { return }
            throw DeploymentError(
                file: model.path,
                problem: "is one of \(model.weightFiles.count) parts, and \(title) takes one file",
                remedy: "Join them: ingot merge \(Paths.name(model.path)) \(model.stem).gguf")
        case .vllm, .tgi, .tensorrtLLM:
            // What was rounded once is not rounded again.
            let isWhole = ["F32", "F16", "BF16"].contains(model.typeName)
            let source = isWhole ? Paths.name(model.path) : "MODEL_DIR"
            throw DeploymentError(
                file: model.path,
                problem: "is a GGUF file, and \(title) takes Hugging Face directories"
                    + (self == .vllm ? " (GGUF with a plugin alone)" : ""),
                remedy: "Make one\(isWhole ? "" : " of the original"): ingot quantize \(source)"
                    + " \(model.stem)-\(recommended.lowercased())/ \(recommended)")
        }
    }

    private func checkDirectory(_ model: ModelFacts) throws(DeploymentError) {
        switch self {
        case .ollama, .llamaCpp, .ingot:
            let isWhole = model.quantization == nil
            let source = isWhole ? Paths.name(model.path) : "MODEL_DIR"
            throw DeploymentError(
                file: model.path,
                problem: "is a Hugging Face directory, and \(title) takes GGUF files here",
                remedy: "Make one\(isWhole ? "" : " of the original"): ingot quantize \(source)"
                    + " \(model.stem)-Q4_K_M.gguf Q4_K_M")
        case .vllm, .tgi, .sglang, .tensorrtLLM: break
        }
        guard let method = model.quantizationMethod else { return }
        let form = QuantizedForm(model, method: method)
        guard let fault = form.fault(for: self) else { return }
        throw DeploymentError(
            file: model.path, problem: "is quantized as \(model.typeName), \(fault)",
            remedy: "Quantize the original for it: ingot quantize MODEL_DIR OUT_DIR/ \(recommended)"
        )
    }

    /// A type that the engine takes whatever the model.
    private var recommended: String { self == .tensorrtLLM ? "FP8_DYNAMIC" : "W4A16" }
}

/// What a quantized directory holds, as far as engines differ about it.
private struct QuantizedForm {
    let name: String
    let method: String
    let json: JSON

    init(_ model: ModelFacts, method: String) {
        name = model.typeName
        self.method = method
        json = model.quantization ?? .null
    }

    /// The form without its group: `W4A16`, `GPTQ`.
    private var stem: String { name.split(separator: " ").first.map(String.init) ?? name }

    /// Why an engine does not take it; `nil` where it does.
    func fault(for engine: Engine) -> String? {
        if ["mlx", "metal"].contains(method) {
            return "a form of MLX that \(engine.title) does not read"
        }
        if let fault = engine == .vllm ? vllmFault : otherFault { return fault }
        // What is written here says itself who reads it.
        if let form = CheckpointForm.named(stem)?.form, !name.contains(" + ") {
            return form.engines.contains(engine.title) ? nil : unread(engine)
        }
        switch engine {
        case .vllm: return nil
        case .sglang: return method.hasPrefix("gptq") ? unread(engine) : nil
        case .tgi: return method == "awq" ? nil : unread(engine)
        case .tensorrtLLM: return method.hasPrefix("modelopt") ? nil : unread(engine)
        case .ollama, .llamaCpp, .ingot: return unread(engine)
        }
    }

    private func unread(_ engine: Engine) -> String { "which \(engine.title) does not read" }

    private var vllmFault: String? {
        switch method {
        case "bitsandbytes": return "which vLLM reads with a plugin alone"
        case "gptq", "gptqmodel":
            let bits = json["bits"]?.integer ?? 4
            if json["sym"]?.boolean == false { return "with zero points, which vLLM refuses" }
            if json["desc_act"]?.boolean == true {
                return "with activation order (desc_act), which vLLM refuses"
            }
            return [4, 8].contains(bits) ? nil : "of \(bits) bits, which vLLM refuses"
        default: return nil
        }
    }

    /// What all but vLLM and the packages that wrote it leave alone.
    private var otherFault: String? {
        guard ["gptq", "gptqmodel"].contains(method) else { return nil }
        if json["sym"]?.boolean == false { return "with zero points, which few engines read" }
        if json["desc_act"]?.boolean == true {
            return "with activation order (desc_act), which few engines read"
        }
        return nil
    }
}
