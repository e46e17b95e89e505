import TensorCore

/// The tensors of a checkpoint while a quantization method puts them together: parts are taken out,
/// what they stand for comes in.
struct TensorPool {
    /// A stored tensor and the file that it is in.
    struct Part: Sendable {
        let shard: SafetensorsFile
        let tensor: StoredTensor

        /// An error about this tensor.
        func fault(_ kind: SafetensorsError.Kind) -> SafetensorsError {
            SafetensorsError(kind, path: shard.file.path, place: tensor.name)
        }

        /// Fails unless the tensor has one of these types.
        func require(_ types: DataType..., expected: String) throws {
            guard types.contains(tensor.dataType) else {
                throw fault(.wrongDataType(found: tensor.dataType, expected: expected))
            }
        }

        /// Fails unless the tensor has these dimensions.
        func require(shape: [Int], _ meaning: String) throws {
            guard tensor.shape.dimensions == shape else {
                throw fault(
                    .wrongShape(found: tensor.shape, expected: "\(shape) (\(meaning))"))
            }
        }

        /// Fails unless the elements are floats.
        func requireFloats() throws {
            try require(.F32, .F16, .BF16, .F64, expected: "floating-point scales")
        }
    }

    private var order: [ByteString] = []
    private var tensors: [ByteString: CheckpointTensor] = [:]

    init(_ checkpoint: Checkpoint) {
        for entry in checkpoint.entries {
            let name = ByteString(entry.tensor.name)
            order.append(name)
            tensors[name] = CheckpointTensor(
                name: entry.tensor.name, shape: entry.tensor.shape, storage: .stored(entry.tensor),
                shard: checkpoint.shards[entry.shard])
        }
    }

    /// The tensors: those that stayed in their order, then those that were put together.
    var all: [CheckpointTensor] { order.compactMap { tensors[$0] } }

    /// The tensors that are stored as they are.
    var storedParts: some Sequence<Part> {
        order.lazy.compactMap { tensors[$0] }.compactMap { tensor in
            tensor.stored.map { Part(shard: tensor.shard, tensor: $0) }
        }
    }

    /// Whether a weight stands beside scales.
    var hasScales: Bool {
        order.contains { name in
            ["_scale", "_scale_inv", ".scales"].contains(where: name.description.hasSuffix)
        }
    }

    /// What comes before `suffix` in each name that ends in it, in the checkpoint's order.
    func names(endingIn suffix: String) -> [String] {
        order.filter { tensors[$0] != nil }.map(\.description).filter { $0.hasSuffix(suffix) }
            .map { String($0.dropLast(suffix.count)) }
    }

    /// The tensor called `name`, when it is stored as it is.
    func part(_ name: String) -> Part? {
        guard let tensor = tensors[ByteString(name)], let stored = tensor.stored else { return nil }
        return Part(shard: tensor.shard, tensor: stored)
    }

    /// The tensor called `name`, which has to be there for `owner`.
    func part(_ name: String, neededBy owner: Part) throws -> Part {
        guard let part = part(name) else { throw owner.fault(.missingCompanion(name)) }
        return part
    }

    /// Takes tensors out.
    mutating func remove(_ names: String...) {
        for name in names { tensors[ByteString(name)] = nil }
    }

    /// Takes out the scales of activations and of the KV cache, for which GGUF has no place, and
    /// counts them.
    mutating func removeRuntimeScales() -> Int {
        let suffixes = [
            ".input_scale", ".input_scale_ub", ".input_zero_point", ".input_global_scale",
            ".output_scale", ".output_zero_point", ".activation_scale", "_activation_scale",
            ".q_scale", ".k_scale", ".v_scale", ".kv_scale", ".prob_scale", ".k_zero_point",
            ".v_zero_point",
        ]
        var count = 0
        for name in order where suffixes.contains(where: name.description.hasSuffix) {
            tensors[name] = nil
            count += 1
        }
        return count
    }

    /// Puts tensors in the place of one.
    mutating func replace(_ name: String, by parts: [CheckpointTensor]) {
        let key = ByteString(name)
        guard let place = order.firstIndex(of: key) else { return }
        tensors[key] = nil
        let names = parts.map { ByteString($0.name) }
        order.replaceSubrange(place...place, with: names)
        for (name, part) in zip(names, parts) { tensors[name] = part }
    }

    /// Puts values in the place of the stored tensor called `name`.
    mutating func replace(
        _ name: String, of shard: SafetensorsFile, by tensor: any DequantizedTensor
    ) {
        tensors[ByteString(name)] = CheckpointTensor(
            name: name, shape: tensor.shape, storage: .dequantized(tensor), shard: shard)
    }

    /// Adds values under a name that the checkpoint does not have.
    mutating func append(_ name: String, from part: Part, _ tensor: any DequantizedTensor) throws {
        let key = ByteString(name)
        guard tensors[key] == nil else {
            throw part.fault(.duplicateTensor(first: name, second: part.tensor.name))
        }
        order.append(key)
        replace(name, of: part.shard, by: tensor)
    }
}
