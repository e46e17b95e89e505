import TensorCore

extension ModelFamily {
    /// The language model of Sarashina 2.2 Vision, which is Llama.
    public static let sarashina2Vision: ModelFamily = {
        var family = llama
        family.name = "Sarashina2Vision"
        family.classes = ["Sarashina2VisionForCausalLM"]
        // The norm of what pictures give, beside the language model's.
        family.checkpoint.foreign = ["norm.weight"]
        family.export = nil
        return family
    }()
}
