import TensorCore

extension ProjectorFamily {
    /// Sarashina 2.2 Vision: Qwen 2-VL's encoder before another language model.
    public static let sarashina2Vision = ProjectorFamily(
        name: "Sarashina2Vision", classes: ["Sarashina2VisionForCausalLM"],
        vision: .qwen2VL(["vision_config"]), keys: [.type("qwen2vl_merger"), .epsilonOfWhole],
        prefixes: ["visual."], tensors: .qwen2VL)
}
