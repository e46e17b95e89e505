import Safetensors
import TensorCore

/// An adapter as PEFT saves it: `adapter_config.json` and `adapter_model.safetensors`.
public struct AdapterDirectory: Sendable {
    /// A change of low rank to a matrix: `scale · B · A`.
    struct Change: Sendable {
        /// The name of the matrix in the base model: `model.layers.0.self_attn.q_proj.weight`.
        let name: String
        /// `[rank, columns]`, or for embeddings `[rank, tokens]`.
        let a: any ReadableTensor
        /// `[rows, rank]`, or for embeddings `[width, rank]`.
        let b: any ReadableTensor
        /// Whether the product is the matrix with rows and columns exchanged, as of embeddings.
        let isOfEmbeddings: Bool
        /// What the product is multiplied by.
        let scale: Double

        var rank: Int { a.shape.dimensions[0] }
    }

    /// The directory.
    public let path: String
    let configuration: AdapterConfiguration
    /// The changes, in the order in which their first factors are stored.
    let changes: [Change]
    /// Tensors that take the place of the base's, or are added where the name is no more than a
    /// bias's change, in stored order.
    let wholes: [any ReadableTensor]
    /// The file of the weights.
    let file: InputFile

    /// Whether a directory holds an adapter and not a model with everything that belongs to it.
    public static func isAdapter(_ path: String) -> Bool {
        let folder = path.hasSuffix("/") ? path : path + "/"
        guard FileIdentity(path: folder + "adapter_config.json") != nil else { return false }
        guard FileIdentity(path: folder + "config.json") != nil,
            let names = try? Directory.names(in: folder)
        else { return true }
        return !names.contains {
            $0.hasPrefix("model") && ($0.hasSuffix(".safetensors") || $0.hasSuffix(".json"))
        }
    }

    /// Opens an adapter and finds the factors that belong together; no values are read.
    ///
    /// - Throws: `AdapterError`, `SafetensorsError`, `FileError`, `JSONError`.
    public init(path: String) throws {
        self.path = path
        let folder = path.hasSuffix("/") ? path : path + "/"
        let names = try Directory.names(in: folder)
        guard names.contains("adapter_config.json") else {
            throw ConversionError(.missingFile("adapter_config.json"), path: path)
        }
        configuration = try AdapterConfiguration(path: folder + "adapter_config.json")
        guard names.contains("adapter_model.safetensors") else {
            throw AdapterError(
                .noWeights(pickled: names.contains("adapter_model.bin")), path: path)
        }
        let weights = try SafetensorsFile(path: folder + "adapter_model.safetensors")
        file = weights.file
        var factors = Factors()
        var wholes: [any ReadableTensor] = []
        for stored in weights.tensors.sorted(by: { ($0.offset, $0.name) < ($1.offset, $1.name) }) {
            let tensor = CheckpointTensor(stored, in: weights)
            guard stored.dataType.isDecodable else {
                throw ConversionError(
                    .unsupportedDataType(stored.dataType.rawValue), path: file.path,
                    place: stored.name)
            }
            if try factors.add(tensor) { continue }
            // What an adapter wraps, saved along with it.
            if stored.name.contains(".base_layer.weight") { continue }
            wholes.append(tensor)
        }
        self.wholes = wholes
        changes = try factors.changes(configuration)
        guard !changes.isEmpty || !wholes.isEmpty else {
            throw AdapterError(.empty, path: file.path)
        }
    }

    /// The name in the base model of a tensor of the adapter.
    static func baseName(of name: String) -> String {
        var name = name.replacing("base_model.model.", with: "")
        for ending in [".lora_A.weight", ".lora_B.weight"] {
            name = name.replacing(ending, with: ".weight")
        }
        for ending in [".lora_embedding_A", ".lora_embedding_B"] {
            name = name.replacing(ending, with: ".weight")
        }
        return name
    }

    /// Factors on the way to becoming changes.
    private struct Factors {
        private var order: [String] = []
        private var found: [String: (a: CheckpointTensor?, b: CheckpointTensor?)] = [:]

        /// Takes a factor; `false` for a tensor that is none.
        mutating func add(_ tensor: CheckpointTensor) throws -> Bool {
            let isA =
                tensor.name.contains(".lora_A.weight") || tensor.name.contains(".lora_embedding_A")
            let isB =
                tensor.name.contains(".lora_B.weight") || tensor.name.contains(".lora_embedding_B")
            if tensor.name.contains("lora_magnitude_vector") {
                throw AdapterError(
                    .unsupported(
                        found: "weights with magnitudes of their own (DoRA) found",
                        remedy: "Merge it with PEFT (merge_and_unload) and convert the model."),
                    path: tensor.path, place: tensor.name)
            }
            guard isA || isB else { return false }
            guard tensor.shape.rank == 2, tensor.shape.elementCount > 0 else {
                throw AdapterError(
                    .shape(found: "\(tensor.shape)", expected: "two dimensions"),
                    path: tensor.path, place: tensor.name)
            }
            let name = AdapterDirectory.baseName(of: tensor.name)
            if found[name] == nil { order.append(name) }
            var pair = found[name] ?? (nil, nil)
            if isA { pair.a = tensor } else { pair.b = tensor }
            found[name] = pair
            return true
        }

        func changes(_ configuration: AdapterConfiguration) throws -> [Change] {
            try order.map { name in
                let pair = found[name] ?? (nil, nil)
                guard let a = pair.a, let b = pair.b else {
                    let one = pair.a ?? pair.b
                    throw AdapterError(
                        .missingFactor(pair.a == nil ? "its lora_A" : "its lora_B"),
                        path: one?.path ?? configuration.path, place: one?.name)
                }
                let rank = a.shape.dimensions[0]
                guard b.shape.dimensions[1] == rank else {
                    throw AdapterError(
                        .shape(
                            found: "\(b.shape)",
                            expected: "\(rank) columns, as \(a.name) has rows"),
                        path: b.path, place: b.name)
                }
                let module = name.hasSuffix(".weight") ? String(name.dropLast(7)) : name
                return Change(
                    name: name, a: a, b: b,
                    isOfEmbeddings: a.name.contains(".lora_embedding_A"),
                    scale: try configuration.scale(of: module, rank: rank))
            }
        }
    }
}

extension AdapterDirectory {
    /// The directory of the model that the adapter changes.
    ///
    /// - Parameters:
    ///   - base: The directory that the user names.
    ///   - id: The model's id on the hub, which the user names; looked for in the hub's cache.
    /// - Throws: `AdapterError.Kind.noBase` when it is not on this machine.
    public func base(_ base: String?, id: String?) throws -> String {
        if let base { return base }
        guard let name = id ?? configuration.baseName else {
            throw AdapterError(
                .noBase(id: nil), path: configuration.path, place: "base_model_name_or_path")
        }
        if id == nil, ModelLocation.isDirectory(name) == true { return name }
        if let cached = ModelLocation.cached(name) { return cached }
        throw AdapterError(
            .noBase(id: name), path: configuration.path, place: "base_model_name_or_path")
    }
}
