import ArgumentParser
import Evaluation

/// How tokens are picked, for `generate` and `chat`.
struct SamplingOptions: ParsableArguments {
    @Option(
        name: [.customLong("temp"), .customLong("temperature")],
        help: ArgumentHelp(
            "What logits are divided by; 0 takes the most probable token always. (default: 0, for"
                + " chat 0.8)", valueName: "temperature"))
    var temperature: Float?

    @Option(help: "Draw from so many most probable tokens; 0 for all.")
    var topK = 40

    @Option(help: "Draw from the most probable tokens of this total probability; 1 for all.")
    var topP: Float = 0.95

    @Option(
        help: "Draw from tokens at least this share as probable as the most probable; 0 for all.")
    var minP: Float = 0.05

    @Option(name: [.short, .long], help: "The same text follows from the same seed.")
    var seed: UInt64 = 0

    mutating func validate() throws {
        let temperature = temperature ?? 0
        guard temperature >= 0, temperature.isFinite, topK >= 0, (0...1).contains(topP),
            (0...1).contains(minP)
        else {
            throw ValidationError(
                "expected --temp and --top-k of at least 0, --top-p and --min-p from 0 to 1")
        }
    }

    /// The settings, with the temperature of a command where none is asked for.
    func settings(usualTemperature: Float) -> Sampler.Settings {
        Sampler.Settings(
            temperature: temperature ?? usualTemperature, topK: topK, topP: topP, minP: minP,
            seed: seed)
    }
}
