import TensorCore

extension TensorRule.Condition {
    /// The blocks behind the layers, which predict further tokens.
    static let predictsFurther = TensorRule.Condition {
        configuration, block throws(ArchitectureError) in
        try block >= configuration.numHiddenLayers()
    }
}

extension TensorModules {
    /// What layers that predict further tokens (MTP) have beside the rest.
    static let predictorModules = blocks(
        where: .predictsFurther, .init("eh_proj", "nextn.eh_proj", [.hidden, 2 * .hidden]),
        .init(
            "embed_tokens", "nextn.embed_tokens", [.vocabulary, .hidden], presence: .optional),
        .norm("enorm", "nextn.enorm"), .norm("hnorm", "nextn.hnorm"),
        .init(
            "shared_head.head", "nextn.shared_head_head", [.vocabulary, .hidden],
            presence: .optional),
        .norm("shared_head.norm", "nextn.shared_head_norm", presence: .optional))
}

extension MetadataRule {
    /// How many blocks predict further tokens, where there are any.
    static let predictorCount = MetadataRule.entries { configuration throws(ArchitectureError) in
        let count = configuration.predictorCount
        guard count > 0 else { return [] }
        return [
            .init(
                "{arch}.nextn_predict_layers",
                try configuration.uint32(count, "num_nextn_predict_layers"))
        ]
    }
}

extension MultiTokenPrediction {
    /// Layers under `mtp.` as Qwen 3.5 and EXAONE 4.5 name them.
    static let mtpLayers = Self.apart(
        prefix: "mtp.",
        modules: [
            "fc": "eh_proj", "pre_fc_norm_embedding": "enorm", "pre_fc_norm_hidden": "hnorm",
            "norm": "shared_head.norm",
        ])
}
