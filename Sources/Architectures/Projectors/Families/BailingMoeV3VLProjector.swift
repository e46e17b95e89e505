import TensorCore

extension ProjectorFamily {
    /// Ling 3 VL: Qwen 3-VL's encoder, whose merger is a norm alone, before a network outside it.
    public static let bailingMoeV3VL = ProjectorFamily(
        name: "BailingMoeV3VL", classes: ["BailingMoeV3VLForConditionalGeneration"],
        vision: .qwen3VL(["vision_config"]),
        keys: [
            .checking { model throws(ArchitectureError) in
                guard model.vision?["disable_merger_proj"]?.boolean == true else {
                    throw model.whole.fault(
                        .notExpressible(
                            found: "another merger", expected: "true", architecture: "clip"),
                        "vision_config.disable_merger_proj")
                }
            }, .type("ling3vl"), .gelu,
            .count("spatial_merge_size", "spatial_merge_size", of: \.vision), .epsilonOfText,
        ],
        spellings: [.init("model.visual.", means: "visual.")],
        prefixes: ["visual.", "linear_proj."],
        tensors: [
            .init("visual.merger.norm", "mm.input_norm"), .qwen3VLEncoder,
            .init("visual.pos_embed", "v.position_embd"),
            .init("linear_proj.{xid}", "mm.{xid}"),
        ])
}
