public import TensorCore

/// A family of decoders: the GGUF architectures that it answers for, and how their metadata
/// becomes a description.
struct DecoderFamily: Sendable {
    /// The values of `general.architecture`.
    let architectures: [String]
    /// Reads the metadata.
    let describe: @Sendable (DecoderMetadata) throws(DecoderDescriptionError) -> DecoderDescription
}

extension DecoderDescription {
    /// Every family that can be run.
    ///
    /// A test fails when one that a file under `Families/` declares is not here.
    static let families: [DecoderFamily] = [.llama, .qwen2, .qwen3]

    /// The GGUF architectures that can be run.
    public static var architectures: [String] { families.flatMap(\.architectures) }

    /// Describes the decoder that a model's metadata stands for.
    ///
    /// - Parameters:
    ///   - hasTensor: Whether the model has a tensor of this name: biases and tied outputs are
    ///     told by presence.
    ///   - path: The file that errors name.
    public init(
        metadata: Metadata, hasTensor: @escaping (String) -> Bool, path: String
    ) throws(DecoderDescriptionError) {
        guard let name = metadata["general.architecture"]?.text else {
            throw DecoderDescriptionError(.missingKey, path: path, key: "general.architecture")
        }
        guard
            let family = DecoderDescription.families.first(where: {
                $0.architectures.contains(name)
            })
        else {
            throw DecoderDescriptionError(
                .unknownArchitecture(name), path: path, key: "general.architecture")
        }
        self = try family.describe(
            DecoderMetadata(
                architecture: name, metadata: metadata, hasTensor: hasTensor, path: path))
    }
}

/// A model's metadata, read with GGUF's keys and defaults.
struct DecoderMetadata {
    let architecture: String
    let metadata: Metadata
    let hasTensor: (String) -> Bool
    let path: String

    /// More blocks, heads or columns than this no model has; it keeps products far from overflow.
    static let largest = 1 << 24

    /// The most blocks that are believed; the deepest models have about 130.
    static let mostBlocks = 4096

    private func key(_ suffix: String) -> String { "\(architecture).\(suffix)" }

    private func invalid(_ suffix: String, expected: String) -> DecoderDescriptionError {
        let found = metadata[key(suffix)].map { value in
            let text = "\(value)"
            return text.utf8.count > 60 ? value.typeName : text
        }
        return DecoderDescriptionError(
            .invalidValue(found: found ?? "nothing", expected: expected), path: path,
            key: key(suffix))
    }

    /// A positive count that must be there.
    func count(_ suffix: String) throws(DecoderDescriptionError) -> Int {
        guard let value = try optionalCount(suffix) else {
            throw DecoderDescriptionError(.missingKey, path: path, key: key(suffix))
        }
        return value
    }

    /// A positive count, `nil` when the key is missing.
    func optionalCount(_ suffix: String) throws(DecoderDescriptionError) -> Int? {
        guard let value = metadata[key(suffix)] else { return nil }
        guard let count = value.integer, count > 0, count <= DecoderMetadata.largest else {
            throw invalid(suffix, expected: "a number from 1 to \(DecoderMetadata.largest)")
        }
        return count
    }

    /// The number of blocks.
    func blockCount() throws(DecoderDescriptionError) -> Int {
        let count = try count("block_count")
        guard count <= DecoderMetadata.mostBlocks else {
            throw invalid("block_count", expected: "at most \(DecoderMetadata.mostBlocks)")
        }
        return count
    }

    /// A count for each block: one number for all, or an array.
    func counts(
        _ suffix: String, blockCount: Int
    ) throws(DecoderDescriptionError) -> [Int]? {
        guard let value = metadata[key(suffix)] else { return nil }
        guard let counts = value.integers else {
            return [Int](repeating: try count(suffix), count: blockCount)
        }
        guard counts.count == blockCount,
            counts.allSatisfy({ $0 > 0 && $0 <= DecoderMetadata.largest })
        else { throw invalid(suffix, expected: "\(blockCount) positive numbers") }
        return counts
    }

    /// A finite number, `nil` when the key is missing.
    func number(_ suffix: String) throws(DecoderDescriptionError) -> Float? {
        guard let value = metadata[key(suffix)] else { return nil }
        guard let number = value.float ?? value.integer.map({ Float($0) }), number.isFinite else {
            throw invalid(suffix, expected: "a finite number")
        }
        return number
    }

    /// A finite number above zero, `nil` when the key is missing.
    func positiveNumber(_ suffix: String) throws(DecoderDescriptionError) -> Float? {
        guard let number = try number(suffix) else { return nil }
        guard number > 0 else { throw invalid(suffix, expected: "a number above 0") }
        return number
    }

    /// The tensor's name when the model has it.
    func present(_ tensor: String) -> String? { hasTensor(tensor) ? tensor : nil }

    /// A matrix with its bias where the model has one.
    func projection(
        _ name: String, outputs: Int, inputs: Int
    ) -> BlockDescription.Projection {
        BlockDescription.Projection(
            "\(name).weight", bias: present("\(name).bias"), outputs: outputs, inputs: inputs)
    }

    /// An RMS norm with the epsilon that the metadata must give.
    func rootMeanSquareNorm(
        _ name: String
    ) throws(DecoderDescriptionError) -> BlockDescription.Norm {
        let suffix = "attention.layer_norm_rms_epsilon"
        guard let epsilon = try number(suffix) else {
            throw DecoderDescriptionError(.missingKey, path: path, key: key(suffix))
        }
        guard epsilon >= 0 else { throw invalid(suffix, expected: "a number not below 0") }
        return BlockDescription.Norm(.rootMeanSquare, epsilon: epsilon, weight: "\(name).weight")
    }

    /// The rotation that the `rope` keys describe.
    func rotary(
        pairing: BlockDescription.Rotary.Pairing, keyLength: Int
    ) throws(DecoderDescriptionError) -> BlockDescription.Rotary {
        let dimensionCount = try optionalCount("rope.dimension_count") ?? keyLength
        guard dimensionCount <= keyLength, dimensionCount % 2 == 0 else {
            throw invalid(
                "rope.dimension_count", expected: "an even number up to the key length \(keyLength)"
            )
        }
        var rotary = BlockDescription.Rotary(
            pairing: pairing, dimensionCount: dimensionCount,
            base: Double(try positiveNumber("rope.freq_base") ?? 10000))
        rotary.factors = present("rope_freqs.weight")
        let scaling = metadata[key("rope.scaling.type")]?.text
        switch scaling {
        case nil, "none": break
        case "linear":
            rotary.positionScale = 1 / Double(try positiveNumber("rope.scaling.factor") ?? 1)
        default: throw invalid("rope.scaling.type", expected: "none or linear")
        }
        // Files from before the scaling keys hold the linear factor here.
        if scaling == nil, let factor = try positiveNumber("rope.scale_linear") {
            rotary.positionScale = 1 / Double(factor)
        }
        return rotary
    }
}

/// Metadata from which no decoder can be described.
public struct DecoderDescriptionError: IngotError, Hashable {
    /// The kinds of fault.
    public enum Kind: Sendable, Hashable {
        /// The architecture cannot be run.
        case unknownArchitecture(String)
        /// A key that must be there is not.
        case missingKey
        /// A key's value makes no sense.
        case invalidValue(found: String, expected: String)
    }

    /// What is wrong.
    public let kind: Kind
    /// The model.
    public let path: String
    /// The metadata key.
    public let key: String

    init(_ kind: Kind, path: String, key: String) {
        self.kind = kind
        self.path = path
        self.key = key
    }

    /// The file that the fault is in.
    public var file: String? { path }
    /// The place inside the file.
    public var place: String? { key }
    /// What was found and what was expected.
    public var problem: String {
        switch kind {
        case .unknownArchitecture(let name):
            "architecture \"\(name)\" found, expected one of "
                + DecoderDescription.architectures.joined(separator: ", ")
        case .missingKey: "the metadata key is missing"
        case .invalidValue(let found, let expected): "\(found) found, expected \(expected)"
        }
    }
    /// What the user can do about it.
    public var remedy: String? {
        if case .unknownArchitecture = kind {
            return "It can be quantized, but not run: leave out what needs its logits."
        }
        return nil
    }
    /// How the process ends when this error reaches the command line.
    public var exitCode: ExitCode { .badData }
}
