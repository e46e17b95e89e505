import TensorCore

extension ProjectorFamily {
    /// dots3-note: an encoder of pictures with experts in some layers, and one of sound.
    public static let dots3Note = ProjectorFamily(
        name: "Dots3Note", classes: ["Dots3NoteForCausalLM", "Dots3NoteForConditionalGeneration"],
        vision: .init(
            "vision_config",
            defaults: [
                .replacement("hidden_size", by: "embed_dim"),
                .computed("image_size") { _ in .integer(0) },
            ]),
        audio: .init(
            "audio_config",
            defaults: [
                .whisperPart("hidden_size", "d_model"),
                .whisperPart("intermediate_size", "encoder_ffn_dim"),
                .whisperPart("num_attention_heads", "encoder_attention_heads"),
                .whisperPart("num_hidden_layers", "encoder_layers"),
            ]),
        keys: [
            .checking(checkDots3Pictures), .checking(checkDots3Sound),
            .value("clip.vision.projector_type") { _ in .string("dots3note_v") }, .silu,
            .epsilon("rms_norm_eps", or: 1e-6),
            .count("spatial_merge_size", "spatial_merge_size", of: \.vision),
            .count("image_min_pixels", "min_pixels", of: \.preprocessor),
            .count("image_max_pixels", "max_pixels", of: \.preprocessor),
            .value("clip.vision.expert_count_per_layer") { model throws(ArchitectureError) in
                let counts = try model.vision?.integers("pyramid_num_routed") ?? []
                return .int32s(counts.map { Int32(clamping: max($0, 0)) })
            }, .count("expert_used_count", "capacity_factor", of: \.vision),
            .value("clip.audio.projector_type") { _ in .string("dots3note_a") },
            .value("clip.audio.num_mel_bins") { model throws(ArchitectureError) in
                guard let bins = model.audio?["whisper_config"]?["num_mel_bins"]?.integer else {
                    throw model.whole.fault(
                        .missingKey, "audio_config.whisper_config.num_mel_bins")
                }
                return try model.whole.uint32(bins, "num_mel_bins")
            }, .value("clip.audio.attention.layer_norm_epsilon") { _ in .float32(1e-6) },
        ],
        prefixes: ["vision_encoder.", "audio_encoder."],
        tensors: [.dots3Pictures, .dots3Sound],
        formats: [
            .output(".ffn_gate_inp.", .f32), .output(".exp_probs_b.", .f32),
            .output(".conv2d", .f32), .output("a.conv_out", .f32),
        ],
        hasLikeLayers: false,
        preprocessing: ["image_mean", "image_std", "min_pixels", "max_pixels"].map { key in
            .computed(key) { $0["vision_config"]?[key] }
        })

    /// Refuses what files cannot say of the encoder of pictures.
    @Sendable private static func checkDots3Pictures(
        _ model: ProjectorModel
    ) throws(ArchitectureError) {
        guard let vision = model.vision else { return }
        try vision.expect("adapter_type", .string("patch_merger"), "patch_merger")
        try vision.expect("pre_pixel_shuffle", .bool(true), "true")
        try vision.expect("router_scoring_func", .string("sigmoid"), "sigmoid", isOptional: true)
        try vision.expect("router_scale", .integer(1), "1", isOptional: true)
        try vision.expect("temporal_patch_size", .integer(1), "1", isOptional: true)
        try vision.expect("use_bias", .bool(false), "false", isOptional: true)
        try vision.expect("use_qk_norm", .bool(true), "true")
    }

    /// Refuses what files cannot say of the encoder of sound.
    @Sendable private static func checkDots3Sound(
        _ model: ProjectorModel
    ) throws(ArchitectureError) {
        guard let audio = model.audio else { return }
        for key in ["use_conv2d_stem", "use_rope", "use_rms_norm"] {
            try audio.expect(key, .bool(true), "true")
        }
        try audio.expect("use_causal", .bool(false), "false", isOptional: true)
        try audio.expect("merge_factor", .integer(1), "1", isOptional: true)
        try audio.expect("chunk_seconds", .integer(60), "60")
        for (path, value, text) in [
            (["whisper_config", "activation_function"], JSON.string("swiglu"), "swiglu"),
            (["rope_parameters", "partial_rotary_factor"], .real(0.5), "0.5"),
            (["rope_parameters", "rope_theta"], .real(10000), "10000"),
        ] {
            let found = audio[path[0]]?[path[1]]
            guard found != value, found?.double == nil || found?.double != value.double else {
                continue
            }
            throw audio.fault(
                .notExpressible(
                    found: found?.kindName ?? "nothing", expected: text, architecture: "clip"),
                path.joined(separator: "."))
        }
    }
}

extension ModelConfiguration {
    /// Refuses another value of a key than the one that readers know.
    fileprivate func expect(
        _ key: String, _ value: JSON, _ text: String, isOptional: Bool = false
    ) throws(ArchitectureError) {
        guard let found = self[key] else {
            if isOptional { return }
            throw fault(.missingKey, key)
        }
        if found == value || found.double != nil && found.double == value.double { return }
        throw fault(
            .notExpressible(found: found.kindName, expected: text, architecture: "clip"), key)
    }
}

extension ConfigurationDefault {
    /// A size of Whisper's part of a configuration.
    fileprivate static func whisperPart(_ key: String, _ word: String) -> Self {
        .computed(key) { $0["whisper_config"]?[word] }
    }
}

extension ProjectorTensors {
    fileprivate static let dots3Pictures: Self = [
        .init("vision_encoder.patch_embed.proj", "v.patch_embd"),
        .init("vision_encoder.patch_embed.norm", "v.pre_ln"),
        .experts("fc1", "gate"), .experts("fc3", "up"), .experts("fc2", "down"),
        .init(
            "vision_encoder.blocks.{bid}.mlp.gate_weight", "v.blk.{bid}.ffn_gate_inp.weight"),
        .init("vision_encoder.blocks.{bid}.mlp.router_bias", "v.blk.{bid}.exp_probs_b.weight"),
        .blocks(
            "vision_encoder.blocks.{bid}.",
            [
                ("attn.qkv", "attn_qkv"), ("attn.proj", "attn_out"),
                ("attn.q_norm", "attn_q_norm"), ("attn.k_norm", "attn_k_norm"), ("norm_1", "ln1"),
                ("norm_2", "ln2"), ("mlp.fc1", "ffn_gate"), ("mlp.fc2", "ffn_down"),
                ("mlp.fc3", "ffn_up"),
            ]), .init("vision_encoder.post_trunk_norm", "mm.post_norm"),
        .init("vision_encoder.adapter.ln_q", "mm.input_norm"),
        .init("vision_encoder.adapter.mlp.{xid}", "mm.{xid}"),
    ]

    private static func experts(_ source: String, _ name: String) -> Self {
        .stack(
            "vision_encoder.blocks.{bid}.mlp.experts.{xid}.\(source)",
            "v.blk.{bid}.ffn_\(name)_exps"
        ) { block, model throws(ArchitectureError) in
            let counts = try model.vision?.integers("pyramid_num_routed") ?? []
            return counts.indices.contains(block) ? counts[block] : nil
        }
    }

    fileprivate static let dots3Sound: Self = [
        .init("audio_encoder.dots_encoder.speech_encoder.conv2d{xid}", "a.conv2d.{xid}"),
        .init("audio_encoder.dots_encoder.speech_encoder.conv_out", "a.conv_out"),
        .init("audio_encoder.dots_encoder.speech_encoder.layer_norm", "a.post_ln"),
        .split(
            "audio_encoder.dots_encoder.speech_encoder.layers.{bid}.fc1",
            [
                ("a.blk.{bid}.ffn_gate", .share(0, of: 2)),
                ("a.blk.{bid}.ffn_up", .share(1, of: 2)),
            ]),
        .blocks(
            "audio_encoder.dots_encoder.speech_encoder.layers.{bid}.", as: "a.blk.{bid}.",
            [
                ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                ("self_attn.v_proj", "attn_v"), ("self_attn.out_proj", "attn_out"),
                ("self_attn_layer_norm", "ln1"), ("final_layer_norm", "ln2"), ("fc2", "ffn_down"),
            ]), .init("audio_encoder.audio_adapter.proj.0", "mm.a.norm_pre"),
        .init("audio_encoder.audio_adapter.proj.{xid}", "mm.a.mlp.{xid}"),
    ]
}
