import TensorCore

extension ProjectorFamily {
    /// Gemma 4: an encoder of pictures of Gemma's own shape, and a conformer in the smaller models.
    public static let gemma4 = ProjectorFamily(
        name: "Gemma4", classes: ["Gemma4ForConditionalGeneration"],
        vision: .init(
            "vision_config",
            // Pictures keep their shape; files say this all the same.
            defaults: [.computed("image_size") { _ in .integer(224) }]),
        audio: .init(
            "audio_config",
            defaults: [
                .computed("intermediate_size") {
                    $0["hidden_size"]?.integer.map { .integer($0 &* 4) }
                }
            ], isOptional: true),
        keys: .gemma4("gemma4v", "gemma4a"),
        spellings: [
            .init(".linear.weight", means: ".weight"), .init(".linear.bias", means: ".bias"),
        ],
        prefixes: [
            "model.vision_tower.", "model.embed_vision.", "model.audio_tower.",
            "model.embed_audio.",
        ],
        tensors: [
            .gemma4Encoder, .gemma4Conformer,
            .init("model.embed_vision.embedding_projection", "mm.input_projection"),
            .init("model.embed_audio.embedding_projection", "mm.a.input_projection"),
        ],
        formats: [
            .source("position_embedding_table", .f32), .source(".conv", .f32),
            .source("_conv", .f32),
        ])
}

extension [ProjectorKey] {
    /// What files of Gemma 4's encoders have.
    static func gemma4(_ pictures: ByteString, _ sound: ByteString) -> Self {
        [
            .value("clip.vision.projector_type") { _ in .string(pictures) }, .epsilon(or: 1e-6),
            .value("clip.audio.projector_type") { $0.audio == nil ? nil : .string(sound) },
            .value("clip.audio.num_mel_bins") { model throws(ArchitectureError) in
                guard let audio = model.audio else { return nil }
                return try audio.uint32(
                    audio.integer(["input_feat_size"]) ?? 128, "input_feat_size")
            },
            .value("clip.audio.attention.layer_norm_epsilon") { model throws(ArchitectureError) in
                guard let audio = model.audio else { return nil }
                return .float32(Float(try audio.number(["layer_norm_eps"]) ?? 1e-6))
            },
        ]
    }
}

extension ProjectorTensors {
    /// Layers whose matrices have limits of what goes in and comes out.
    private static func limited(
        _ source: String, as block: String, _ modules: [(String, String)]
    ) -> Self {
        let limits = ["input_max", "input_min", "output_max", "output_min"]
        return .blocks(
            source, as: block,
            modules
                + modules.flatMap { module, name in
                    limits.map { ("\(module).\($0)", "\(name).\($0)") }
                })
    }

    fileprivate static let gemma4Encoder: Self = [
        .init(
            "model.vision_tower.patch_embedder.input_proj.weight", "v.patch_embd.weight",
            .pixelsToKernels),
        .init(
            "model.vision_tower.patch_embedder.position_embedding_table",
            "v.position_embd.weight"), .init("model.vision_tower.std_bias", "v.std_bias"),
        .init("model.vision_tower.std_scale", "v.std_scale"),
        .init(
            "model.vision_tower.encoder.layers.{bid}.layer_scalar", "v.blk.{bid}.out_scale.weight"),
        .limited(
            "model.vision_tower.encoder.layers.{bid}.", as: "v.blk.{bid}.",
            [
                ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_out"),
                ("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm"),
                ("input_layernorm", "ln1"), ("post_attention_layernorm", "attn_post_norm"),
                ("pre_feedforward_layernorm", "ln2"),
                ("post_feedforward_layernorm", "ffn_post_norm"), ("mlp.gate_proj", "ffn_gate"),
                ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
            ]),
    ]

    fileprivate static let gemma4Conformer: Self = [
        .init(
            "model.audio_tower.subsample_conv_projection.layer{xid}.conv", "a.conv1d.{xid}"),
        .init(
            "model.audio_tower.subsample_conv_projection.layer{xid}.norm", "a.conv1d.{xid}.norm"),
        .init(
            "model.audio_tower.subsample_conv_projection.input_proj_linear", "a.input_projection"),
        .init("model.audio_tower.output_proj", "a.pre_encode.out"),
        .init(
            "model.audio_tower.layers.{bid}.self_attn.per_dim_scale",
            "a.blk.{bid}.per_dim_scale.weight", change: .softplus),
        .init(
            "model.audio_tower.layers.{bid}.lconv1d.depthwise_conv1d.weight",
            "a.blk.{bid}.conv_dw.weight", .without(1, ofRank: 3)),
        .limited(
            "model.audio_tower.layers.{bid}.", as: "a.blk.{bid}.",
            [
                ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                ("self_attn.v_proj", "attn_v"), ("self_attn.post", "attn_out"),
                ("self_attn.relative_k_proj", "attn_k_rel"), ("norm_pre_attn", "attn_pre_norm"),
                ("norm_post_attn", "attn_post_norm"), ("norm_out", "ln2"),
                ("feed_forward1.pre_layer_norm", "ffn_norm"),
                ("feed_forward1.ffw_layer_1", "ffn_up"),
                ("feed_forward1.ffw_layer_2", "ffn_down"),
                ("feed_forward1.post_layer_norm", "ffn_post_norm"),
                ("feed_forward2.pre_layer_norm", "ffn_norm_1"),
                ("feed_forward2.ffw_layer_1", "ffn_up_1"),
                ("feed_forward2.ffw_layer_2", "ffn_down_1"),
                ("feed_forward2.post_layer_norm", "ffn_post_norm_1"),
                ("lconv1d.pre_layer_norm", "conv_norm"), ("lconv1d.conv_norm", "norm_conv"),
                ("lconv1d.linear_start", "conv_pw1"), ("lconv1d.linear_end", "conv_pw2"),
                ("lconv1d.depthwise_conv1d", "conv_dw"),
            ]),
    ]
}
