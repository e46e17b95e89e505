import TensorCore

extension ProjectorFamily {
    /// Voxtral: Whisper's encoder, four frames in one.
    public static let voxtral = ProjectorFamily(
        name: "Voxtral", classes: ["VoxtralForConditionalGeneration"],
        audio: .whisper(["audio_config"]),
        keys: [.type("voxtral")] + .whisper + [
            .value("clip.audio.projector.stack_factor") { _ in .uint32(4) }
        ],
        spellings: .whisper, prefixes: ["audio_tower.", "audio."],
        tensors: [.whisper, .init("audio.multi_modal_projector.linear_{xid}", "mm.a.mlp.{xid}")],
        formats: .convolutions(.f16))
}
