import Architectures
public import GGUF
import Quantization
public import TensorCore

/// A model of which only `config.json` is there, seen as a GGUF file without values: the tensors that
/// the family's rules promise for it, and its hyperparameters.
///
/// Its bytes can be planned; reading its tensors fails, and it has no vocabulary.
public struct ConfigurationSource: TensorSource {
    /// The configuration's path.
    public let path: String
    /// `general.architecture` and the family's keys.
    public let metadata: Metadata
    /// The tensors, as `convert` would list them with the output type.
    public let tensors: [TensorDescription]
    /// What was taken for granted where a configuration does not say, in sentences.
    public let notices: [String]

    /// No file is read.
    public var files: [InputFile] { [] }

    /// Reads a configuration.
    ///
    /// Tensors that checkpoints of the family must have are listed; of those that they may have, an
    /// output matrix unless the embeddings serve as one, biases where the configuration asks for
    /// some, and all whose sizes it gives.
    ///
    /// - Parameter path: The `config.json`.
    /// - Throws: `FileError`, `JSONError`, `ArchitectureError`.
    public init(path: String, outputType: OutputType = .bf16) throws {
        let config = try JSON.parse(path: path)
        let family = try ModelFamily.of(config: config, path: path)
        let configuration = try family.configuration(config, path: path)
        let architecture = try family.architecture(of: configuration)
        var listing = Listing(outputType: outputType)
        for tensor in try family.rotary.tensors(configuration) {
            listing.add(tensor.name, Shape([tensor.values.count]))
        }
        for rule in family.tensors.rules { try listing.add(rule, of: configuration, path: path) }
        listing.complete(for: architecture)
        var metadata = Metadata()
        metadata["general.architecture"] = .string(architecture)
        for entry in try family.entries(
            family.rotary.leadingKeys + family.keys, of: configuration, fileType: 0)
        {
            metadata[entry.key] = entry.value
        }
        self.path = path
        self.metadata = metadata
        tensors = listing.tensors
        notices =
            configuration.notices
            + (listing.optional.isEmpty
                ? []
                : [
                    "tensors that some checkpoints of the family lack are counted: "
                        + listing.optional.sorted().joined(separator: ", ")
                ])
    }

    /// There are no values.
    public func readRows(
        _ rows: Range<Int>, ofTensor tensor: Int, into destination: UnsafeMutablePointer<Float>,
        scratch: ScratchBuffer
    ) throws { throw FileError(.notFound, path: path + ": weights") }

    /// There are no bytes.
    public func holdsBytes(ofTensor tensor: Int) -> Bool { false }

    /// There are no bytes.
    public func readBytes(
        ofRows rows: Range<Int>, ofTensor tensor: Int,
        into destination: UnsafeMutableRawBufferPointer
    ) throws { throw FileError(.notFound, path: path + ": weights") }

    /// Tensors by name, each once.
    private struct Listing {
        let outputType: OutputType
        private(set) var tensors: [TensorDescription] = []
        /// The tensors that a checkpoint may have or lack, and no key tells.
        private(set) var optional: Set<String> = []
        private var names: Set<String> = []

        init(outputType: OutputType) { self.outputType = outputType }

        /// Adds a tensor, unless an alternative rule has made it.
        mutating func add(_ name: String, _ shape: Shape?) {
            guard let shape, names.insert(name).inserted else { return }
            tensors.append(
                TensorDescription(
                    name: name, shape: shape,
                    format: outputType.format(
                        ofTensor: name, rank: shape.rank, rowLength: shape.rowLength)))
        }

        /// Adds the outputs of a rule in all blocks that it is about.
        mutating func add(
            _ rule: TensorRule, of configuration: ModelConfiguration, path: String
        ) throws {
            // Sizes are the same in all blocks, and are asked for where there are any.
            var shapes: [Shape?]?
            for block in 0..<(rule.isPerBlock ? try configuration.blockCount() : 1)
            where try rule.condition.holds(configuration, block) {
                let known = try shapes ?? self.shapes(of: rule, in: configuration, path: path)
                shapes = known
                for (output, shape) in zip(rule.outputs, known) {
                    let name = output.name.name(block: block)
                    if rule.presence != .required {
                        guard shape != nil, configuration.hasOptional(name) else { continue }
                        if !ModelConfiguration.isDecided(name) { optional.insert(output.name.text) }
                    }
                    add(name, shape)
                }
            }
        }

        /// The shapes of a rule's outputs; of those that may be missing `nil` where no sizes are
        /// given.
        private func shapes(
            of rule: TensorRule, in configuration: ModelConfiguration, path: String
        ) throws -> [Shape?] {
            try rule.outputs.map { output in
                guard rule.presence == .required else {
                    let sizes = try? output.shape.map { try $0.size(in: configuration) }
                    return sizes.flatMap { $0.allSatisfy { $0 > 0 } ? Shape($0) : nil }
                }
                let sizes = try output.shape.map { try $0.size(in: configuration) }
                guard let shape = Shape(sizes) else {
                    throw ConversionError(
                        .invalidValue(
                            found: "a tensor \(output.name.text) of \(sizes)",
                            expected: "numbers that can be counted"), path: path)
                }
                return shape
            }
        }

        /// What readers need and checkpoints may lack.
        mutating func complete(for architecture: String) {
            if ReaderRequirements.needsOutputMatrix(architecture),
                let embeddings = tensors.first(where: { $0.name == "token_embd.weight" })
            {
                add("output.weight", embeddings.shape)
            }
            for tensor in tensors
            where ReaderRequirements.needsBias(architecture, ofWeight: tensor.name) {
                add(
                    tensor.name.dropLast("weight".count) + "bias",
                    Shape(Array(tensor.shape.dimensions.prefix(1))))
            }
        }
    }
}

extension ModelConfiguration {
    /// Whether keys of configurations tell about a tensor that some checkpoints lack.
    fileprivate static func isDecided(_ name: String) -> Bool {
        name == "output.weight" || name.hasSuffix(".bias") || name.contains("_norm.")
    }

    /// Whether a checkpoint of this configuration has a tensor that some lack.
    fileprivate func hasOptional(_ name: String) -> Bool {
        // A network beside attention shares its norm.
        if name.contains(".ffn_norm."), let isParallel = self["use_parallel_residual"]?.boolean {
            return !isParallel
        }
        if name == "output.weight" { return self["tie_word_embeddings"]?.boolean != true }
        if name.hasSuffix(".bias") {
            return [
                "attention_bias", "qkv_bias", "use_qkv_bias", "use_bias", "bias", "mlp_bias",
                "use_conv_bias", "conv_bias",
            ].contains { self[$0]?.boolean == true }
        }
        if name.contains("_q_norm.") || name.contains("_k_norm.") {
            return ["use_qk_norm", "qk_layernorm", "qk_norm"].contains {
                self[$0]?.boolean == true
            }
        }
        // Heads of classifiers are no part of a text model.
        return !name.hasPrefix("cls")
    }
}
