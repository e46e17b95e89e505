import TensorCore

extension ProjectorFamily {
    /// EXAONE 4.5: Qwen 2.5-VL's encoder with grouped queries.
    public static let exaone45 = ProjectorFamily(
        name: "Exaone45", classes: ["Exaone4_5_ForConditionalGeneration"],
        vision: .qwen2VL(["vision_config"]),
        keys: [
            .type("exaone4_5"), .silu, .count("image_min_pixels", "min_pixels", of: \.preprocessor),
            .count("image_max_pixels", "max_pixels", of: \.preprocessor),
            .count("attention.head_count_kv", "num_key_value_heads", of: \.vision),
            .value("clip.vision.attention.layer_norm_epsilon") { model throws(ArchitectureError) in
                let own = try model.vision?.number(["rms_norm_eps"])
                let whole = try model.whole.number(["rms_norm_eps"])
                return .float32(Float(own ?? whole ?? 1e-6))
            },
            .count("window_size", "window_size", of: \.vision), .fullAttentionPeriod,
        ],
        spellings: [.init("model.visual.", means: "visual.")], prefixes: ["visual."],
        tensors: [
            .init("visual.blocks.{bid}.attn.qkv", "v.blk.{bid}.attn_qkv"),
            .init(ProjectorTensors.qwen2VL.rules.filter { !$0.source.text.hasSuffix("attn.qkv") }),
        ])
}
