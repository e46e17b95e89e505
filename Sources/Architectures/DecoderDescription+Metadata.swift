public import TensorCore

extension DecoderDescription {
    /// The GGUF architectures that can be run.
    public static var architectures: [String] {
        ModelFamily.all.filter { $0.decoder != nil }.flatMap(\.architectures).reduce(into: []) {
            if !$0.contains($1) { $0.append($1) }
        }
    }

    /// Describes the decoder that a model's metadata stands for.
    ///
    /// - Parameters:
    ///   - hasTensor: Whether the model has a tensor of this name: biases and tied outputs are
    ///     told by presence.
    ///   - rowCount: How many rows a tensor has, where the metadata do not tell one form from
    ///     another.
    ///   - path: The file that errors name.
    public init(
        metadata: Metadata, hasTensor: @escaping (String) -> Bool,
        rowCount: @escaping (String) -> Int? = { _ in nil }, path: String
    ) throws(DecoderDescriptionError) {
        guard let name = metadata["general.architecture"]?.text else {
            throw DecoderDescriptionError(.missingKey, path: path, key: "general.architecture")
        }
        // An architecture is its own family's before it is another's variant.
        let families = ModelFamily.all.filter {
            $0.decoder != nil && $0.architectures.contains(name)
        }
        guard
            let decoder = families.first(where: { $0.architecture == name })?.decoder
                ?? families.first?.decoder
        else {
            throw DecoderDescriptionError(
                .unknownArchitecture(name), path: path, key: "general.architecture")
        }
        let model = DecoderMetadata(
            architecture: name, metadata: metadata, hasTensor: hasTensor, rowCount: rowCount,
            path: path)
        self = try decoder.describe(model)
        try model.addPooling(to: &self)
    }
}
