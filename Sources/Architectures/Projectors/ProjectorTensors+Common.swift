import TensorCore

extension ProjectorTensors {
    /// SigLIP and CLIP as transformers names them.
    ///
    /// - Parameters:
    ///   - prefix: What stands in front: `vision_tower.vision_model.`.
    ///   - layers: What follows the prefix in a layer's names.
    @inline(never)
    static func siglip(_ prefix: String, layers: String = "encoder.layers.{bid}.") -> Self {
        [
            .init(prefix + "embeddings.patch_embedding", "v.patch_embd"),
            .init(prefix + "embeddings.position_embedding", "v.position_embd"),
            .init(prefix + "post_layernorm", "v.post_ln"),
            .blocks(
                prefix + layers,
                [
                    ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                    ("self_attn.v_proj", "attn_v"), ("self_attn.out_proj", "attn_out"),
                    ("layer_norm1", "ln1"), ("layer_norm2", "ln2"), ("mlp.fc1", "ffn_up"),
                    ("mlp.fc2", "ffn_down"),
                ]),
        ]
    }

    /// Pixtral's encoder.
    static let pixtral: Self = [
        .init("vision_tower.patch_conv", "v.patch_embd"),
        .init("vision_tower.ln_pre", "v.pre_ln"),
        .init(
            "vision_tower.transformer.layers.{bid}.attention.q_proj", "v.blk.{bid}.attn_q",
            .rotaryPairs("num_attention_heads")),
        .init(
            "vision_tower.transformer.layers.{bid}.attention.k_proj", "v.blk.{bid}.attn_k",
            .rotaryPairs("num_attention_heads")),
        .blocks(
            "vision_tower.transformer.layers.{bid}.",
            [
                ("attention.v_proj", "attn_v"), ("attention.o_proj", "attn_out"),
                ("attention_norm", "ln1"), ("ffn_norm", "ln2"),
                ("feed_forward.gate_proj", "ffn_gate"), ("feed_forward.up_proj", "ffn_up"),
                ("feed_forward.down_proj", "ffn_down"),
            ]),
        .init("multi_modal_projector.linear_{xid}", "mm.{xid}"),
        .init("multi_modal_projector.norm", "mm.input_norm"),
        .init("multi_modal_projector.patch_merger.merging_layer", "mm.patch_merger"),
    ]

    /// The encoder of Qwen 2-VL and 2.5-VL.
    static let qwen2VL: Self = [
        .frames("visual.patch_embed.proj"), .splitQKV("visual.blocks.{bid}.attn.qkv"),
        .blocks(
            "visual.blocks.{bid}.",
            [
                ("attn.proj", "attn_out"), ("norm1", "ln1"), ("norm2", "ln2"),
                ("mlp.fc1", "ffn_up"), ("mlp.fc2", "ffn_down"), ("mlp.gate_proj", "ffn_gate"),
                ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
            ]),
        .init("visual.merger.ln_q", "v.post_ln"), .init("visual.merger.mlp.{xid}", "mm.{xid}"),
    ]

    /// The encoder of Qwen 3-VL and, with another merger, of GLM-4V.
    static let qwen3VLEncoder: Self = [
        .frames("visual.patch_embed.proj"), .init("visual.patch_embed.proj", "v.patch_embd"),
        .blocks(
            "visual.blocks.{bid}.",
            [
                ("attn.qkv", "attn_qkv"), ("attn.proj", "attn_out"), ("norm1", "ln1"),
                ("norm2", "ln2"), ("mlp.linear_fc1", "ffn_up"), ("mlp.linear_fc2", "ffn_down"),
                ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
                ("mlp.down_proj", "ffn_down"), ("attn.q_norm", "attn_q_norm"),
                ("attn.k_norm", "attn_k_norm"),
            ]),
    ]

    /// Qwen 3-VL's merger, and those of layers in between (deepstack).
    static let qwen3VLMerger: Self = [
        .init("visual.pos_embed", "v.position_embd"), .init("visual.merger.norm", "v.post_ln"),
        .init("visual.merger.linear_fc1", "mm.0"), .init("visual.merger.linear_fc2", "mm.2"),
        .deepstack("norm", "norm"), .deepstack("linear_fc1", "fc1"),
        .deepstack("linear_fc2", "fc2"),
    ]

    private static func deepstack(_ source: String, _ name: String) -> Self {
        .init(
            "visual.deepstack_merger_list.{xid}.\(source)", "v.deepstack.{xid}.\(name)",
            number: { index, model throws(ArchitectureError) in
                let layers = try model.vision?.integers("deepstack_visual_indexes") ?? []
                return layers.indices.contains(index) ? layers[index] : nil
            })
    }

    /// Whisper's encoder.
    static let whisper: Self = [
        .init("audio_tower.conv{xid}.weight", "a.conv1d.{xid}.weight"),
        // Added to a channel's whole row.
        .init("audio_tower.conv{xid}.bias", "a.conv1d.{xid}.bias", .shaped { $0 + [1] }),
        .init("audio_tower.embed_positions", "a.position_embd"),
        .init("audio_tower.layer_norm", "a.post_ln"), .init("audio_tower.ln_post", "a.post_ln"),
        .blocks(
            "audio_tower.layers.{bid}.", as: "a.blk.{bid}.",
            [
                ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
                ("self_attn.v_proj", "attn_v"), ("self_attn.out_proj", "attn_out"),
                ("self_attn_layer_norm", "ln1"), ("final_layer_norm", "ln2"), ("fc1", "ffn_up"),
                ("fc2", "ffn_down"),
            ]),
    ]
}

extension ProjectorSection {
    /// Whisper's words for widths.
    @inline(never)
    static func whisper(_ path: [String]) -> Self {
        .init(
            path: path,
            defaults: [
                .replacement("hidden_size", by: "d_model"),
                .replacement("intermediate_size", by: "encoder_ffn_dim"),
                .replacement("num_attention_heads", by: "encoder_attention_heads"),
            ])
    }

    /// Qwen 2-VL's words for widths.
    @inline(never)
    static func qwen2VL(_ path: [String], _ more: [ConfigurationDefault] = []) -> Self {
        .init(
            path: path,
            defaults: [
                .integer("image_size", 560), .replacement("num_attention_heads", by: "num_heads"),
                .replacement("num_hidden_layers", by: "depth"),
            ] + more + [
                .computed("intermediate_size") {
                    $0["embed_dim"] == nil ? nil : $0["hidden_size"]
                },
                .replacement("hidden_size", by: "embed_dim"),
            ])
    }

    /// Qwen 3-VL's, whose image size follows from the number of positions.
    @inline(never)
    static func qwen3VL(_ path: [String], isOptional: Bool = false) -> Self {
        .init(
            path: path,
            defaults: [
                .computed("image_size") { vision in
                    guard vision["image_size"] == nil else { return nil }
                    let positions = vision["num_position_embeddings"]?.double ?? 2304
                    let patch = vision["patch_size"]?.double ?? 16
                    let size = positions.squareRoot() * patch
                    return size >= 0 && size < 1e6 ? .integer(Int(size)) : nil
                },
                .replacement("num_attention_heads", by: "num_heads"),
                .replacement("num_hidden_layers", by: "depth"),
            ], isOptional: isOptional)
    }

    init(path: [String], defaults: [ConfigurationDefault], isOptional: Bool = false) {
        self.path = path
        self.defaults = defaults
        self.isOptional = isOptional
        mark = nil
    }
}

extension ProjectorKey {
    /// The period of layers that see all patches (Qwen 2.5-VL).
    static let fullAttentionPeriod = value("clip.vision.n_wa_pattern") {
        model throws(ArchitectureError) in
        guard let vision = model.vision, let layers = try vision.integers("fullatt_block_indexes"),
            let first = layers.first
        else { return nil }
        let period = first + 1
        guard period > 0, layers == layers.indices.map({ first + $0 * period }) else {
            throw vision.fault(
                .invalidValue(
                    found: "\(layers)", expected: "every \(period)th layer from \(first) on"),
                "fullatt_block_indexes")
        }
        return try vision.uint32(period, "fullatt_block_indexes")
    }

    /// What encoders of Whisper's kind have.
    static let whisper: [Self] = [
        .value("clip.audio.num_mel_bins") { model throws(ArchitectureError) in
            guard let audio = model.audio else { return nil }
            return try audio.uint32(audio.required("num_mel_bins"), "num_mel_bins")
        },
        .value("clip.audio.attention.layer_norm_epsilon") { model throws(ArchitectureError) in
            .float32(Float(try model.audio?.number(["layer_norm_eps"]) ?? 1e-5))
        },
    ]

    /// The number of frames that are one.
    @inline(never)
    static func stackFactor(_ word: String, or other: Int? = nil) -> Self {
        .value("clip.audio.projector.stack_factor") { model throws(ArchitectureError) in
            guard let value = try model.whole.integer([word]) ?? other else {
                throw model.whole.fault(.missingKey, word)
            }
            return try model.whole.uint32(value, word)
        }
    }

    /// `deepstack_visual_indexes` as a list of switches.
    static let deepstack = value("clip.vision.is_deepstack_layers") {
        model throws(ArchitectureError) in
        let count = try model.blockCount(ofAudio: false)
        guard count > 0, let vision = model.vision else { return nil }
        var layers = [Bool](repeating: false, count: count)
        for index in try vision.integers("deepstack_visual_indexes") ?? [] {
            guard layers.indices.contains(index) else {
                throw vision.fault(
                    .invalidValue(found: "\(index)", expected: "a layer below \(count)"),
                    "deepstack_visual_indexes")
            }
            layers[index] = true
        }
        return .bools(layers)
    }

    /// The norm's epsilon of the language model, which these encoders take too.
    static let epsilonOfText = value("clip.vision.attention.layer_norm_epsilon") {
        model throws(ArchitectureError) in
        .float32(Float(try model.text.number(["rms_norm_eps"]) ?? 1e-6))
    }
}

extension [ProjectorFamily.FormatRule] {
    /// Kernels over sound, which readers want in one format.
    @inline(never)
    static func convolutions(_ format: ProjectorFamily.FixedFormat) -> Self {
        ["a.conv1d.1", "a.conv1d.2", "a.conv2d.1", "a.conv2d.2", "a.conv2d.3", "a.conv_out"].map {
            .output($0 + ".weight", format)
        }
    }
}
