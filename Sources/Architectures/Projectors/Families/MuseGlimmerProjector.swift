import TensorCore

extension ProjectorFamily {
    /// Muse Glimmer: patches over two frames, which are added, and a projector of three layers.
    public static let museGlimmer = ProjectorFamily(
        name: "MuseGlimmer", classes: ["MuseGlimmerForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .integer("merge_size", 2), .integer("patch_size", 14),
                .integer("pos_emb_height", 32), .real("layer_norm_eps", 1e-5),
                .computed("image_size") { vision in
                    guard let height = vision["pos_emb_height"]?.integer,
                        let patch = vision["patch_size"]?.integer,
                        let merge = vision["merge_size"]?.integer
                    else { return nil }
                    return .integer(height &* patch &* merge)
                },
            ]),
        keys: [
            .type("muse-glimmer"), .epsilon(or: 1e-5),
            .count("spatial_merge_size", "merge_size", of: \.vision),
        ],
        prefixes: ["model.vision_tower.", "model.vision_adapter.", "model.vision_projection."],
        tensors: [
            .sum(
                "model.vision_tower.patch_embedder.patch_embedding", "v.patch_embd",
                of: [.frameOfRow(0), .frameOfRow(1)]),
            .init(
                "model.vision_tower.patch_embedder.position_embedding_table", "v.position_embd"),
            .init("model.vision_tower.ln_pre", "v.pre_ln"),
            .init("model.vision_tower.ln_post", "v.post_ln"),
            .init(
                "model.vision_tower.layers.{bid}.attn.q_proj", "v.blk.{bid}.attn_q",
                .rotaryPairs("num_attention_heads")),
            .init(
                "model.vision_tower.layers.{bid}.attn.k_proj", "v.blk.{bid}.attn_k",
                .rotaryPairs("num_attention_heads")),
            .blocks(
                "model.vision_tower.layers.{bid}.",
                [
                    ("attn.v_proj", "attn_v"), ("attn.proj", "attn_out"), ("norm1", "ln1"),
                    ("norm2", "ln2"), ("mlp.fc1", "ffn_up"), ("mlp.fc2", "ffn_down"),
                ]), .init("model.vision_adapter.fc1", "mm.0"),
            .init("model.vision_adapter.fc2", "mm.1"), .init("model.vision_projection", "mm.2"),
        ])
}

extension ProjectorLayout {
    /// One of two frames of linear patches `[outputs, 2 · 3 · side · side]`, as kernels.
    fileprivate static func frameOfRow(_ index: Int) -> Self {
        .init { stored, model throws(ArchitectureError) in
            let frames = try model.vision?.integer(["patch_temporal"]) ?? 2
            guard let side = try model.vision?.required("patch_size"), side <= 1 << 12, frames == 2,
                stored.count == 2, stored[1] == frames * 3 * side * side
            else { return nil }
            return .init(
                view: .reshaped([stored[0], 2, 3, side, side].map { .constant($0) })
                    .narrowed(1, from: .constant(index)), shape: [stored[0], 3, side, side])
        }
    }
}
