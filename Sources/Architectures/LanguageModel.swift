public import TensorCore

extension JSON {
    /// The part of a multimodal model's `config.json` that is about its language model, under the
    /// names that it has in transformers and in models' own code.
    public var languageModel: JSON? {
        for key in [
            "language_config", "lm_config", "llm_config", "text_config", "transformer_layer_config",
        ] {
            if let part = self[key], part.members != nil { return part }
        }
        return self["thinker_config"]?["text_config"]
    }
}

extension ModelFamily {
    /// Classes of models that also take pictures or sound, and whose language model is of the class
    /// that its part of the configuration names; where it names none, of the family that lists them.
    static let wrappers: Set<String> = [
        "AudioFlamingo3ForConditionalGeneration", "GraniteSpeechForConditionalGeneration",
        "GraniteSpeechPlusForConditionalGeneration", "Idefics3ForConditionalGeneration",
        "LlavaForConditionalGeneration", "Qwen2AudioForConditionalGeneration",
        "SmolVLMForConditionalGeneration", "VoxtralForConditionalGeneration",
    ]

    /// The family of the language model inside a model of another class; `nil` where the
    /// configuration does not say.
    static func ofLanguageModel(_ config: JSON) -> ModelFamily? {
        guard let part = config.languageModel else { return nil }
        if let name = part["architectures"]?.array?.first?.text {
            return all.first { $0.classes.contains(name) }
        }
        guard let type = part["model_type"]?.text else { return nil }
        return all.first { $0.export?.modelType == type }
    }
}
