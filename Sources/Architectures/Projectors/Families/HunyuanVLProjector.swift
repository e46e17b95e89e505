import TensorCore

extension ProjectorFamily {
    /// HunyuanOCR: its positions begin with one of a class token, which is left out.
    public static let hunyuanVL = ProjectorFamily(
        name: "HunyuanVL", classes: ["HunYuanVLForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [.same("image_size", as: "max_image_size"), .integer("image_size", 2048)]),
        keys: [
            .type("hunyuanvl"), .gelu, .epsilon("rms_norm_eps", or: 1e-5),
            .count("spatial_merge_size", "spatial_merge_size", of: \.vision, or: 2),
            .count("image_min_pixels", "min_pixels", of: \.preprocessor),
            .count("image_max_pixels", "max_pixels", of: \.preprocessor),
        ],
        prefixes: ["vit."],
        tensors: [
            .init("vit.embeddings.patch_embedding", "v.patch_embd"),
            .init(
                "vit.embeddings.position_embedding.weight", "v.position_embd.weight",
                .init { stored, _ in
                    guard stored.count == 2, stored[0] > 1 else { return nil }
                    return .init(
                        view: .reshaped(stored.map { .constant($0) })
                            .narrowed(0, from: 1, count: .constant(stored[0] - 1)),
                        shape: [stored[0] - 1, stored[1]])
                }),
            .blocks(
                "vit.layers.{bid}.",
                [
                    ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                    ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_out"),
                    ("input_layernorm", "ln1"), ("post_attention_layernorm", "ln2"),
                    ("mlp.dense_h_to_4h", "ffn_up"), ("mlp.dense_4h_to_h", "ffn_down"),
                ]), .init("vit.perceive.proj.{xid}", "mm.{xid}"),
            .init("vit.perceive.mlp", "mm.model.fc"),
            .init("vit.perceive.image_newline", "v.image_newline"),
            .init("vit.perceive.image_sep", "v.view_seperator"),
            .init("vit.perceive.image_begin", "mm.image_begin"),
            .init("vit.perceive.image_end", "mm.image_end"),
            .init("vit.perceive.before_rms", "mm.pre_norm"),
            .init("vit.perceive.after_rms", "mm.post_norm"),
        ],
        formats: [.output("mm.0.weight", .f16OrF32), .output("mm.2.weight", .f16OrF32)])
}
