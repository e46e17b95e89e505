import TensorCore

extension ModelFamily {
    /// XLM-R, of which BGE M3 and many rerankers are made: RoBERTa with SentencePiece's unigram
    /// model.
    public static let xlmRoberta = ModelFamily(
        name: "XLMRoberta",
        architecture: "bert",
        classes: ["XLMRobertaModel", "XLMRobertaForSequenceClassification"],
        // transformers: XLMRobertaConfig
        defaults: [.integer("pad_token_id", 1)] + bertDefaults,
        keys: .common + .robertaContext + .encoder,
        tensors: [.robertaPositions, .bert, .robertaClassifier],
        checks: .encoder + [
            .refusing { configuration throws(ArchitectureError) in
                guard configuration["lora_adaptations"] != nil else { return }
                throw configuration.inexpressible(
                    "lora_adaptations", found: "adapters", expected: "none")
            }
        ],
        tokenizer: .init(model: "t5", segmentKeys: .tokenTypeCount),
        export: .init(
            modelType: "xlm-roberta", tokenizerFile: "tokenizer.json",
            fits: { $0.tokenizer("model")?.text == "t5" },
            otherClass: { source in
                source.hasTensor("cls.output.weight")
                    ? ("XLMRobertaForSequenceClassification", "xlm-roberta") : nil
            },
            computed: robertaSizes),
        decoder: bertEncoder)
}
