import TensorCore

extension ProjectorFamily {
    /// Qwen 3 ASR: Qwen 3 Omni's encoder of sound.
    public static let qwen3ASR = ProjectorFamily(
        name: "Qwen3ASR", classes: ["Qwen3ASRForConditionalGeneration"],
        audio: .whisper(["thinker_config", "audio_config"]),
        keys: .whisper + [.value("clip.audio.projector_type") { _ in .string("qwen3a") }],
        spellings: [.init("thinker.audio_tower.", means: "audio_tower.")],
        prefixes: ["audio_tower."], tensors: .qwen3Audio, formats: .convolutions(.f16),
        generated: sinusoids)
}
