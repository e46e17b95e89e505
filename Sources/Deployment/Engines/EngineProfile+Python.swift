// Versions of images: those that were current in November 2026.

extension EngineProfile {
    /// vLLM, which would read a variable `VLLM_PORT` that a service's name became.
    static let vllm = EngineProfile(
        image: { $0 ? "vllm/vllm-openai:v0.32.0" : "vllm/vllm-openai-cpu:v0.32.0" },
        takesGPUs: true, usualGPUCount: 1, usualPort: 8000, usualSlotCount: 16,
        command: ["vllm"], hostCommand: ["/opt/vllm/bin/vllm"],
        arguments: { settings in
            [
                "serve", settings.model, "--served-model-name", settings.name,
                "--host", settings.host, "--port", "\(settings.port)",
                "--max-model-len", "\(settings.context)",
                "--max-num-seqs", "\(settings.slotCount)",
            ] + (settings.gpuCount > 1 ? ["--tensor-parallel-size", "\(settings.gpuCount)"] : [])
        },
        environment: {
            pythonEnvironment($0)
                + [("VLLM_CACHE_ROOT", "\($0.cache)/vllm"), ("VLLM_NO_USAGE_STATS", "1")]
        },
        key: .environment("VLLM_API_KEY"), health: "/health", healthCheck: .python,
        metrics: Metrics(path: "/metrics", needsKey: false), isPython: true)

    /// Text Generation Inference, which its makers maintain and do not develop.
    static let tgi = EngineProfile(
        image: {
            "ghcr.io/huggingface/text-generation-inference:3.3.4" + ($0 ? "" : "-intel-cpu")
        },
        takesGPUs: true, usualGPUCount: 1, usualPort: 8080, usualSlotCount: 16,
        command: ["/tgi-entrypoint.sh"],
        hostCommand: ["/usr/local/bin/text-generation-launcher"],
        arguments: { settings in
            [
                "--model-id", settings.model, "--hostname", settings.host,
                "--port", "\(settings.port)", "--max-total-tokens", "\(settings.context)",
                "--max-batch-size", "\(settings.slotCount)", "--usage-stats", "off",
            ] + (settings.gpuCount > 1 ? ["--num-shard", "\(settings.gpuCount)"] : [])
        },
        environment: {
            pythonEnvironment($0) + [("HUGGINGFACE_HUB_CACHE", "\($0.cache)/hub")]
        },
        key: .environment("API_KEY"), health: "/health", healthCheck: .python,
        metrics: Metrics(path: "/metrics", needsKey: false), isPython: true)

    /// SGLang, which reads its key from a file of options.
    static let sglang = EngineProfile(
        image: { $0 ? "lmsysorg/sglang:v0.5.23" : nil },
        takesGPUs: true, usualGPUCount: 1, usualPort: 30000, usualSlotCount: 16,
        command: ["python3", "-m", "sglang.launch_server"],
        hostCommand: ["/opt/sglang/bin/python3", "-m", "sglang.launch_server"],
        arguments: { settings in
            var words = settings.keyFile.map { ["--config", $0] } ?? []
            words += [
                "--model-path", settings.model, "--served-model-name", settings.name,
                "--host", settings.host, "--port", "\(settings.port)",
                "--context-length", "\(settings.context)",
                "--max-running-requests", "\(settings.slotCount)", "--enable-metrics",
            ]
            if settings.isGGUF { words += ["--load-format", "gguf", "--quantization", "gguf"] }
            if settings.isEncoder { words.append("--is-embedding") }
            if settings.gpuCount > 1 { words += ["--tp-size", "\(settings.gpuCount)"] }
            if settings.gpuCount == 0 { words += ["--device", "cpu"] }
            return words
        },
        environment: pythonEnvironment,
        key: .file(option: "--config", name: "api-key.yaml", prefix: "api-key: "),
        health: "/health", healthCheck: .python,
        metrics: Metrics(path: "/metrics", needsKey: false), isPython: true)

    /// TensorRT-LLM's trtllm-serve, with the backend that needs no engine built before.
    ///
    /// It knows no keys, and its metrics are not in Prometheus' format.
    static let tensorrtLLM = EngineProfile(
        image: { $0 ? "nvcr.io/nvidia/tensorrt-llm/release:1.2.0" : nil },
        takesGPUs: true, usualGPUCount: 1, usualPort: 8000, usualSlotCount: 16,
        command: ["trtllm-serve"], hostCommand: ["/opt/tensorrt-llm/bin/trtllm-serve"],
        arguments: { settings in
            [
                settings.model, "--backend", "pytorch", "--host", settings.host,
                "--port", "\(settings.port)", "--max_seq_len", "\(settings.context)",
                "--max_batch_size", "\(settings.slotCount)",
            ] + (settings.gpuCount > 1 ? ["--tp_size", "\(settings.gpuCount)"] : [])
        },
        environment: pythonEnvironment, key: .none, health: "/health", healthCheck: .python,
        metrics: nil, isPython: true)

    /// Caches in the one folder that can be written to, and nothing fetched.
    ///
    /// The user has no entry in the image's list of users, where PyTorch looks for a name unless it
    /// is told one.
    @Sendable private static func pythonEnvironment(
        _ settings: EngineSettings
    ) -> [(name: String, value: String)] {
        [
            ("HOME", settings.cache), ("USER", "server"), ("XDG_CACHE_HOME", settings.cache),
            ("HF_HOME", "\(settings.cache)/huggingface"), ("HF_HUB_OFFLINE", "1"),
            ("TRITON_CACHE_DIR", "\(settings.cache)/triton"),
            ("TORCHINDUCTOR_CACHE_DIR", "\(settings.cache)/inductor"),
        ]
    }
}
