import TensorCore

/// How GGUF files of a family say that the rotary embedding (RoPE) is stretched.
public struct RotaryRules: Sendable {
    /// The kinds of scaling that a file can express.
    public let scalings: [String]
    /// Tensors computed from the configuration; they come first in the file.
    public let tensors:
        @Sendable (ModelConfiguration) throws(ArchitectureError) -> [ModelFamily.GeneratedTensor]
    /// Keys that stand in front of all others, after `general.architecture`.
    public let leadingKeys: [MetadataRule]

    /// Declares how scaling is said.
    init(
        _ scalings: [String], leadingKeys: [MetadataRule] = [],
        tensors:
            @escaping @Sendable (ModelConfiguration) throws(ArchitectureError) -> [ModelFamily
            .GeneratedTensor] = { _ in [] }
    ) {
        self.scalings = scalings
        self.leadingKeys = leadingKeys
        self.tensors = tensors
    }

    /// No scaling.
    static let unscaled = Self(["default"])
    /// No scaling in the file; `dynamic`, which does nothing up to the context of the training, is
    /// left out.
    static let unscaledOrDynamic = Self(["default", "dynamic"])
    /// By one factor, or YaRN.
    static let yarn = Self(["default", "linear", "yarn"])
    /// The same, and `dynamic`, which does nothing up to the context of the training.
    static let yarnOrDynamic = Self(yarn.scalings + ["dynamic"])
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
