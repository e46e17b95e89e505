// Versions of images: those that were current in November 2026.

extension EngineProfile {
    /// Ollama, with a store that is only read: nothing is pulled, nothing pruned.
    static let ollama = EngineProfile(
        image: { _ in "ollama/ollama:0.34.4" }, takesGPUs: true, usualGPUCount: 0, usualPort: 11434,
        usualSlotCount: 4, command: ["/bin/ollama"], hostCommand: ["/usr/local/bin/ollama"],
        arguments: { _ in ["serve"] },
        environment: { settings in
            [
                ("OLLAMA_HOST", "\(settings.host):\(settings.port)"),
                ("OLLAMA_MODELS", settings.model), ("OLLAMA_NOPRUNE", "1"),
                ("OLLAMA_KEEP_ALIVE", "-1"), ("OLLAMA_CONTEXT_LENGTH", "\(settings.context)"),
                ("OLLAMA_NUM_PARALLEL", "\(settings.slotCount)"), ("HOME", settings.cache),
            ]
        },
        key: .none, health: "/api/version", healthCheck: .command(["/bin/ollama", "list"]),
        metrics: nil)

    /// llama.cpp's llama-server, whose `--ctx-size` is that of all slots, which do not share it.
    static let llamaCpp = EngineProfile(
        image: {
            $0
                ? "ghcr.io/ggml-org/llama.cpp:server-cuda-v0.5.0"
                : "ghcr.io/ggml-org/llama.cpp:server-v0.5.0"
        },
        takesGPUs: true, usualGPUCount: 0, usualPort: 8080, usualSlotCount: 4,
        command: ["/app/llama-server"], hostCommand: ["/usr/local/bin/llama-server"],
        arguments: { settings in
            [
                "--model", settings.model, "--alias", settings.name, "--host", settings.host,
                "--port", "\(settings.port)", "--parallel", "\(settings.slotCount)",
                "--ctx-size", "\(settings.context * settings.slotCount)", "--no-kv-unified",
                "--metrics", "--offline",
            ] + (settings.gpuCount > 0 ? ["--n-gpu-layers", "999"] : [])
                + (settings.isEncoder ? ["--embedding"] : [])
        },
        key: .environment("LLAMA_API_KEY"), health: "/health", healthCheck: .curl,
        metrics: Metrics(path: "/metrics", needsKey: true))

    /// Ingot's own server.
    static let ingot = EngineProfile(
        image: { _ in nil }, takesGPUs: false, usualGPUCount: 0, usualPort: 8080, usualSlotCount: 4,
        command: ["/usr/local/bin/ingot"], hostCommand: ["/usr/local/bin/ingot"],
        arguments: { settings in
            [
                "serve", settings.model, "--alias", settings.name, "--host", settings.host,
                "--port", "\(settings.port)", "--parallel", "\(settings.slotCount)",
                "--ctx-size", "\(settings.context * settings.slotCount)",
            ] + (settings.keyFile.map { ["--api-key-file", $0] } ?? [])
        },
        key: .file(option: "--api-key-file", name: "api-key", prefix: ""), health: "/health",
        healthCheck: .bash, metrics: Metrics(path: "/metrics", needsKey: true))
}
