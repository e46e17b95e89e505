import Planning
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
        program = profile.isPython ? (gpuCount > 0 ? 8 : 4) << 30 : 512 << 20
        // With GPUs weights pass through the host's memory file by file, and processes share some.
        let device = weights.adding(checked: cache)?.adding(checked: compute)
        let resident =
            gpuCount == 0
            ? device : (model.largestFile ?? weights).adding(checked: gpuCount << 30)
        guard let sum = resident?.adding(checked: program)?.multiplied(checkedBy: 21),
            device != nil
        else {
            throw DeploymentError(
                file: model.path,
                problem: "\(context) × \(slotCount) tokens take more bytes than can be counted",
                remedy: "Ask for a shorter --context or fewer --slots.", exitCode: .usage)
        }
        host = sum / 20
    }

    /// Caches with states, and intermediate results, in bytes; keys and values in F16.
    private static func planned(
        _ model: ModelFacts, context: Int, slotCount: Int
    ) throws -> (cache: Int, compute: Int) {
        let shape = try ServingShape(context: context, slots: slotCount)
        if let source = model.source, let plan = try? PlannedModel(source) {
            let need = try MemoryNeed(plan, shape)
            return (need.cache + need.states, need.compute)
        }
        return try configured(model, context: context, slotCount: slotCount)
    }

    /// The same of a family that is unknown here, by what configurations have in common: keys and
    /// values of all heads in every layer.
    private static func configured(
        _ model: ModelFacts, context: Int, slotCount: Int
    ) throws(DeploymentError) -> (cache: Int, compute: Int) {
        let whole = model.configuration ?? .null
        let language = whole["text_config"] ?? .null
        func number(_ key: String) -> Int? { whole[key]?.integer ?? language[key]?.integer }
        let heads = number("num_attention_heads") ?? 1
        let width = number("hidden_size") ?? 0
        let length = number("head_dim") ?? width / max(1, heads)
        // Two bytes for each number of keys, and of values.
        let factors = [
            4, number("num_hidden_layers") ?? 0, number("num_key_value_heads") ?? heads, length,
            context, slotCount,
        ]
        var bytes = 1
        for factor in factors {
            guard factor >= 0, let product = bytes.multiplied(checkedBy: factor) else {
                throw DeploymentError(
                    file: model.path, place: "config.json",
                    problem: "keys and values of \(context) × \(slotCount) tokens cannot be counted"
                )
            }
            bytes = product
        }
        return (bytes, 512 << 20)
    }
}

extension ModelFacts {
    /// The bytes of its largest file of weights.
    var largestFile: Int? { weightFiles.compactMap { FileIdentity(path: $0)?.byteCount }.max() }
}
