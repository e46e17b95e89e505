import TensorCore

extension ProjectorFamily {
    /// LFM2-VL: SigLIP 2 on patches that are rows of pixels.
    public static let lfm2VL = ProjectorFamily(
        name: "Lfm2VL", classes: ["Lfm2VlForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .computed("image_size") { _ in .integer(256) }, .real("layer_norm_eps", 1e-6),
                .integer("patch_size", 16), .integer("hidden_size", 768),
                .integer("intermediate_size", 3072), .integer("num_hidden_layers", 12),
                .integer("num_attention_heads", 12),
            ]),
        keys: [
            .type("lfm2"), .epsilon(or: 1e-6),
            .count("projector.scale_factor", "downsample_factor", of: \.whole, or: 2), .gelu,
            .value("clip.vision.block_count") { model throws(ArchitectureError) in
                let count = try model.blockCount(ofAudio: false)
                // -1 is the last layer.
                let layer = try model.whole.integer(["vision_feature_layer"]) ?? -1
                return try model.whole.uint32(count &+ layer &+ 1, "vision_feature_layer")
            },
        ],
        spellings: [
            .init("model.vision_tower.", means: "vision_tower."),
            .init("vision_tower.vision_model.", means: "vision_tower."),
            .init("model.multi_modal_projector.", means: "multi_modal_projector."),
        ],
        prefixes: ["vision_tower.", "multi_modal_projector."], ignored: ["vision_tower.head."],
        tensors: [
            .init(
                "vision_tower.embeddings.patch_embedding.weight",
                "v.patch_embd.weight",
                .permuted([0, 3, 1, 2]) { stored, _ in
                    stored.count == 2 && stored[1] == 768 ? [stored[0], 16, 16, 3] : nil
                }), .siglip("vision_tower."),
            .init("multi_modal_projector.layer_norm", "mm.input_norm"),
            .init("multi_modal_projector.linear_{xid}", "mm.{xid}"),
        ])
}
