import TensorCore

extension ProjectorFamily {
    /// Audio Flamingo 3, whose kernels stay F32.
    public static let audioFlamingo3 = ProjectorFamily(
        name: "AudioFlamingo3", classes: ["AudioFlamingo3ForConditionalGeneration"],
        audio: .whisper(["audio_config"]), keys: [.type("musicflamingo")] + .whisper,
        spellings: .whisper, prefixes: ["audio_tower.", "audio."],
        tensors: [.whisper, .init("audio.multi_modal_projector.linear_{xid}", "mm.a.mlp.{xid}")],
        formats: .convolutions(.f32))
}
