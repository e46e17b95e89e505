import TensorCore

extension ProjectorFamily {
    /// InternVL 2.5 and 3 with InternViT.
    public static let internVL = ProjectorFamily(
        name: "InternVL", classes: ["InternVisionModel"],
        vision: .init(
            "vision_config",
            defaults: [
                .computed("image_size") { $0["image_size"]?.array?.first },
                .computed("patch_size") { $0["patch_size"]?.array?.first },
            ]),
        keys: [
            .type("internvl"),
            .value("clip.vision.attention.layer_norm_epsilon") { model throws(ArchitectureError) in
                guard let vision = model.vision, let value = try vision.number(["layer_norm_eps"])
                else { throw model.whole.fault(.missingKey, "vision_config.layer_norm_eps") }
                return .float32(Float(value))
            },
            .activation(), .inverse("projector.scale_factor", "downsample_ratio", of: \.whole),
            .tiles("preproc_min_tiles", "min_dynamic_patch"),
            .tiles("preproc_max_tiles", "max_dynamic_patch"),
        ],
        prefixes: ["vision_model.", "mlp1."],
        tensors: [
            .init("vision_model.embeddings.patch_embedding", "v.patch_embd"),
            .init("vision_model.embeddings.position_embedding", "v.position_embd.weight"),
            .init("vision_model.embeddings.class_embedding", "v.class_embd"),
            .splitQKV("vision_model.encoder.layers.{bid}.attn.qkv"),
            .blocks(
                "vision_model.encoder.layers.{bid}.",
                [
                    ("attn.proj", "attn_out"), ("attn.q_norm", "attn_q_norm"),
                    ("attn.k_norm", "attn_k_norm"), ("norm1", "ln1"), ("norm2", "ln2"),
                    ("mlp.fc1", "ffn_up"), ("mlp.fc2", "ffn_down"), ("ls1", "ls1.weight"),
                    ("ls2", "ls2.weight"),
                ]), .init("mlp1.{xid}", "mm.model.mlp.{xid}"),
        ],
        formats: [.output(".position_embd.", .f32)])
}

extension ProjectorKey {
    /// A number of tiles, where there is one.
    fileprivate static func tiles(_ key: String, _ word: String) -> Self {
        .value("clip.vision.\(key)") { model throws(ArchitectureError) in
            let count = try model.whole.integer([word]) ?? 0
            return count > 0 ? try model.whole.uint32(count, word) : nil
        }
    }
}
