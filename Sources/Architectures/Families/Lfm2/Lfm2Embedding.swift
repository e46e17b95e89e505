import TensorCore

extension ModelFamily {
    /// LFM2 made for embeddings: a vector for each token (ColBERT), or one for a text, whose tokens
    /// then see what follows.
    ///
    /// The matrix behind the rows, which the sentence-transformers library keeps in a folder of its
    /// own, is a part of the file.
    public static let lfm2Embedding = ModelFamily(
        name: "Lfm2Embedding",
        architecture: "lfm2",
        classes: ["Lfm2Model", "Lfm2BidirectionalModel"],
        defaults: lfm2.defaults,
        keys: lfm2.keys + [.causality] + .pooling,
        tensors: [
            .tensors(
                [.init("dense_2.weight", nil)],
                into: [.init("dense_2.weight", [.key(denseLength), .hidden])],
                presence: .optional, isLeading: true), lfm2.tensors,
        ],
        checkpoint: .init(
            denseModules: .init([("1_Dense", "dense_2.weight")]),
            measured: [.init("dense_2.weight", dimension: 0, as: denseLength)]),
        rotary: .init(
            RotaryRules.yarn.scalings, leadingKeys: [.count("embedding_length_out", denseLength)]),
        checks: lfm2.checks,
        decoder: .lfm2)

    /// Where the number of rows of the matrix behind the model's is kept.
    private static let denseLength = "embedding_length_out"
}

extension MetadataRule {
    /// That tokens see what follows, by the name of the class.
    fileprivate static let causality = MetadataRule.entries {
        configuration throws(ArchitectureError) in
        try configuration.architectureName() == "Lfm2BidirectionalModel"
            ? [.init("{arch}.attention.causal", .bool(false))] : []
    }
}
