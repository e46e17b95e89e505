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
            let form = self == .tensorrtLLM ? "FP8_DYNAMIC" : "W4A16"
            let plugin = self == .vllm ? " without a plugin" : ""
            throw DeploymentError(
                file: model.path,
                problem: "is a GGUF file, and \(title) takes Hugging Face directories\(plugin)",
                remedy: "Make one: ingot quantize \(Paths.name(model.path)) \(model.stem)-"
                    + "\(form.lowercased())/ \(form)")
        }
    }

    private func checkDirectory(_ model: ModelFacts) throws(DeploymentError) {
        switch self {
        case .ollama, .llamaCpp, .ingot:
            let name = model.stem
            throw DeploymentError(
                file: model.path,
                problem: "is a Hugging Face directory, and \(title) takes GGUF files here",
                remedy:
                    "Make one: ingot quantize \(Paths.name(model.path)) \(name)-Q4_K_M.gguf Q4_K_M"
            )
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
        let isMixed = name.contains(" + ")
        let known: Bool
        switch engine {
        case .vllm: return vllmFault
        case .sglang: known = sglangTakes
        case .tgi: known = !isMixed && tgiTakes
        case .tensorrtLLM: known = !isMixed && tensorrtTakes
        case .ollama, .llamaCpp, .ingot: known = false
        }
        return known ? nil : "which \(engine.title) does not read"
    }

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

    private var isPlainGPTQ: Bool {
        ["gptq", "gptqmodel"].contains(method) && json["sym"]?.boolean != false
            && json["desc_act"]?.boolean != true && (json["bits"]?.integer ?? 4) == 4
    }

    private var sglangTakes: Bool {
        switch method {
        case "gptq", "gptqmodel": isPlainGPTQ
        default: !stem.hasPrefix("MXFP8")
        }
    }

    private var tgiTakes: Bool {
        switch method {
        case "compressed-tensors": ["W4A16", "W8A16", "W8A8", "FP8_DYNAMIC"].contains(stem)
        case "gptq", "gptqmodel": isPlainGPTQ
        case "awq": true
        default: false
        }
    }

    private var tensorrtTakes: Bool {
        switch method {
        case "compressed-tensors":
            ["FP8_DYNAMIC", "FP8_BLOCK", "NVFP4", "NVFP4A16", "MXFP4A16"].contains(stem)
        case "gptq", "gptqmodel": isPlainGPTQ
        case "fp8", "modelopt", "modelopt_fp4": true
        default: false
        }
    }
}
