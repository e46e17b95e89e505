import TensorCore

extension ModelFamily {
    /// The draft models of Gemma 4: layers that read the keys and values of a whole model, whose rows they
    /// take in and make.
    public static let gemma4Assistant = ModelFamily(
        name: "Gemma4Assistant", architecture: "gemma4-assistant",
        classes: ["Gemma4AssistantForCausalLM", "Gemma4UnifiedAssistantForCausalLM"],
        // transformers: Gemma4AssistantConfig
        defaults: ModelFamily.gemma4.defaults,
        keys: ModelFamily.gemma4.keys + [
            .count("embedding_length_out", "backbone_hidden_size"),
            .count("nextn_predict_layers") { configuration throws(ArchitectureError) in
                try configuration.blockCount()
            },
        ],
        tensors: [
            ModelFamily.gemma4.tensors,
            .init(
                "pre_projection", "nextn.pre_projection",
                [.hidden, 2 * .key("backbone_hidden_size")]),
            .init(
                "post_projection", "nextn.post_projection",
                [.key("backbone_hidden_size"), .hidden]),
            .ignoring(
                "masked_embedding.centroids.weight", "masked_embedding.token_ordering"),
        ],
        rotary: ModelFamily.gemma4.rotary,
        checks: [
            .activation(["gelu_pytorch_tanh"], at: "hidden_activation"), .without("attention_bias"),
        ],
        tokenizer: ModelFamily.gemma4.tokenizer)
}
