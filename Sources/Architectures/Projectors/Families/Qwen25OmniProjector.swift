#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import TensorCore

extension ProjectorFamily {
    /// Qwen 2.5 Omni: Qwen 2.5-VL's encoder and Whisper's.
    public static let qwen25Omni = ProjectorFamily(
        name: "Qwen25Omni", classes: ["Qwen2_5OmniModel"],
        vision: .qwen2VL(["thinker_config", "vision_config"]),
        audio: .whisper(["thinker_config", "audio_config"]),
        keys: .whisper + [.qwen2VLKind, .epsilonOfWhole, .type("qwen2.5o")],
        spellings: [.init("thinker.", means: "")], prefixes: ["visual.", "audio_tower."],
        ignored: ["audio_bos_eos_token"],
        tensors: [.qwen2VL, .whisper, .init("audio_tower.proj", "mm.a.fc")],
        formats: .convolutions(.f16), generated: sinusoids)

    /// Positions of sound as sines and cosines, `[1500, width]`.
    @Sendable static func sinusoids(
        _ model: ProjectorModel
    ) throws(ArchitectureError) -> [GeneratedTensor] {
        guard let width = try model.audio?.required("hidden_size"), width >= 4, width % 2 == 0,
            width <= 1 << 16
        else { return [] }
        let half = width / 2
        let increment = Float(log(10000.0) / Double(half - 1))
        let scales = (0..<half).map { Float(exp(Double(-increment * Float($0)))) }
        var values: [Float] = []
        values.reserveCapacity(1500 * width)
        for position in 0..<1500 {
            let angles = scales.map { Float(position) * $0 }
            values += angles.map { Float(sin(Double($0))) } + angles.map { Float(cos(Double($0))) }
        }
        return [
            .init(name: "a.position_embd.weight", shape: [1500, width], values: values)
        ]
    }
}
