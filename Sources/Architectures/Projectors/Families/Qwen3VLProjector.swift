import TensorCore

extension ProjectorFamily {
    /// Qwen 3-VL, 3.5 and 3.8, with experts too: features of layers in between go along (deepstack).
    public static let qwen3VL = ProjectorFamily(
        name: "Qwen3VL",
        classes: [
            "Qwen3VLForConditionalGeneration", "Qwen3VLMoeForConditionalGeneration",
            "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration",
            "Qwen4ExpForConditionalGeneration",
        ],
        vision: .qwen3VL(["vision_config"]),
        keys: [
            .type("qwen3vl_merger"), .gelu,
            .count("spatial_merge_size", "spatial_merge_size", of: \.vision), .epsilonOfText,
            .deepstack,
        ],
        spellings: [.init("model.visual.", means: "visual.")], prefixes: ["visual."],
        tensors: [.qwen3VLEncoder, .qwen3VLMerger])
}
