public import GGUF
public import Quantization
public import TensorCore

/// A model as a plan sees it: its tensors with their bytes, what it keeps of texts, and what a step
/// costs.
public struct PlannedModel: Sendable {
    /// A tensor.
    struct Tensor: Sendable, Hashable {
        /// The GGUF name.
        let name: String
        /// The rows and their length.
        let shape: Shape
        /// Its bytes, without padding.
        let byteCount: Int

        /// The number of its elements.
        var elementCount: Int { shape.elementCount }

        init(name: String, shape: Shape, byteCount: Int) {
            self.name = name
            self.shape = shape
            self.byteCount = byteCount
        }

        init(name: String, shape: Shape, format: Format) throws(PlanningError) {
            guard
                let bytes = format.byteCount(rowLength: shape.rowLength, rowCount: shape.rowCount)
            else { throw PlanningError(.tooLarge, place: name) }
            self.init(name: name, shape: shape, byteCount: bytes)
        }
    }

    /// The path that messages name.
    public let path: String
    /// `general.architecture`.
    public let architecture: String
    /// The context that the model was trained with; `nil` where the metadata do not say.
    public let trainedContext: Int?
    /// What it keeps of texts.
    public let cache: CacheLayout
    /// What a step reads and computes.
    public let work: ModelWork
    /// The numbers of one token that a step holds at a time, about.
    let activationLength: Int
    /// The tokens of the vocabulary.
    public let vocabularySize: Int
    /// What attention multiplies for a query and a key: heads times the lengths of key and value,
    /// for each layer, with its window.
    let attentionWork: [(length: Int, window: Int?)]
    /// The number of query heads, which devices that share a model must share out evenly.
    public let headCount: Int

    /// Looks at a model with every tensor in the format that its source names.
    ///
    /// - Throws: `PlanningError`.
    public init(_ source: any TensorSource) throws(PlanningError) {
        try self.init(
            metadata: source.metadata,
            tensors: source.tensors.map { ($0, $0.format) }, path: source.path)
    }

    /// Looks at a model with these formats.
    ///
    /// - Throws: `PlanningError` when the metadata do not tell what is kept, or numbers of bytes
    ///   cannot be counted.
    public init(
        metadata: Metadata, tensors described: [(TensorDescription, Format)], path: String
    ) throws(PlanningError) {
        var tensors: [Tensor] = []
        for (tensor, format) in described {
            tensors.append(try Tensor(name: tensor.name, shape: tensor.shape, format: format))
        }
        try self.init(metadata, tensors, otherByteCount: 0, path: path)
    }

    /// Looks at a model whose weights are stored in another way than a GGUF file would.
    ///
    /// - Parameters:
    ///   - source: The GGUF view of the model.
    ///   - byteCounts: The bytes that each of its tensors takes, in their order.
    ///   - otherByteCount: The bytes of what is stored, and no step reads.
    /// - Throws: `PlanningError` as the others.
    public init(
        _ source: any TensorSource, byteCounts: [Int], otherByteCount: Int
    ) throws(PlanningError) {
        precondition(byteCounts.count == source.tensors.count, "a number for each tensor")
        let tensors = zip(source.tensors, byteCounts).map {
            Tensor(name: $0.name, shape: $0.shape, byteCount: $1)
        }
        try self.init(
            source.metadata, tensors, otherByteCount: otherByteCount, path: source.path)
    }

    private init(
        _ metadata: Metadata, _ tensors: [Tensor], otherByteCount: Int, path: String
    ) throws(PlanningError) {
        self.path = path
        let keys = LayerKeys(metadata, path: path)
        architecture = keys.architecture
        let names = Set(tensors.map(\.name))
        cache = try CacheLayout(
            metadata: metadata, hasTensor: { names.contains($0) }, path: path)
        trainedContext = try keys.count("context_length")
        let used = try keys.count("expert_used_count") ?? 1
        work = try ModelWork(
            tensors, otherByteCount: otherByteCount, layerCount: cache.layers.count,
            experts: (try keys.count("expert_count") ?? 1, used))
        vocabularySize =
            tensors.first { $0.name == "token_embd.weight" }?.shape.rowCount ?? 0
        let width = try keys.count("embedding_length") ?? 0
        activationLength = PlannedModel.activationLength(
            tensors, width: width, usedExpertCount: used)
        let heads = try keys.counts("attention.head_count", layers: cache.layers.count) ?? []
        headCount = heads.max() ?? 0
        attentionWork = cache.layers.enumerated().compactMap { index, layer in
            guard let attention = layer.attention else { return nil }
            let count = heads.indices.contains(index) ? heads[index] : attention.headCount
            let length = attention.keyLength + max(attention.valueLength, 1)
            return (count * length, attention.window)
        }
    }

    /// Opens a GGUF file, or the first part of a split one.
    ///
    /// - Throws: `GGUFError`, `FileError`, `PlanningError`.
    public init(gguf path: String) throws {
        try self.init(SplitSource.open(path: path))
    }

    /// The numbers of a token that the widest layer holds at once: three rows of the residual
    /// stream's width, and three of the widest network's or mixer's.
    private static func activationLength(
        _ tensors: [Tensor], width: Int, usedExpertCount: Int
    ) -> Int {
        var widest = 0
        var mixers: [Substring: Int] = [:]
        for tensor in tensors {
            let parts = tensor.name.split(separator: ".")
            guard parts.count == 4, parts[0] == "blk", parts[3] == "weight",
                tensor.shape.rank > 1
            else { continue }
            // Shapes of files can say anything.
            let outputs = min(
                tensor.shape.dimensions[tensor.shape.rank - 2], LayerKeys.largest)
            switch parts[2] {
            case "ffn_up", "ffn_up_shexp": widest = max(widest, outputs)
            case "ffn_up_exps", "ffn_gate_up_exps":
                // Both are bounded by the largest count that is believed.
                widest = max(widest, outputs * usedExpertCount)
            case "attn_q", "attn_k", "attn_v", "attn_qkv", "attn_gate", "attn_q_b", "ssm_in",
                "shortconv":
                mixers[parts[1], default: 0] += outputs
            default: break
            }
        }
        // Queries, keys and values once more after their rotation.
        let mixer = mixers.values.max() ?? 0
        return 3 * width + max(3 * widest, 2 * mixer)
    }
}
