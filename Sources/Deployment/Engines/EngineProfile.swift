/// How an engine is started, watched and locked: what every target writes in its own words.
struct EngineProfile: Sendable {
    /// The image that its makers publish, in a version; `nil` where there is none for
    /// what is asked for.
    let image: @Sendable (_ usesGPUs: Bool) -> String?
    /// Whether it runs on GPUs at all.
    let takesGPUs: Bool
    /// The GPUs that it has where nothing is said.
    let usualGPUCount: Int
    /// The port where nothing is said: its makers'.
    let usualPort: Int
    /// The texts at a time where nothing is said.
    let usualSlotCount: Int
    /// The program in its image.
    let command: [String]
    /// The program on a machine.
    let hostCommand: [String]
    /// What the program is called with.
    let arguments: @Sendable (EngineSettings) -> [String]
    /// What stands in its environment.
    var environment: @Sendable (EngineSettings) -> [(name: String, value: String)] = { _ in [] }
    /// How it comes to know the key that clients have to send.
    let key: KeyDelivery
    /// Where it tells whether it is well, without a key.
    let health: String
    /// What asks that inside its image.
    let healthCheck: HealthCheck
    /// Where Prometheus finds its metrics; `nil` where it has none.
    let metrics: Metrics?
    /// Whether it is written in Python: compiles kernels at run time, into files that it then loads,
    /// shares memory between processes, and has a few gigabytes of libraries.
    var isPython = false

    /// How a secret comes to an engine; never in an argument, which everybody on a machine can read.
    enum KeyDelivery: Sendable, Hashable {
        /// In a variable of its environment.
        case environment(String)
        /// In a file that an option names; `prefix` stands before the key in it.
        case file(option: String, name: String, prefix: String)
        /// Not at all.
        case none
    }

    /// Metrics in Prometheus' text format.
    struct Metrics: Sendable, Hashable {
        /// Their path.
        let path: String
        /// Whether the key has to be sent for them too.
        let needsKey: Bool
    }

    /// What asks whether an engine is well, where it runs.
    enum HealthCheck: Sendable, Hashable {
        case curl, python, bash
        /// A command of the engine's own.
        case command([String])

        /// The command for an address on this machine.
        func command(port: Int, path: String) -> [String] {
            let address = "http://127.0.0.1:\(port)\(path)"
            switch self {
            case .curl: return ["curl", "-fsS", "-o", "/dev/null", address]
            case .python:
                return [
                    "python3", "-c",
                    "import urllib.request; urllib.request.urlopen('\(address)', timeout=4)",
                ]
            case .bash:
                return [
                    "bash", "-c",
                    "exec 3<>/dev/tcp/127.0.0.1/\(port)"
                        + " && printf 'GET \(path) HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3"
                        + " && read -r _ code _ <&3 && [ \"$code\" = 200 ]",
                ]
            case .command(let words): return words
            }
        }
    }
}

/// What an engine is called with, in the place where it runs.
struct EngineSettings: Sendable {
    /// The model's path there; of Ollama the folder of models.
    let model: String
    /// The name of the model for clients.
    let name: String
    /// The address to listen at.
    let host: String
    /// The port to listen at.
    let port: Int
    /// The tokens of a text.
    let context: Int
    /// The texts at a time.
    let slotCount: Int
    /// The GPUs.
    let gpuCount: Int
    /// Whether it makes vectors.
    let isEncoder: Bool
    /// Whether the model is a GGUF file.
    let isGGUF: Bool
    /// Where the key's file is; `nil` where there is none.
    let keyFile: String?
    /// A folder that it may write to.
    let cache: String
}

extension Engine {
    /// How it is started.
    var profile: EngineProfile {
        switch self {
        case .ollama: .ollama
        case .llamaCpp: .llamaCpp
        case .vllm: .vllm
        case .tgi: .tgi
        case .sglang: .sglang
        case .tensorrtLLM: .tensorrtLLM
        case .ingot: .ingot
        }
    }
}
