import TensorCore

extension ProjectorFamily {
    /// Qwen 2 Audio: Whisper's encoder and a matrix.
    public static let qwen2Audio = ProjectorFamily(
        name: "Qwen2Audio", classes: ["Qwen2AudioForConditionalGeneration"],
        audio: .whisper(["audio_config"]), keys: [.type("qwen2a")] + .whisper,
        spellings: .whisper, prefixes: ["audio_tower.", "audio."],
        tensors: [
            .whisper, .init("audio.multi_modal_projector.linear", "mm.a.fc"),
        ],
        formats: .convolutions(.f16))
}

extension [ProjectorKey] {
    /// What encoders of Whisper's kind have.
    static let whisper = ProjectorKey.whisper
}

extension [ModelFamily.Spelling] {
    /// Names inside newer models, and the projector's beside those of pictures.
    static let whisper: Self = [
        .init("model.audio_tower.", means: "audio_tower."),
        .init("model.multi_modal_projector.", means: "multi_modal_projector."),
        .init("multi_modal_projector.", means: "audio.multi_modal_projector."),
    ]
}
