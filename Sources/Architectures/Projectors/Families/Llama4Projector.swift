import TensorCore

extension ProjectorFamily {
    /// Llama 4.
    public static let llama4 = ProjectorFamily(
        name: "Llama4", classes: ["Llama4ForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .integer("hidden_size", 768), .integer("intermediate_size", 5632),
                .integer("num_hidden_layers", 34), .integer("num_attention_heads", 16),
                .integer("image_size", 448), .integer("patch_size", 14),
                .text("hidden_act", "gelu"), .real("pixel_shuffle_ratio", 0.5),
                .real("norm_eps", 1e-5),
            ]),
        keys: [
            .type("llama4"), .epsilon("norm_eps", or: 1e-5),
            .inverse("projector.scale_factor", "pixel_shuffle_ratio", of: \.vision), .activation(),
        ],
        spellings: [
            .init("model.vision_model.", means: "vision_model."),
            .init("model.multi_modal_projector.", means: "multi_modal_projector."),
        ],
        prefixes: ["vision_model.", "multi_modal_projector."],
        tensors: [
            .init("vision_model.patch_embedding.linear", "v.patch_embd"),
            .init("vision_model.class_embedding", "v.class_embd"),
            .init("vision_model.positional_embedding_vlm", "v.position_embd.weight"),
            .init("vision_model.layernorm_pre", "v.pre_ln"),
            .init("vision_model.layernorm_post", "v.post_ln"),
            .blocks(
                "vision_model.model.layers.{bid}.",
                [
                    ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                    ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_out"),
                    ("input_layernorm", "ln1"), ("post_attention_layernorm", "attn_post_norm"),
                    ("mlp.fc1", "ffn_up"), ("mlp.fc2", "ffn_down"),
                ]),
            .init("vision_model.vision_adapter.mlp.fc{xid}", "mm.model.mlp.{xid}"),
            .init("multi_modal_projector.linear_1", "mm.model.fc"),
        ])
}
