import TensorCore

extension ProjectorFamily {
    /// DeepSeek-OCR 2: SAM, then a decoder of Qwen 2's shape that answers learned queries.
    public static let deepseekOCR2 = ProjectorFamily(
        name: "DeepseekOCR2", classes: ["DeepseekOCR2ForCausalLM"],
        vision: .init(
            "vision_config",
            defaults: [
                .computed("hidden_size") { $0["width"]?["qwen2-0-5b"]?["dim"] },
                // What the class builds its decoder with.
                .computed("layers") { $0["layers"] == nil ? .integer(24) : nil },
                .computed("patch_size") { $0["patch_size"] == nil ? .integer(16) : nil },
                .computed("intermediate_size") {
                    $0["intermediate_size"] == nil ? .integer(4864) : nil
                },
                .computed("num_attention_heads") {
                    $0["num_attention_heads"] == nil ? .integer(14) : nil
                },
            ]),
        keys: .deepseekOCR("deepseekocr2") + [.constant("attention.head_count_kv", 2)],
        spellings: .sam,
        prefixes: [
            "model.sam_model.", "model.qwen2_model.", "model.projector.", "model.image_newline",
            "model.view_seperator",
        ],
        tensors: [
            .sam,
            .blocks(
                "model.qwen2_model.model.model.layers.{bid}.",
                [
                    ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                    ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_out"),
                    ("input_layernorm", "ln1"), ("post_attention_layernorm", "ln2"),
                    ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
                    ("mlp.down_proj", "ffn_down"),
                ]), .init("model.qwen2_model.model.model.norm", "v.post_ln"),
            .init("model.qwen2_model.query_768", "v.resample_query_768"),
            .init("model.qwen2_model.query_1024", "v.resample_query_1024"),
            .init("model.projector.layers", "mm.model.fc"),
            .init("model.image_newline", "v.image_newline"),
            .init("model.view_seperator", "v.view_seperator", .shaped { [1] + $0 }),
        ],
        formats: .sam)
}
