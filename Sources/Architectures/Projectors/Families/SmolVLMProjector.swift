import TensorCore

extension ProjectorFamily {
    /// Idefics 3 and SmolVLM: SigLIP and one matrix over shuffled patches.
    public static let smolVLM = ProjectorFamily(
        name: "SmolVLM",
        classes: ["Idefics3ForConditionalGeneration", "SmolVLMForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .integer("hidden_size", 1152), .integer("intermediate_size", 3072),
                .integer("num_hidden_layers", 12), .integer("num_attention_heads", 16),
                .integer("image_size", 224), .integer("patch_size", 32),
                .real("layer_norm_eps", 1e-6),
            ]),
        keys: [
            .type("idefics3"), .epsilon(or: 1e-5),
            .count("projector.scale_factor", "scale_factor", of: \.whole, or: 2), .gelu,
            .value("clip.vision.preproc_image_size") { model throws(ArchitectureError) in
                guard let vision = model.vision else { return nil }
                let size = model.preprocessor["size"]?["longest_edge"]?.integer
                let image = try vision.required("image_size")
                return try vision.uint32(size ?? image, "longest_edge")
            },
        ],
        prefixes: ["model.vision_model.", "model.connector."],
        tensors: [
            .siglip("model.vision_model."),
            .init("model.connector.modality_projection.proj", "mm.model.fc"),
        ],
        formats: [.source(".embeddings.", .f32)])
}
