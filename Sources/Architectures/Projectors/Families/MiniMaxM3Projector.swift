import TensorCore

extension ProjectorFamily {
    /// MiniMax M3: CLIP over frames with three axes of rotation, and two networks behind it.
    public static let miniMaxM3 = ProjectorFamily(
        name: "MiniMaxM3",
        classes: [
            "MiniMaxM3SparseForConditionalGeneration", "MiniMaxM3VLForConditionalGeneration",
        ],
        vision: .init("vision_config"),
        keys: [
            .type("minimax_m3"), .gelu, .epsilon(or: 1e-5),
            .value("clip.vision.spatial_merge_size") { model throws(ArchitectureError) in
                let merge =
                    model.vision?["img_token_compression_config"]?["spatial_merge_size"]?.integer
                return try model.whole.uint32(merge ?? 2, "spatial_merge_size")
            },
        ],
        spellings: [
            .init("model.vision_tower.", means: "vision_tower."),
            .init("model.multi_modal_projector.", means: "multi_modal_projector."),
            .init("model.patch_merge_mlp.", means: "patch_merge_mlp."),
        ],
        prefixes: ["vision_tower.", "multi_modal_projector.", "patch_merge_mlp."],
        tensors: [
            .frames("vision_tower.vision_model.embeddings.patch_embedding"),
            .init("vision_tower.vision_model.pre_layrnorm", "v.pre_ln"),
            .init(
                "vision_tower.vision_model.encoder.layers.{bid}.self_attn.q_proj",
                "v.blk.{bid}.attn_q", .axes),
            .init(
                "vision_tower.vision_model.encoder.layers.{bid}.self_attn.k_proj",
                "v.blk.{bid}.attn_k", .axes), .siglip("vision_tower.vision_model."),
            .init("multi_modal_projector.linear_{xid}", "mm.{xid}"),
            .init("patch_merge_mlp.linear_{xid}", "mm.merger.fc{xid}"),
        ])
}

extension ProjectorLayout {
    /// Rows of each head from halves that have all three axes to axes that have both halves; what
    /// does not turn stays behind them.
    fileprivate static let axes = ProjectorLayout(parts: {
        stored, model throws(ArchitectureError) in
        guard let heads = try model.vision?.required("num_attention_heads"),
            let rows = stored.first,
            rows % heads == 0, heads <= 4096
        else { return nil }
        let width = rows / heads
        // An even number of each axis turns, as many as fit thrice.
        let pairs = 2 * (width / 2) / 3 / 2
        let turning = 6 * pairs
        guard pairs > 0 else { return nil }
        let (sides, inner) = (stored.map { Dimension.constant($0) }, Array(stored.dropFirst()))
        return (0..<heads).flatMap { head -> [ProjectorTensors.Part] in
            let all = TensorView.reshaped(sides)
            let turned = ProjectorTensors.Part(
                view: all.narrowed(
                    0, from: .constant(head * width), count: .constant(turning),
                    as: [.constant(2), .constant(3), .constant(pairs)]
                ).permuted([1, 0, 2] + inner.indices.map { $0 + 3 }), shape: [turning] + inner)
            guard turning < width else { return [turned] }
            let rest = ProjectorTensors.Part(
                view: all.narrowed(
                    0, from: .constant(head * width + turning), count: .constant(width - turning)),
                shape: [width - turning] + inner)
            return [turned, rest]
        }
    })
}
