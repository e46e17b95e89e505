import TensorCore

extension ProjectorFamily {
    /// GLM-ASR: Whisper's encoder, and the vectors around a sound.
    public static let glmASR = ProjectorFamily(
        name: "GlmASR", classes: ["GlmasrModel"], audio: .whisper(["whisper_config"]),
        keys: [.type("glma")] + .whisper + [.stackFactor("merge_factor")],
        spellings: [
            .init("audio_encoder.whisper.", means: "audio_tower."),
            .init("audio_encoder.layer_norm.", means: "audio.multi_modal_projector.ln_pre."),
            .init("audio_encoder.adapting.0.", means: "audio.multi_modal_projector.linear_1."),
            .init("audio_encoder.adapting.2.", means: "audio.multi_modal_projector.linear_2."),
        ],
        prefixes: ["audio_tower.", "audio.", "audio_encoder."], ignored: ["audio_encoder.proj."],
        tensors: [
            .whisper, .init("audio.multi_modal_projector.linear_{xid}", "mm.a.mlp.{xid}"),
            .init("audio.multi_modal_projector.ln_pre", "mm.a.norm_pre"),
            .init([
                .init(
                    source: TensorPattern("audio_encoder.audio_bos_eos_token.weight"),
                    outputs: ["boi", "eoi"].enumerated().map { index, name in
                        .init(
                            name: TensorPattern("v." + name), ending: "",
                            parts: [
                                .init { stored, _ in
                                    guard stored.count == 2, stored[0] == 2 else { return nil }
                                    return .init(
                                        view: .reshaped(stored.map { .constant($0) })
                                            .narrowed(0, from: .constant(index)),
                                        shape: [stored[1]])
                                }
                            ])
                    }, change: .none, number: nil)
            ]),
        ],
        formats: .convolutions(.f16))
}
