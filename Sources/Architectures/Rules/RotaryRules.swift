import TensorCore

/// How GGUF files of a family say that the rotary embedding (RoPE) is stretched.
public struct RotaryRules: Sendable {
    /// The kinds of scaling that a file can express.
    public let scalings: [String]
    /// The kinds that are not in a file although a configuration asks for them: its readers turn as
    /// without any.
    public let lost: [String]
    /// Tensors computed from the configuration; they come first in the file.
    public let tensors:
        @Sendable (ModelConfiguration) throws(ArchitectureError) -> [ModelFamily.GeneratedTensor]
    /// Keys that stand in front of all others, after `general.architecture`.
    public let leadingKeys: [MetadataRule]

    /// Declares how scaling is said.
    init(
        _ scalings: [String], losing lost: [String] = [], leadingKeys: [MetadataRule] = [],
        tensors:
            @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> [ModelFamily
            .GeneratedTensor] = { _ in [] }
    ) {
        self.scalings = scalings
        self.lost = lost
        self.leadingKeys = leadingKeys
        self.tensors = tensors
    }

    /// No scaling.
    static let unscaled = Self(["default"], losing: ["dynamic", "llama3"])
    /// No scaling in the file; `dynamic`, which does nothing up to the context of the training, is
    /// left out.
    static let unscaledOrDynamic = Self(["default", "dynamic"], losing: ["llama3"])
    /// By one factor, or YaRN.
    static let yarn = Self(
        ["default", "linear", "yarn"], losing: ["dynamic", "llama3"])
    /// The same, and `dynamic`, which does nothing up to the context of the training.
    static let yarnOrDynamic = Self(yarn.scalings + ["dynamic"], losing: ["llama3"])
    /// The same, and Llama 3's, for which a file has a tensor of factors.
    static let llama3 = Self(yarnOrDynamic.scalings + ["llama3"]) {
        configuration throws(ArchitectureError) in
        let rotary = try RotaryParameters(configuration)
        guard rotary.type == "llama3" else { return [] }
        let factors = try rotary.llama3Factors(
            dimension: configuration.headDim(), contextLength: rotary.originalContext())
        return [.init("rope_freqs.weight", factors)]
    }
}
