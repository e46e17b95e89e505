import TensorCore

/// What Ollama's `options` ask for.
struct OllamaOptions: Sendable {
    var sampling: SamplingFields
    var stops: [String]
    var limit: Int?
    /// The tokens that there has to be room for.
    var contextLength: Int?

    /// Options of how a model is loaded and run, which change nothing about an answer here.
    static let harmlessNumbers = [
        "num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread",
    ]
    static let harmlessSwitches = [
        "numa", "low_vram", "use_mmap", "use_mlock", "f16_kv", "penalize_newline", "vocab_only",
        "logits_all",
    ]
    /// Ways to pick tokens that are not offered, with the value that turns each off.
    private static let off: [(name: String, value: Double)] = [
        ("typical_p", 1), ("tfs_z", 1), ("mirostat", 0), ("mirostat_tau", 5), ("mirostat_eta", 0.1),
    ]

    init(_ options: inout Fields) throws(APIError) {
        sampling = try SamplingFields(ollama: &options)
        stops = try SamplingFields.stops(&options)
        if let count = try options.integer("num_predict", in: -2...Int.max), count >= 0 {
            limit = count
        }
        contextLength = try options.integer("num_ctx", in: 1...Int.max)
        for (name, value) in Self.off {
            if let given = try options.number(name, in: -1e9...1e9), given != Float(value) {
                throw .field(options.name(name), "is not supported", code: "unsupported_parameter")
            }
        }
        for name in Self.harmlessNumbers { _ = try options.integer(name) }
        for name in Self.harmlessSwitches { _ = try options.boolean(name) }
        try options.finish()
    }
}
