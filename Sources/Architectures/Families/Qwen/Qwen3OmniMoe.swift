import TensorCore

extension ModelFamily {
    /// The language model of Qwen3-Omni: that of Qwen 3-VL with experts, without features of
    /// pictures.
    public static let qwen3OmniMoe: ModelFamily = {
        var family = qwen3VLMoe
        family.name = "Qwen3OmniMoe"
        family.classes = ["Qwen3OmniMoeForConditionalGeneration"]
        family.keys = family.keys + [.constant("n_deepstack_layers", .uint32(0))]
        family.tokenizer = TokenizerRules(replacements: endsOfTurns)
        return family
    }()
}
