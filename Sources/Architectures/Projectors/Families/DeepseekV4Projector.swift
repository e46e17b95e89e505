import TensorCore

extension ProjectorFamily {
    /// DeepSeek V4 with pictures: an encoder whose sizes stand among the language model's.
    public static let deepseekV4 = ProjectorFamily(
        name: "DeepseekV4", classes: ["DeepseekV4ForCausalLM"],
        vision: .init(
            defaults: [
                .replacement("n_layers", by: "vision_n_layers"),
                .replacement("hidden_size", by: "vision_dim"),
                .replacement("num_attention_heads", by: "vision_n_heads"),
                .replacement("intermediate_size", by: "vision_inter_dim"),
                .replacement("patch_size", by: "vision_patch_size"),
                .computed("image_size") { whole in
                    guard let patch = whole["vision_patch_size"]?.integer,
                        let ratio = whole["vision_downsample_ratio"]?.integer
                    else { return nil }
                    return .integer(patch &* ratio &* 16)
                },
            ], mark: "vision_n_layers"),
        keys: [
            .checking { model throws(ArchitectureError) in
                // Readers know these of the published model.
                for (key, value) in [("vision_max_n_token", 384), ("vision_max_wh_ratio", 8)] {
                    let found = try model.whole.integer([key])
                    guard found != value else { continue }
                    throw model.whole.fault(
                        .notExpressible(
                            found: found.map { "\($0)" } ?? "nothing", expected: "\(value)",
                            architecture: "clip"), key)
                }
            }, .type("deepseek4v"),
            .value("clip.vision.attention.layer_norm_epsilon") { _ in .float32(1e-6) }, .silu,
            .count("projector.scale_factor", "vision_downsample_ratio", of: \.whole),
            .count("image_min_pixels", "vision_min_pixels", of: \.whole),
        ],
        prefixes: ["vision.", "aligner.", "image_"],
        tensors: [
            .init("vision.patch_embed.proj.weight", "v.patch_embd.weight", .planesToKernels),
            .init("vision.patch_embed.proj.bias", "v.patch_embd.bias"),
            .split(
                "vision.blocks.{bid}.mlp.w1",
                [
                    ("v.blk.{bid}.ffn_gate", .share(0, of: 2)),
                    ("v.blk.{bid}.ffn_up", .share(1, of: 2)),
                ]),
            .blocks(
                "vision.blocks.{bid}.",
                [
                    ("attn.wqkv", "attn_qkv"), ("attn.wo", "attn_out"), ("norm1", "ln1"),
                    ("norm2", "ln2"), ("mlp.w2", "ffn_down"),
                ]), .init("vision.norm", "v.post_ln"), .init("aligner.w{xid}", "mm.{xid}"),
            .init("image_newline", "v.image_newline"),
            .init("image_start", "v.token_embd.img_start"),
            .init("image_end", "v.token_embd.img_end"), .init("image_pad", "v.token_embd.img_pad"),
        ],
        preprocessing: [
            .numbers("image_mean", [0.5, 0.5, 0.5]), .numbers("image_std", [0.5, 0.5, 0.5]),
        ])
}
