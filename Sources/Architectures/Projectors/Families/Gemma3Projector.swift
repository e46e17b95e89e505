import TensorCore

extension ProjectorFamily {
    /// Gemma 3: SigLIP, four patches to a side made one, and a norm stored as the difference from 1.
    public static let gemma3 = ProjectorFamily(
        name: "Gemma3", classes: ["Gemma3ForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .integer("hidden_size", 1152), .integer("intermediate_size", 4304),
                .integer("num_hidden_layers", 27), .integer("num_attention_heads", 16),
                .integer("patch_size", 14), .integer("image_size", 896),
            ]),
        keys: [
            .type("gemma3"), .epsilon(or: 1e-6), .gelu,
            .value("clip.vision.projector.scale_factor") { model throws(ArchitectureError) in
                guard let vision = model.vision else { return nil }
                let tokens = try model.preprocessor.integer(["image_seq_length"]) ?? 256
                let (size, patch) = (
                    try vision.required("image_size"), try vision.required("patch_size")
                )
                let side = Int(Double(max(tokens, 1)).squareRoot())
                let factor = size / patch / max(side, 1)
                // Readers take 4 where there is no key.
                return factor > 0 && factor != 4
                    ? try vision.uint32(factor, "image_seq_length") : nil
            },
        ],
        spellings: [
            .init("model.vision_tower.", means: "vision_tower."),
            .init("model.multi_modal_projector.", means: "multi_modal_projector."),
            .init("_weight", means: ".weight"),
        ],
        prefixes: ["multi_modal_projector.", "vision_tower."], ignored: ["vision_model.head."],
        tensors: [
            .siglip("vision_tower.vision_model."), .siglip("vision_tower."),
            .init("multi_modal_projector.mm_input_projection", "mm.input_projection"),
            .init("multi_modal_projector.mm_soft_emb_norm", "mm.soft_emb_norm", change: .plus(1)),
        ],
        formats: [.source("input_projection", .f16), .source(".embeddings.", .f32)])
}
