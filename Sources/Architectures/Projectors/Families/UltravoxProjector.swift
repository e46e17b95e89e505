import TensorCore

extension ProjectorFamily {
    /// Ultravox: Whisper's encoder, stacked frames and a gated network.
    public static let ultravox = ProjectorFamily(
        name: "Ultravox", classes: ["UltravoxModel"], audio: .whisper(["audio_config"]),
        keys: [.type("ultravox")] + .whisper + [.stackFactor("stack_factor")],
        spellings: .whisper, prefixes: ["audio_tower.", "audio."],
        tensors: [
            .whisper, .init("audio.multi_modal_projector.linear_{xid}", "mm.a.mlp.{xid}"),
            .init("audio.multi_modal_projector.ln_pre", "mm.a.norm_pre"),
            .init("audio.multi_modal_projector.ln_mid", "mm.a.norm_mid"),
        ],
        formats: .convolutions(.f16))
}
