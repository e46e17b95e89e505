import TensorCore

extension ModelFamily {
    /// KORMo: Qwen 2 without biases, and with names of its own for the norms.
    public static let kormo: ModelFamily = {
        var family = qwen2
        family.name = "Kormo"
        family.classes = ["KORMoForCausalLM"]
        family.tensors = [
            .ends(), .blocks(.preNorms(), .attention(biases: .optional), .gatedNetwork()),
        ]
        family.checkpoint.spellings = [
            .init(".pre_attention_layernorm.", means: ".input_layernorm."),
            .init(".pre_mlp_layernorm.", means: ".post_attention_layernorm."),
        ]
        family.export = nil
        return family
    }()
}
