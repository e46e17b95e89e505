extension ModelFamily {
    /// CamemBERT with a WordPiece tokenizer, as the reference converter reads it: BERT, whose positions
    /// are counted from 0.
    ///
    /// The published models have RoBERTa's positions and a unigram tokenizer; they are XLM-R's shape.
    public static let camembert = ModelFamily(
        name: "Camembert",
        architecture: "bert",
        classes: ["CamembertModel"],
        defaults: bertDefaults,
        keys: bert.keys,
        tensors: bert.tensors,
        checks: .encoder + [
            .noting { configuration throws(ArchitectureError) in
                let first = (try configuration.integer("pad_token_id") ?? 1) + 1
                return [
                    "readers of bert count positions from 0, CamemBERT from \(first): vectors are "
                        + "others than transformers'"
                ]
            }
        ],
        tokenizer: .init(
            model: "bert",
            otherwise: "a WordPiece tokenizer; for a CamemBERT with pieces write XLMRobertaModel "
                + "into architectures of config.json, whose conversion has its positions too",
            leadingKeys: .tokenTypeCount),
        decoder: bertEncoder)
}
