import TensorCore

/// The memory that a service takes: what limits are made of.
struct MemoryDemand {
    /// The bytes of the weights.
    let weights: Int
    /// Those of caches and states of all texts.
    let cache: Int
    /// Those of intermediate results.
    let compute: Int
    /// What the program takes without a model.
    let program: Int
    /// The most that is in the host's memory.
    let host: Int

    /// The bytes of weights, caches and intermediate results: of the device's memory where there is one.
    var device: Int { weights + cache + compute }

    init(
        _ model: ModelFacts, _ profile: EngineProfile, context: Int, slotCount: Int, gpuCount: Int
    ) throws {
        weights = model.byteCount
        (cache, compute) = try MemoryDemand.planned(model, context: context, slotCount: slotCount)
        program = profile.isPython ? 4 << 30 : 512 << 20
        let resident =
            gpuCount == 0
            ? weights + cache + compute
                // Weights pass through the host's memory file by file, and processes share some.
            : (model.largestFile ?? weights) + (gpuCount << 30)
        host = (resident + program) / 20 * 21
    }

    /// Caches and intermediate results in bytes: keys and values in F16 in every layer.
    private static func planned(
        _ model: ModelFacts, context: Int, slotCount: Int
    ) throws -> (cache: Int, compute: Int) {
        let key = model.architecture
        func number(_ name: String) -> Int? { model.metadata["\(key).\(name)"]?.integer }
        let layers =
            number("block_count") ?? model.configuration?["num_hidden_layers"]?.integer ?? 0
        let heads = number("attention.head_count") ?? 1
        let kept = number("attention.head_count_kv") ?? heads
        let width = number("embedding_length") ?? model.configuration?["hidden_size"]?.integer ?? 0
        let head = number("attention.key_length") ?? width / max(1, heads)
        let row = 2 * 2 * kept * head
        return (layers * row * context * slotCount, 256 << 20)
    }
}

extension ModelFacts {
    /// The bytes of its largest file of weights.
    var largestFile: Int? { weightFiles.compactMap { FileIdentity(path: $0)?.byteCount }.max() }
}
