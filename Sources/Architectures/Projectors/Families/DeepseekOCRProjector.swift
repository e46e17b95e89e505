import TensorCore

extension ProjectorFamily {
    /// DeepSeek-OCR and Unlimited-OCR: SAM, then CLIP.
    public static let deepseekOCR = ProjectorFamily(
        name: "DeepseekOCR", classes: ["DeepseekOCRForCausalLM", "UnlimitedOCRForCausalLM"],
        vision: .init(
            "vision_config",
            defaults: [
                .clip("layers"), .clip("heads"), .clip("image_size"), .clip("patch_size"),
                .clip("hidden_size", "width"),
                .computed("num_heads") { $0["heads"] },
                .computed("intermediate_size") {
                    $0["heads"]?.integer.map { .integer($0 &* 4) }
                },
            ]),
        keys: .deepseekOCR("deepseekocr"),
        spellings: .sam,
        prefixes: [
            "model.sam_model.", "model.vision_model.", "model.projector.", "model.image_newline",
            "model.view_seperator",
        ],
        tensors: [
            .sam,
            .init("model.vision_model.embeddings.class_embedding", "v.class_embd"),
            .init("model.vision_model.pre_layrnorm", "v.pre_ln"),
            .init(
                "model.vision_model.transformer.layers.{bid}.self_attn.qkv_proj",
                "v.blk.{bid}.attn_qkv"),
            .siglip("model.vision_model.", layers: "transformer.layers.{bid}."),
            .init("model.projector.layers", "mm.model.fc"),
            .init("model.image_newline", "v.image_newline"),
            .init("model.view_seperator", "v.view_seperator", .shaped { [1] + $0 }),
        ],
        formats: .sam)
}

extension [ProjectorKey] {
    /// What files of DeepSeek-OCR have.
    static func deepseekOCR(_ type: String) -> Self {
        [
            .type(type), .epsilon(or: 1e-6), .gelu,
            .value("clip.vision.projector.scale_factor") { model throws(ArchitectureError) in
                guard let vision = model.vision else { return nil }
                let tokens = try model.preprocessor.integer(["image_seq_length"]) ?? 256
                let side = Int(Double(Swift.max(tokens, 1)).squareRoot())
                let factor =
                    try vision.required("image_size") / vision.required("patch_size") / side
                return factor > 0 && factor != 4
                    ? try vision.uint32(factor, "image_seq_length") : nil
            },
            .count("window_size", "window_size", of: \.vision, or: 14),
            .constant("preproc_min_tiles", 2),
            .value("clip.vision.preproc_max_tiles") { model throws(ArchitectureError) in
                switch try model.whole.architectureName() {
                case "UnlimitedOCRForCausalLM": .uint32(32)
                case "DeepseekOCR2ForCausalLM": .uint32(6)
                default: .uint32(9)
                }
            },
            .sam("block_count", "layers"), .sam("embedding_length", "width"),
            .sam("head_count", "heads"),
        ]
    }
}

extension ProjectorTensors {
    /// SAM's encoder, which stands before another.
    static let sam: Self = [
        .init("model.sam_model.pos_embed", "v.sam.pos_embd"),
        .init("model.sam_model.patch_embed.proj", "v.sam.patch_embd"),
        .blocks(
            "model.sam_model.blocks.{bid}.", as: "v.sam.blk.{bid}.",
            [
                ("norm1", "pre_ln"), ("norm2", "post_ln"), ("attn.rel_pos_h", "attn.pos_h"),
                ("attn.rel_pos_w", "attn.pos_w"), ("attn.qkv", "attn.qkv"),
                ("attn.proj", "attn.out"), ("mlp.lin1", "mlp.lin1"), ("mlp.lin2", "mlp.lin2"),
            ]), .init("model.sam_model.neck.{xid}", "v.sam.neck.{xid}"),
        .init("model.sam_model.net_2", "v.sam.net_2"),
        .init("model.sam_model.net_3", "v.sam.net_3"),
    ]
}

extension [ModelFamily.Spelling] {
    /// SAM's tables, which checkpoints have by themselves.
    static let sam: Self = [
        .init(".pos_embed", means: ".pos_embed.weight"),
        .init(".rel_pos_h", means: ".rel_pos_h.weight"),
        .init(".rel_pos_w", means: ".rel_pos_w.weight"),
    ]
}

extension [ProjectorFamily.FormatRule] {
    /// What of SAM stays in F32.
    static let sam: Self = [
        .source(".embeddings.", .f32), .source("pos_embed", .f32),
        .source(".rel_pos_h", .f32), .source(".rel_pos_w", .f32), .source(".neck.", .f32),
        .source(".net_", .f32),
    ]
}

extension ConfigurationDefault {
    /// What CLIP's part of the configuration says, which stands inside `width`.
    fileprivate static func clip(_ key: String, _ word: String? = nil) -> Self {
        .computed(key) { $0["width"]?["clip-l-14-224"]?[word ?? key] }
    }
}

extension ProjectorKey {
    /// A size of SAM's.
    fileprivate static func sam(_ key: String, _ word: String) -> Self {
        .value("clip.vision.sam.\(key)") { model throws(ArchitectureError) in
            guard let value = model.vision?["width"]?["sam_vit_b"]?[word]?.integer else {
                throw model.whole.fault(.missingKey, "vision_config.width.sam_vit_b.\(word)")
            }
            return try model.whole.uint32(value, word)
        }
    }
}
