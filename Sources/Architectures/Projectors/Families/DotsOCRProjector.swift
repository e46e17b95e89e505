import TensorCore

extension ProjectorFamily {
    /// dots.ocr.
    public static let dotsOCR = ProjectorFamily(
        name: "DotsOCR", classes: ["DotsOCRForCausalLM"],
        vision: .init("vision_config", defaults: [.computed("image_size") { _ in .integer(0) }]),
        keys: [
            .type("dots_ocr"), .count("image_min_pixels", "min_pixels", of: \.preprocessor),
            .count("image_max_pixels", "max_pixels", of: \.preprocessor),
            .epsilon("rms_norm_eps", or: 1e-5),
            .count("projector.scale_factor", "spatial_merge_size", of: \.vision), .silu,
        ],
        prefixes: ["vision_tower."],
        tensors: [
            .init("vision_tower.patch_embed.patchifier.proj", "v.patch_embd"),
            .init("vision_tower.patch_embed.patchifier.norm", "v.pre_ln"),
            .blocks(
                "vision_tower.blocks.{bid}.",
                [
                    ("attn.qkv", "attn_qkv"), ("attn.proj", "attn_out"), ("norm1", "ln1"),
                    ("norm2", "ln2"), ("mlp.fc1", "ffn_gate"), ("mlp.fc2", "ffn_down"),
                    ("mlp.fc3", "ffn_up"),
                ]), .init("vision_tower.post_trunk_norm", "mm.post_norm"),
            .init("vision_tower.merger.ln_q", "mm.input_norm"),
            .init("vision_tower.merger.mlp.{xid}", "mm.{xid}"),
        ])
}
