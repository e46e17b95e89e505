import TensorCore

extension ProjectorFamily {
    /// MiniCPM-V 4.6: SigLIP with a merger between its layers.
    public static let miniCPMV46 = ProjectorFamily(
        name: "MiniCPMV46", classes: ["MiniCPMV4_6ForConditionalGeneration"],
        vision: .init("vision_config"),
        keys: [
            .value("clip.vision.image_size") { model throws(ArchitectureError) in
                guard let size = try model.preprocessor.integer(["scale_resolution"]) else {
                    return nil
                }
                return try model.preprocessor.uint32(size, "scale_resolution")
            },
            .type("minicpmv4_6"),
            .value("clip.vision.projector.scale_factor") { model throws(ArchitectureError) in
                let mode = model.preprocessor["downsample_mode"]?.text ?? "16x"
                guard mode == "16x" else {
                    throw model.preprocessor.fault(
                        .notExpressible(
                            found: "\"\(mode)\"", expected: "\"16x\"", architecture: "clip"),
                        "downsample_mode")
                }
                return .uint32(4)
            },
            .value("clip.vision.wa_layer_indexes") { model throws(ArchitectureError) in
                let whole = try model.whole.integer(["insert_layer_id"])
                let own = try model.vision?.integer(["insert_layer_id"])
                let layer = whole ?? own ?? 6
                return .int32s([Int32(clamping: layer)])
            }, .gelu, .epsilon(or: 1e-6),
        ],
        prefixes: ["model.vision_tower.", "model.merger."],
        tensors: [
            .siglip("model.vision_tower."),
            .blocks(
                "model.vision_tower.vit_merger.", as: "v.vit_merger.",
                [
                    ("layer_norm1", "ln1"), ("self_attn.q_proj", "attn_q"),
                    ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
                    ("self_attn.out_proj", "attn_out"), ("pre_norm", "ds_ln"),
                    ("linear_1", "ds_ffn_up"), ("linear_2", "ds_ffn_down"),
                ]),
            .blocks(
                "model.merger.mlp.0.", as: "mm.",
                [("pre_norm", "input_norm"), ("linear_1", "up"), ("linear_2", "down")]),
        ])
}
