import TensorCore

extension ProjectorFamily {
    /// Qwen 3 Omni: Qwen 3-VL's encoder, and one of sound with kernels over time and frequency.
    public static let qwen3Omni = ProjectorFamily(
        name: "Qwen3Omni", classes: ["Qwen3OmniMoeForConditionalGeneration"],
        vision: .qwen3VL(["thinker_config", "vision_config"]),
        audio: .whisper(["thinker_config", "audio_config"]),
        keys: .whisper + [
            .gelu, .count("spatial_merge_size", "spatial_merge_size", of: \.vision),
            .epsilonOfWholeText, .deepstack,
            .value("clip.vision.projector_type") { _ in .string("qwen3vl_merger") },
            .value("clip.audio.projector_type") { _ in .string("qwen3a") },
        ],
        spellings: [
            .init("thinker.visual.", means: "visual."),
            .init("thinker.audio_tower.", means: "audio_tower."),
            .init(".merger_list.", means: ".deepstack_merger_list."),
            .init("merger.ln_q", means: "merger.norm"),
            .init("merger.mlp.0", means: "merger.linear_fc1"),
            .init("merger.mlp.2", means: "merger.linear_fc2"),
        ],
        prefixes: ["visual.", "audio_tower."],
        tensors: [.qwen3VLEncoder, .qwen3VLMerger, .qwen3OmniDeepstack, .qwen3Audio],
        formats: .convolutions(.f16), generated: sinusoids)
}

extension ProjectorTensors {
    /// Qwen 3's encoder of sound.
    static let qwen3Audio: Self = [
        .whisper, .init("audio_tower.conv2d{xid}.weight", "a.conv2d.{xid}.weight"),
        .init("audio_tower.conv2d{xid}.bias", "a.conv2d.{xid}.bias", .shaped { $0 + [1, 1] }),
        .init("audio_tower.conv_out", "a.conv_out"),
        .init("audio_tower.proj{xid}", "mm.a.mlp.{xid}"),
    ]

    /// Mergers of layers in between under Omni's names.
    fileprivate static let qwen3OmniDeepstack: Self = .init(
        [("ln_q", "norm"), ("mlp.0", "fc1"), ("mlp.2", "fc2")].flatMap { source, name in
            Self(
                "visual.deepstack_merger_list.{xid}.\(source)", "v.deepstack.{xid}.\(name)",
                number: { index, model throws(ArchitectureError) in
                    let layers = try model.vision?.integers("deepstack_visual_indexes") ?? []
                    return layers.indices.contains(index) ? layers[index] : nil
                }
            ).rules
        })
}

extension ProjectorKey {
    /// The norm's epsilon of a language model that stands beside the encoders.
    static let epsilonOfWholeText = value("clip.vision.attention.layer_norm_epsilon") {
        model throws(ArchitectureError) in
        .float32(Float(try model.text.number(["rms_norm_eps"]) ?? 1e-6))
    }
}
