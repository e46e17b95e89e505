import TensorCore

extension ModelConfiguration {
    /// The configuration of the model that a draft is for.
    func targetConfiguration() throws(ArchitectureError) -> ModelConfiguration {
        guard let target else { throw fault(.missingTarget) }
        return ModelConfiguration(target, path: path)
    }

    /// The numbers of the target's layers whose rows a draft takes.
    func targetLayers(_ layers: [Int]) throws(ArchitectureError) -> MetadataEntry {
        let narrow = layers.map { Int32(exactly: $0) }
        guard !narrow.contains(where: { ($0 ?? -1) < 0 }) else {
            throw fault(
                .invalidValue(found: "\(layers)", expected: "numbers of layers"),
                "target_layer_ids")
        }
        return .init("{arch}.target_layers", .int32s(narrow.compactMap { $0 }))
    }

    /// A value of a draft's own part of the configuration (`dflash_config`), or of the whole.
    func draft(_ key: String, orWhole: Bool = true) -> JSON? {
        if let value = self["dflash_config"]?[key], !value.isNull { return value }
        return orWhole ? self[key] : nil
    }

    /// The numbers of the target's layers, counted from 0.
    var draftLayers: [Int] { draft("target_layer_ids")?.array?.compactMap(\.integer) ?? [] }

    /// The key of the token that stands for what is to be drafted.
    func maskToken(_ value: JSON?) -> [MetadataEntry] {
        guard let id = value?.integer.flatMap({ UInt32(exactly: $0) }) else { return [] }
        return [.init("tokenizer.ggml.mask_token_id", .uint32(id))]
    }
}

extension ConfigurationCheck {
    /// The model that a draft is for must be named.
    static let hasTarget = refusing { configuration throws(ArchitectureError) in
        _ = try configuration.targetConfiguration()
    }
}

extension TensorModules {
    /// Which of the target's tokens the draft's are: stored as the difference to their own numbers.
    static let draftTokens: Self = [
        .init([
            TensorRule(
                [.init("d2t", [.key("draft_vocab_size")])],
                into: [
                    .init("d2t", [.key("draft_vocab_size")], values: .numbers(plusPlace: true))
                ], presence: .optional, isTrailing: true)
        ]),
        .ignoring("t2d"),
    ]
}
