import TensorCore

extension ProjectorFamily {
    /// Gemma 3n: MobileNet V5, whose blocks have parts, and a conformer.
    public static let gemma3n = ProjectorFamily(
        name: "Gemma3n", classes: ["Gemma3nForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .integer("hidden_size", 2048),
                // Numbers that readers do not ask for and every file has.
                .computed("n_layers") { _ in .integer(128) },
                .computed("intermediate_size") {
                    .integer(($0["intermediate_size"]?.integer ?? 2048) &* 4)
                }, .integer("num_attention_heads", 8), .computed("image_size") { _ in .integer(0) },
                .computed("patch_size") { _ in .integer(0) },
            ]),
        audio: .init(
            "audio_config",
            defaults: [
                .integer("hidden_size", 1536), .integer("intermediate_size", 6144),
                .integer("conf_num_hidden_layers", 12), .integer("conf_num_attention_heads", 8),
                .integer("input_feat_size", 128),
                .replacement("n_layers", by: "conf_num_hidden_layers"),
                .replacement("num_attention_heads", by: "conf_num_attention_heads"),
            ]),
        keys: [
            .value("clip.vision.image_size") { model throws(ArchitectureError) in
                try model.preprocessor.uint32(pictureSize(model), "size")
            },
            .value("clip.vision.patch_size") { model throws(ArchitectureError) in
                let tokens = try model.preprocessor.integer(["image_seq_length"]) ?? 256
                return try model.preprocessor.uint32(
                    pictureSize(model) / max(tokens, 1), "image_seq_length")
            },
            .value("clip.vision.projector_type") { _ in .string("gemma3nv") }, .epsilon(or: 1e-6),
            .value("clip.audio.projector_type") { _ in .string("gemma3na") },
            .sound("num_mel_bins", "input_feat_size", of: \.audio),
            .value("clip.audio.attention.layer_norm_epsilon") { _ in .float32(1e-5) },
        ],
        spellings: [.init("model.audio_tower.conformer.", means: "conformer.")],
        prefixes: [
            "model.vision_tower.", "model.embed_vision.", "model.audio_tower.", "conformer.",
            "model.embed_audio.",
        ],
        tensors: [
            .mobileNet, .gemma3nConformer, .gemmaEmbedding("model.embed_vision.", "mm."),
            .gemmaEmbedding("model.embed_audio.", "mm.a."),
        ],
        formats: [
            .source("input_proj", .f16), .source(".embeddings.", .f32), .source("stem", .f32),
            .source("_conv_projection.", .f32), .source(".conv_norm", .f32),
            .source("_conv1d.weight", .f32),
        ],
        hasLikeLayers: false,
        preprocessing: [
            .computed("image_mean") { _ in .array([.real(0), .real(0), .real(0)]) },
            .computed("image_std") { _ in .array([.real(1), .real(1), .real(1)]) },
        ])

    /// The height of pictures as they go in.
    private static func pictureSize(_ model: ProjectorModel) throws(ArchitectureError) -> Int {
        guard let size = model.preprocessor["size"] else { return 768 }
        guard let height = size["height"]?.integer else {
            throw model.preprocessor.fault(.missingKey, "size.height")
        }
        return height
    }
}

extension ProjectorTensors {
    /// MobileNet V5 as timm names it; parts of blocks keep their names.
    fileprivate static let mobileNet: Self = [
        .blocks(
            "model.vision_tower.timm_model.blocks.{bid}.{xid}.", as: "v.blk.{bid}.{xid}.",
            [
                "conv_exp", "bn1", "conv_pwl", "bn2", "dw_start.conv", "dw_start.bn", "dw_mid.conv",
                "dw_mid.bn", "pw_exp.conv", "pw_exp.bn", "pw_proj.conv", "pw_proj.bn",
                "layer_scale.gamma", "attn.query.proj", "attn.key.proj", "attn.value.proj",
                "attn.output.proj", "attn.key.down_conv", "attn.key.norm", "attn.value.down_conv",
                "attn.value.norm", "norm",
            ].map { ($0, $0) }),
        .init(
            "model.vision_tower.timm_model.conv_stem.conv.bias", "v.conv_stem.conv.bias",
            .shaped { $0.count == 1 ? [1] + $0 + [1, 1] : nil }),
        .init("model.vision_tower.timm_model.conv_stem.conv", "v.conv_stem.conv"),
        .init("model.vision_tower.timm_model.conv_stem.bn", "v.conv_stem.bn"),
        .init("model.vision_tower.timm_model.msfa.ffn.pw_exp.conv", "v.msfa.ffn.pw_exp.conv"),
        .init("model.vision_tower.timm_model.msfa.ffn.pw_exp.bn", "v.msfa.ffn.pw_exp.bn"),
        .init("model.vision_tower.timm_model.msfa.ffn.pw_proj.conv", "v.msfa.ffn.pw_proj.conv"),
        .init("model.vision_tower.timm_model.msfa.ffn.pw_proj.bn", "v.msfa.ffn.pw_proj.bn"),
        .init("model.vision_tower.timm_model.msfa.norm", "v.msfa.norm"),
    ]

    /// Tokens of an encoder's own, and how they and its output become the language model's.
    fileprivate static func gemmaEmbedding(_ source: String, _ name: String) -> Self {
        .blocks(
            source, as: name,
            [
                ("embedding", "embedding"), ("hard_embedding_norm", "hard_emb_norm"),
                ("embedding_projection", "input_projection"),
                ("soft_embedding_norm", "soft_emb_norm"),
            ])
    }

    /// Gemma 3n's conformer.
    fileprivate static let gemma3nConformer: Self = [
        .init(
            "model.audio_tower.subsample_conv_projection.conv_{xid}.conv", "a.conv1d.{xid}"),
        .init(
            "model.audio_tower.subsample_conv_projection.conv_{xid}.norm", "a.conv1d.{xid}.norm"),
        .init(
            "model.audio_tower.subsample_conv_projection.input_proj_linear", "a.pre_encode.out"),
        .blocks(
            "conformer.{bid}.", as: "a.blk.{bid}.",
            [
                ("attention.pre_attn_norm", "ln1"), ("attention.attn.q_proj", "attn_q"),
                ("attention.attn.k_proj", "attn_k"), ("attention.attn.v_proj", "attn_v"),
                ("attention.attn.per_dim_scale", "per_dim_scale"),
                ("attention.attn.per_dim_key_scale", "per_dim_k_scale"),
                ("attention.attn.relative_position_embedding.pos_proj", "linear_pos"),
                ("attention.post", "attn_out"), ("attention.post_norm", "ln2"),
                ("ffw_layer_start.pre_layer_norm", "ffn_norm"),
                ("ffw_layer_start.ffw_layer_1", "ffn_up"),
                ("ffw_layer_start.ffw_layer_2", "ffn_down"),
                ("ffw_layer_start.post_layer_norm", "ffn_post_norm"),
                ("ffw_layer_start.post_layer_scale", "ffn_scale"),
                ("ffw_layer_end.pre_layer_norm", "ffn_norm_1"),
                ("ffw_layer_end.ffw_layer_1", "ffn_up_1"),
                ("ffw_layer_end.ffw_layer_2", "ffn_down_1"),
                ("ffw_layer_end.post_layer_norm", "ffn_post_norm_1"),
                ("ffw_layer_end.post_layer_scale", "ffn_scale_1"),
                ("lconv1d.pre_layer_norm", "conv_norm"), ("lconv1d.linear_start", "conv_pw1"),
                ("lconv1d.depthwise_conv1d", "conv_dw"), ("lconv1d.conv_norm", "norm_conv"),
                ("lconv1d.linear_end", "conv_pw2"), ("norm", "layer_pre_norm"),
            ]),
    ]
}
