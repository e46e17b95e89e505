import TensorCore

extension ModelFamily {
    /// Cohere's Command R7B and A: Command R with a sliding window in three layers of four.
    public static let cohere2 = ModelFamily(
        name: "Cohere2",
        architecture: "cohere2",
        classes: ["Cohere2ForCausalLM"],
        // transformers: Cohere2Config
        defaults: cohereDefaults + [
            .real("rope_theta", 10000), .integer("sliding_window", 4096),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
        ],
        keys: .common + [
            .number("logit_scale", "logit_scale"),
            .count("attention.sliding_window", "sliding_window"),
            .count("vocab_size", "vocab_size"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                let share = try configuration.number(["rotary_pct"]) ?? 1
                return try configuration.rotaryDimension(share: share)
            },
            .noRotaryScaling,
        ],
        tensors: [.cohereEnds, .blocks(.cohereLayer())],
        rotary: .unscaledOrDynamic,
        checks: [
            .activation(.silu), .headsShareWidth,
            .layerTypes("full attention in every fourth layer") { $0 % 4 != 3 },
        ],
        export: .init(modelType: "cohere2", rotaryShare: "rotary_pct"),
        decoder: .cohere(turnsInWindowsOnly: true))
}
