/// What runs a model behind an interface over HTTP.
public enum Engine: String, CaseIterable, Sendable {
    case ollama
    case llamaCpp = "llama.cpp"
    case vllm
    case tgi
    case sglang
    case tensorrtLLM = "tensorrt-llm"
    case ingot

    /// The engine called `name`, in any case.
    public static func named(_ name: String) -> Engine? {
        let wanted = name.lowercased()
        return Engine(rawValue: wanted)
            ?? ["llamacpp": .llamaCpp, "llama-server": .llamaCpp, "trtllm": .tensorrtLLM][wanted]
    }

    /// All names, for messages.
    public static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The name as its makers write it.
    public var title: String {
        switch self {
        case .ollama: "Ollama"
        case .llamaCpp: "llama.cpp"
        case .vllm: "vLLM"
        case .tgi: "TGI"
        case .sglang: "SGLang"
        case .tensorrtLLM: "TensorRT-LLM"
        case .ingot: "Ingot"
        }
    }
}
