import TensorCore

extension ProjectorFamily {
    /// Kimi K2.5 and GLM 5V: MoonViT over time, whose queries and keys turn by halves here.
    public static let kimiK25 = ProjectorFamily(
        name: "KimiK25",
        classes: ["KimiK25ForConditionalGeneration", "Glm5vForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .integer("patch_size", 14), .integer("init_pos_emb_height", 64),
                .computed("image_size") { vision in
                    guard let height = vision["init_pos_emb_height"]?.integer,
                        let patch = vision["patch_size"]?.integer
                    else { return nil }
                    return .integer(height &* patch)
                },
            ]),
        keys: [
            .type("kimik25"), .position("height", or: 64), .position("width", or: 64),
            .position("time", or: 4),
            .value("clip.use_gelu") { model in
                .bool((model.vision?["projector_hidden_act"]?.text ?? "gelu") == "gelu")
            }, .epsilon("projector_ln_eps", or: 1e-5),
            .value("clip.vision.projector.scale_factor") { model throws(ArchitectureError) in
                let sizes = try model.vision?.integers("merge_kernel_size") ?? [2, 2]
                return try model.whole.uint32(sizes.first ?? 2, "merge_kernel_size")
            },
            .patches("image_min_pixels") { _ in 8 },
            .patches("image_max_pixels") { model throws(ArchitectureError) in
                try model.preprocessor.integer(["in_patch_limit"]) ?? 16384
            },
        ],
        spellings: [
            .init("mm_projector.proj.0.", means: "mm_projector.proj.linear_1."),
            .init("mm_projector.proj.2.", means: "mm_projector.proj.linear_2."),
            .init("mm_projector.linear_", means: "mm_projector.proj.linear_"),
        ],
        prefixes: ["vision_tower.", "mm_projector."],
        tensors: [
            .init("vision_tower.patch_embed.proj", "v.patch_embd"),
            .init("vision_tower.patch_embed.pos_emb", "v.position_embd"),
            .init([
                Rule(
                    source: TensorPattern("vision_tower.encoder.blocks.{bid}.wqkv"),
                    outputs: [
                        .init(
                            name: TensorPattern("v.blk.{bid}.attn_qkv"), ending: nil,
                            parts: [.halves(0), .halves(1), .third(2)])
                    ], change: .none, number: nil)
            ]),
            .blocks(
                "vision_tower.encoder.blocks.{bid}.",
                [
                    ("wo", "attn_out"), ("norm0", "ln1"), ("norm1", "ln2"), ("mlp.fc0", "ffn_up"),
                    ("mlp.fc1", "ffn_down"),
                ]), .init("vision_tower.encoder.final_layernorm", "v.post_ln"),
            .init("mm_projector.pre_norm", "mm.input_norm"),
            .init("mm_projector.proj.linear_{xid}", "mm.{xid}"),
        ])

    private typealias Rule = ProjectorTensors.Rule
}

extension ProjectorKey {
    /// The number of learned positions along an axis.
    fileprivate static func position(_ axis: String, or other: Int) -> Self {
        .value("vision.pos_emb_\(axis)") { model throws(ArchitectureError) in
            let value = try model.vision?.integer(["init_pos_emb_\(axis)"]) ?? other
            return try model.whole.uint32(value, "init_pos_emb_\(axis)")
        }
    }

    /// Pixels of so many patches.
    fileprivate static func patches(
        _ key: String,
        _ count: @escaping @Sendable (ProjectorModel) throws(ArchitectureError) -> Int
    ) -> Self {
        .value("clip.vision.\(key)") { model throws(ArchitectureError) in
            let patch = try model.vision?.required("patch_size") ?? 14
            let pixels = try count(model).multipliedReportingOverflow(by: patch &* patch)
            return try model.whole.uint32(pixels.overflow ? -1 : pixels.partialValue, "patch_size")
        }
    }
}

extension ProjectorLayout {
    /// A third of the rows, of each head those that turn together side by side instead of in pairs.
    fileprivate static func halves(_ index: Int) -> Self {
        .init { stored, model throws(ArchitectureError) in
            let heads =
                try model.vision?.integer(["num_attention_heads"]) ?? 16
            guard let rows = stored.first, rows % 3 == 0, heads > 0, rows / 3 % (heads * 4) == 0
            else { return nil }
            let (third, inner) = (rows / 3, stored.dropFirst().map { Dimension.constant($0) })
            let sides = [heads, third / heads / 4, 2, 2].map { Dimension.constant($0) }
            return .init(
                view: .reshaped(stored.map { .constant($0) })
                    .narrowed(
                        0, from: .constant(index * third), count: .constant(third), as: sides
                    ).permuted([0, 2, 1, 3] + inner.indices.map { $0 + 4 }),
                shape: [third] + stored.dropFirst())
        }
    }
}
