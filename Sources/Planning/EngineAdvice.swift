import Architectures

/// Which engine to serve a model with, and why.
public struct EngineAdvice: Sendable, Hashable, Encodable {
    /// An engine.
    public struct Choice: Sendable, Hashable, Encodable {
        /// Its name.
        public let engine: String
        /// Why it, and what it asks for.
        public let reason: String
    }

    /// The form that the weights are in.
    public enum Form: String, Sendable, Hashable, Encodable {
        /// A GGUF file.
        case gguf
        /// A Hugging Face directory of floats, or its configuration.
        case checkpoint
    }

    /// What is recommended, best first.
    public let choices: [Choice]
    /// What stands in the way of others.
    public let obstacles: [Choice]

    init(choices: [Choice], obstacles: [Choice]) {
        (self.choices, self.obstacles) = (choices, obstacles)
    }

    /// The advice for a model in a type.
    init(
        _ typed: ModelAtPath.TypedModel, _ kind: ModelAtPath.Kind, on device: Device, users: Int
    ) {
        let keepsStates = typed.model.cache.layers.contains { $0.stateLength > 0 }
        let isRun = DecoderDescription.architectures.contains(typed.model.architecture)
        if let checkpoint = typed.checkpoint {
            self.init(
                typed.type, checkpoint, on: device, users: users, keepsStates: keepsStates,
                isRunByIngot: isRun)
        } else {
            self.init(
                device: device, users: users, form: kind == .gguf ? .gguf : .checkpoint,
                keepsStates: keepsStates, isRunByIngot: isRun)
        }
    }

    /// Goes down the decision tree: the device first, then how many texts at a time, then the form
    /// of the weights.
    ///
    /// - Parameters:
    ///   - device: Where it is to run.
    ///   - users: How many texts run at a time.
    ///   - keepsStates: Whether layers recur.
    ///   - isRunByIngot: Whether Ingot runs the architecture.
    public init(
        device: Device, users: Int, form: Form, keepsStates: Bool, isRunByIngot: Bool
    ) {
        var choices: [Choice] = []
        var obstacles: [Choice] = []
        func choose(_ engine: String, _ reason: String) {
            choices.append(Choice(engine: engine, reason: reason))
        }
        func refuse(_ engine: String, _ reason: String) {
            obstacles.append(Choice(engine: engine, reason: reason))
        }
        let file = form == .gguf ? "this file" : "a GGUF file of it (ingot convert, ingot quantize)"
        let isGPU = device.kind == .nvidia || device.kind == .amd
        if isGPU, users >= EngineAdvice.manyUsers {
            let weights =
                form == .checkpoint
                ? "a checkpoint of it: ingot quantize DIR OUT \(device.gpuType)"
                : "a checkpoint, which this file can become: ingot quantize FILE OUT"
                    + " \(device.gpuType)"
            choose(
                "vLLM",
                "\(users) texts at a time: paged caches and continuous batching; takes \(weights)")
            choose("SGLang", "the same, and prompts that share long beginnings; takes the same")
            if device.kind == .nvidia {
                choose(
                    "TensorRT-LLM",
                    "the last share of an NVIDIA device's throughput, for models that it knows")
            } else {
                refuse("TensorRT-LLM", "runs on NVIDIA devices only")
            }
            choose("TGI", "where Hugging Face's own tools are in use; takes the same checkpoints")
            choose("llama.cpp", "where the file must stay GGUF; takes \(file)")
        } else {
            choose(
                "llama.cpp",
                (isGPU ? "few texts at a time" : "a \(device.kind.words)")
                    + ": the smallest files and the widest choice of types; takes \(file)")
            choose("Ollama", "the same engine with models by name; takes \(file) and a Modelfile")
            if device.kind == .cpu, isRunByIngot {
                choose(
                    "Ingot",
                    "the same text for the same seed whatever else runs, schemas kept; takes"
                        + " \(file) (ingot serve)")
            }
            if isGPU {
                choose(
                    "vLLM",
                    "from \(EngineAdvice.manyUsers) texts at a time on; takes a checkpoint:"
                        + " ingot quantize IN OUT \(device.gpuType)")
            } else {
                refuse("vLLM, SGLang, TGI, TensorRT-LLM", "are made for NVIDIA and AMD devices")
            }
        }
        if !isRunByIngot { refuse("Ingot", "does not run this architecture") }
        if device.kind != .cpu { refuse("Ingot", "computes on processor cores only") }
        if keepsStates {
            refuse(
                "TGI, TensorRT-LLM",
                "know few models with recurrent layers: look the architecture up in their lists")
        }
        self.choices = choices
        self.obstacles = obstacles
    }

    /// From so many texts at a time on, engines that batch them are worth a checkpoint.
    static let manyUsers = 8
}

extension Device {
    /// The type of `ingot quantize` for GPU engines that the device multiplies fastest.
    fileprivate var gpuType: String { hasFP8 ? "FP8_DYNAMIC" : "W4A16" }
}
