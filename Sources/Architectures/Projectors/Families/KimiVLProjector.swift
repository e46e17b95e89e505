import TensorCore

extension ProjectorFamily {
    /// Kimi-VL: MoonViT.
    public static let kimiVL = ProjectorFamily(
        name: "KimiVL", classes: ["KimiVLForConditionalGeneration"],
        vision: .init(
            "vision_config", defaults: [.computed("image_size") { _ in .integer(64 * 14) }]),
        keys: [
            .type("kimivl"), .gelu, .constant("projector.scale_factor", 2), .epsilon(or: 1e-5),
        ],
        prefixes: ["vision_tower.", "multi_modal_projector."],
        tensors: [
            .init("vision_tower.patch_embed.proj", "v.patch_embd"),
            .init(
                "vision_tower.patch_embed.pos_emb.weight", "v.position_embd.weight",
                .shaped { $0.count == 3 ? [$0[0] * $0[1], $0[2]] : nil }),
            .splitQKV("vision_tower.encoder.blocks.{bid}.wqkv"),
            .blocks(
                "vision_tower.encoder.blocks.{bid}.",
                [
                    ("wo", "attn_out"), ("norm0", "ln1"), ("norm1", "ln2"), ("mlp.fc0", "ffn_up"),
                    ("mlp.fc1", "ffn_down"),
                ]), .init("vision_tower.encoder.final_layernorm", "v.post_ln"),
            .init("multi_modal_projector.pre_norm", "mm.input_norm"),
            .init("multi_modal_projector.linear_{xid}", "mm.{xid}"),
        ])
}
