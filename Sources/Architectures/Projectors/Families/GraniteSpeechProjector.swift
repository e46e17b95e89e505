import TensorCore

extension ProjectorFamily {
    /// Granite Speech and Speech Plus: a conformer, and a Q-Former over windows of its output.
    public static let graniteSpeech = ProjectorFamily(
        name: "GraniteSpeech",
        classes: [
            "GraniteSpeechForConditionalGeneration", "GraniteSpeechPlusForConditionalGeneration",
        ],
        audio: .init(
            "encoder_config",
            defaults: [
                .replacement("hidden_size", by: "hidden_dim"),
                .computed("intermediate_size") { audio in
                    guard let width = audio["hidden_dim"]?.integer,
                        let factor = audio["feedforward_mult"]?.integer
                    else { return nil }
                    return .integer(width &* factor)
                }, .replacement("num_attention_heads", by: "num_heads"),
            ]),
        keys: [
            .type("granite_speech"), .sound("num_mel_bins", "input_dim", of: \.audio),
            .value("clip.audio.attention.layer_norm_epsilon") { _ in .float32(1e-5) },
            .sound("chunk_size", "context_size", of: \.audio),
            .sound("conv_kernel_size", "conv_kernel_size", of: \.audio),
            .sound("max_pos_emb", "max_pos_emb", of: \.audio),
            .sound("projector.window_size", "window_size", of: \.whole),
            .sound("projector.downsample_rate", "downsample_rate", of: \.whole),
            .value("clip.audio.projector.head_count") { model throws(ArchitectureError) in
                let heads = model.whole["projector_config"]?["num_attention_heads"]?.integer
                guard let heads else {
                    throw model.whole.fault(.missingKey, "projector_config.num_attention_heads")
                }
                return try model.whole.uint32(heads, "projector_config.num_attention_heads")
            }, .featureLayers,
        ],
        spellings: [
            .init("model.encoder.", means: "encoder."),
            .init("model.projector.", means: "projector."),
        ],
        prefixes: ["encoder.", "projector."], ignored: ["attention_dists"],
        tensors: [
            .init("encoder.input_linear", "a.input_projection"),
            .init("encoder.out", "a.enc_ctc_out"), .init("encoder.out_mid", "a.enc_ctc_out_mid"),
            .split(
                "encoder.layers.{bid}.attn.to_kv",
                [
                    ("a.blk.{bid}.attn_k", .share(0, of: 2)),
                    ("a.blk.{bid}.attn_v", .share(1, of: 2)),
                ]),
            .init(
                "encoder.layers.{bid}.attn.rel_pos_emb.weight", "a.blk.{bid}.attn_rel_pos_emb"),
            .init(
                "encoder.layers.{bid}.conv.up_conv", "a.blk.{bid}.conv_pw1",
                .without(2, ofRank: 3)),
            .init(
                "encoder.layers.{bid}.conv.down_conv", "a.blk.{bid}.conv_pw2",
                .without(2, ofRank: 3)),
            .init(
                "encoder.layers.{bid}.conv.depth_conv.conv", "a.blk.{bid}.conv_dw",
                .without(1, ofRank: 3)),
            .blocks(
                "encoder.layers.{bid}.", as: "a.blk.{bid}.",
                [
                    ("attn.pre_norm", "ln1"), ("attn.to_q", "attn_q"), ("attn.to_out", "attn_out"),
                    ("post_norm", "ln2"), ("ff1.pre_norm", "ffn_norm"), ("ff1.up_proj", "ffn_up"),
                    ("ff1.down_proj", "ffn_down"), ("ff2.pre_norm", "ffn_norm_1"),
                    ("ff2.up_proj", "ffn_up_1"), ("ff2.down_proj", "ffn_down_1"),
                    ("conv.norm", "norm_conv"),
                ]), .init("projector.query", "a.proj_query"),
            .init("projector.qformer.layernorm", "a.proj_norm"),
            .init("projector.linear", "a.proj_linear"),
            .blocks(
                "projector.qformer.encoder.layer.{bid}.", as: "a.proj_blk.{bid}.",
                ProjectorTensors.qFormerLayer),
        ],
        formats: [.source(".conv", .f32)],
        batchNorms: [
            .init("encoder.layers.{bid}.conv.batch_norm", "a.blk.{bid}.conv_norm_var")
        ])
}

extension ProjectorKey {
    /// The layers whose outputs go to the projector beside the last one's (Speech Plus).
    fileprivate static let featureLayers = value("clip.audio.feature_layer") {
        model throws(ArchitectureError) in
        guard let audio = model.audio, let layers = try audio.integers("cat_hidden_layers"),
            !layers.isEmpty
        else { return nil }
        let width = model.whole["projector_config"]?["encoder_hidden_size"]?.integer
        let expected = try audio.required("hidden_dim").multipliedReportingOverflow(
            by: layers.count + 1)
        guard !expected.overflow, width == expected.partialValue else {
            throw model.whole.fault(
                .invalidValue(
                    found: width.map { "\($0)" } ?? "nothing",
                    expected: "\(expected.partialValue), as wide as the layers together"),
                "projector_config.encoder_hidden_size")
        }
        return .int32s(layers.map { Int32(clamping: $0) })
    }

    /// A count of some configuration under a key of sound.
    static func sound(
        _ key: String, _ word: String,
        of part: @escaping @Sendable (ProjectorModel) -> ModelConfiguration?,
        or other: Int? = nil
    ) -> Self {
        .value("clip.audio.\(key)") { model throws(ArchitectureError) in
            guard let configuration = part(model) else { return nil }
            guard let value = try configuration.integer([word]) ?? other else {
                throw configuration.fault(.missingKey, word)
            }
            return try configuration.uint32(value, word)
        }
    }
}
