import TensorCore

extension ProjectorFamily {
    /// LightOnOCR: Pixtral's encoder under other names.
    public static let lightOnOCR = ProjectorFamily(
        name: "LightOnOCR",
        classes: ["LightOnOCRForConditionalGeneration", "LightOnOcrForConditionalGeneration"],
        vision: .pixtral,
        keys: .pixtral("lightonocr"),
        spellings: [
            .init("model.vision_encoder.", means: "vision_tower."),
            .init("model.vision_projection.", means: "multi_modal_projector."),
        ],
        prefixes: ["multi_modal_projector.", "vision_tower."], tensors: .pixtral)
}
