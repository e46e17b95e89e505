import TensorCore

extension ProjectorFamily {
    /// Pixtral's encoder, in LLaVA's class and in Mistral Small 3.1's, which merges patches.
    public static let pixtral = ProjectorFamily(
        name: "Pixtral",
        classes: ["LlavaForConditionalGeneration", "Mistral3ForConditionalGeneration"],
        vision: .pixtral, keys: .pixtral("pixtral"),
        spellings: [
            .init("model.vision_tower.", means: "vision_tower."),
            .init("model.multi_modal_projector.", means: "multi_modal_projector."),
        ],
        prefixes: ["multi_modal_projector.", "vision_tower."], tensors: .pixtral)
}

extension ProjectorSection {
    /// What `PixtralVisionConfig` assumes.
    static let pixtral = ProjectorSection(
        "vision_config",
        defaults: [
            .integer("hidden_size", 1024), .integer("intermediate_size", 4096),
            .integer("num_hidden_layers", 24), .integer("num_attention_heads", 16),
            .integer("image_size", 1024), .integer("patch_size", 16), .text("hidden_act", "gelu"),
        ])
}

extension [ProjectorKey] {
    /// What files of Pixtral's encoder have; another encoder in the class is refused.
    static func pixtral(_ type: String) -> Self {
        [
            .init { model throws(ArchitectureError) in
                guard let vision = model.vision, vision["model_type"]?.text == "pixtral" else {
                    throw model.whole.fault(
                        .notExpressible(
                            found: model.vision?["model_type"]?.text.map { "\"\($0)\"" }
                                ?? "nothing",
                            expected: "pixtral", architecture: "clip"), "vision_config.model_type")
                }
                return []
            },
            .type(type), .epsilon(or: 1e-5), .activation(),
            .count(
                "spatial_merge_size", "spatial_merge_size", of: \.whole),
        ]
    }
}
