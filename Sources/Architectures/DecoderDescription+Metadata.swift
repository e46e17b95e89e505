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
    static let families: [DecoderFamily] = [
        .llama, .qwen2, .qwen2MoE, .qwen3, .qwen3MoE, .olmo2, .olmoe, .deepSeek2, .gptOSS, .gpt2,
        .gptNeoX, .falcon, .falconH1, .gemma, .gemma2, .gemma3, .stableLM, .phi2, .phi3,
        .starCoder2, .granite, .graniteHybrid, .cohere, .smolLM3, .exaone4, .glm4, .glm4MoE,
        .llama4, .ernie45, .seedOSS, .hunYuanDense, .nemotron, .nemotronH, .arcee, .apertus,
        .dots1, .gemma4, .miniMaxM2, .mistral3, .qwen3Next, .qwen35, .lfm2, .mamba, .mamba2, .glm,
        .olmo, .gptBigCode, .bloom, .mpt, .phiMoe, .hunYuanMoE, .afmoe,
    ]

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
