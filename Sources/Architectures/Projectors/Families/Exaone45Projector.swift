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
            .split(
                "visual.blocks.{bid}.attn.qkv",
                [
                    ("v.blk.{bid}.attn_q", .grouped(0)), ("v.blk.{bid}.attn_k", .grouped(1)),
                    ("v.blk.{bid}.attn_v", .grouped(2)),
                ]),
            .init(ProjectorTensors.qwen2VL.rules.filter { !$0.source.text.hasSuffix("attn.qkv") }),
        ])
}

extension ProjectorLayout {
    /// Queries, keys or values, of which there are fewer heads of the latter.
    fileprivate static func grouped(_ index: Int) -> Self {
        .init { stored, model throws(ArchitectureError) in
            guard let vision = model.vision, let rows = stored.first else { return nil }
            let heads = try vision.required("num_attention_heads")
            let keys = try vision.integer(["num_key_value_heads"]) ?? heads
            let all = heads + 2 * keys
            guard keys > 0, heads < 1 << 20, keys < 1 << 20, rows % all == 0 else { return nil }
            let size = rows / all
            let start = [0, heads, heads + keys][index] * size
            let count = (index == 0 ? heads : keys) * size
            return .init(
                view: .reshaped(stored.map { .constant($0) })
                    .narrowed(0, from: .constant(start), count: .constant(count)),
                shape: [count] + stored.dropFirst())
        }
    }
}
