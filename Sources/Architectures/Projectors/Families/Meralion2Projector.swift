import TensorCore

extension ProjectorFamily {
    /// MERaLiON 2: Whisper's encoder and a gated adaptor.
    public static let meralion2 = ProjectorFamily(
        name: "Meralion2", classes: ["MERaLiON2ForConditionalGeneration"],
        audio: .whisper(["speech_config"]),
        keys: [.type("meralion")] + .whisper + [.stackFactor("speech_mlp_scale_factor", or: 15)],
        spellings: [.init("speech_encoder.", means: "audio_tower.")],
        prefixes: ["audio_tower.", "ln_speech.", "speech_audio_adapter."],
        tensors: [
            .whisper, .init("ln_speech", "mm.a.norm_pre"),
            .init("speech_audio_adapter.mlp_adapter.0", "mm.a.mlp.0"),
            .init("speech_audio_adapter.gate_proj", "mm.a.mlp.1"),
            .init("speech_audio_adapter.pool_proj", "mm.a.mlp.2"),
            .init("speech_audio_adapter.out_proj", "mm.a.mlp.3"),
        ],
        formats: .convolutions(.f16))
}
