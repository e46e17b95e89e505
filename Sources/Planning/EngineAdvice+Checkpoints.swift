extension EngineAdvice {
    /// The engines for a quantized directory: those that read its type, on a device that runs it.
    ///
    /// - Parameter type: The type's name.
    init(
        _ type: String, _ checkpoint: CheckpointType, on device: Device, users: Int,
        keepsStates: Bool, isRunByIngot: Bool
    ) {
        let fault = checkpoint.fault(on: device)
        let weights =
            checkpoint.isStored
            ? "the directory as it is" : "what ingot quantize MODEL OUT \(type) writes"
        var (choices, obstacles): ([Choice], [Choice]) = ([], [])
        for engine in EngineAdvice.engines(users: users, on: device.kind) {
            if !checkpoint.isRead(by: engine.name) {
                obstacles.append(Choice(engine: engine.name, reason: "does not read \(type)"))
            } else if let fault {
                obstacles.append(Choice(engine: engine.name, reason: "\(type): \(fault)"))
            } else if let only = engine.onlyOn, only != device.kind {
                obstacles.append(
                    Choice(engine: engine.name, reason: "is not made for a \(device.kind.words)"))
            } else if keepsStates, engine.knowsFewRecurrences {
                obstacles.append(
                    Choice(engine: engine.name, reason: EngineAdvice.recurrenceReason))
            } else {
                let speed =
                    checkpoint.isNative(on: device)
                    ? "" : "; \(device.name) decodes the weights and computes in 16 bits"
                choices.append(
                    Choice(
                        engine: engine.name, reason: "\(engine.reason); takes \(weights)\(speed)"))
            }
        }
        let others = checkpoint.engines.filter { name in
            !EngineAdvice.checkpointEngines.contains { name.hasPrefix($0.name) }
        }
        for name in others {
            if let fault {
                obstacles.append(Choice(engine: name, reason: "\(type): \(fault)"))
            } else {
                choices.append(Choice(engine: name, reason: "reads \(type); takes \(weights)"))
            }
        }
        let file = "a GGUF file: ingot quantize MODEL OUT.gguf Q4_K_M"
        if choices.isEmpty {
            choices.append(
                Choice(
                    engine: "llama.cpp",
                    reason: "runs on a \(device.kind.words) what no engine runs there as \(type);"
                        + " takes \(file)"))
        } else {
            obstacles.append(
                Choice(engine: "llama.cpp, Ollama, Ingot", reason: "serve \(file)"))
        }
        if !isRunByIngot {
            obstacles.append(Choice(engine: "Ingot", reason: "does not run this architecture"))
        }
        self.init(choices: choices, obstacles: obstacles)
    }

    static let recurrenceReason =
        "knows few models with recurrent layers: look the architecture up in its list"

    /// An engine that takes directories.
    private struct CheckpointEngine {
        let name: String
        let reason: String
        /// The only kind of device that it runs on.
        var onlyOn: Device.Kind?
        var knowsFewRecurrences = false
    }

    private static let checkpointEngines = [
        CheckpointEngine(name: "vLLM", reason: "paged caches and continuous batching"),
        CheckpointEngine(
            name: "SGLang", reason: "the same, and prompts that share long beginnings"),
        CheckpointEngine(
            name: "TensorRT-LLM",
            reason: "the last share of an NVIDIA device's throughput, for models that it knows",
            onlyOn: .nvidia, knowsFewRecurrences: true),
        CheckpointEngine(
            name: "TGI", reason: "where Hugging Face's own tools are in use",
            knowsFewRecurrences: true),
        CheckpointEngine(name: "transformers", reason: "for trials in Python, without a server"),
    ]

    /// The engines in the order in which they are recommended.
    private static func engines(users: Int, on kind: Device.Kind) -> [CheckpointEngine] {
        // Of servers vLLM alone has kernels for processors; Macs have none of these.
        kind == .nvidia || kind == .amd
            ? checkpointEngines
            : checkpointEngines.filter { ["vLLM", "transformers"].contains($0.name) }
    }
}
