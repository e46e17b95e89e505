import TensorCore

extension ModelFamily {
    /// XLM-R, of which BGE M3 and many rerankers are made: RoBERTa with SentencePiece's unigram
    /// model.
    public static let xlmRoberta = ModelFamily(
        name: "XLMRoberta", architecture: "bert",
        classes: ["XLMRobertaModel", "XLMRobertaForSequenceClassification"],
        // transformers: XLMRobertaConfig
        defaults: [.integer("pad_token_id", 1)] + bertDefaults,
        hyperparameters: .common + robertaContext + .encoder,
        tensors: [robertaPositionRule] + bertTensors + robertaClassifier
            + bertIgnored.map { .ignoring($0) },
        review: { configuration throws(ArchitectureError) in
            try configuration.reviewEncoder()
            guard configuration["lora_adaptations"] == nil else {
                throw configuration.fault(
                    .notExpressible(
                        found: "adapters", expected: "none", architecture: "bert"),
                    "lora_adaptations")
            }
            return []
        },
        tokenizer: "t5", segmentKeys: .tokenTypeCount)
}
