import TensorCore

extension ModelFamily {
    /// Cohere's Command R7B and A: Command R with a sliding window in three layers of four.
    public static let cohere2 = ModelFamily(
        name: "Cohere2", architecture: "cohere2",
        classes: [.init("Cohere2ForCausalLM")],
        // transformers: Cohere2Config
        defaults: cohereDefaults + [
            .real("rope_theta", 10000), .integer("sliding_window", 4096),
            .quotient("head_dim", "hidden_size", by: "num_attention_heads"),
        ],
        hyperparameters: .common + [
            .number("logit_scale", "logit_scale"),
            .count("attention.sliding_window", "sliding_window"),
            .count("vocab_size", "vocab_size"),
            .count("rope.dimension_count") { configuration throws(ArchitectureError) in
                let share = try configuration.number(["rotary_pct"]) ?? 1
                return try configuration.rotaryDimension(share: share)
            },
            .noRotaryScaling,
        ],
        tensors: cohereEnds.rules() + cohereLayer(biases: nil).inBlocks(),
        rotaryScalings: ["default", "dynamic"],
        check: { configuration throws(ArchitectureError) in
            try configuration.checkHeadDimIsShare()
            // Which layers have the window is not in the file: readers take every fourth not to.
            guard let sliding = try configuration.slidingLayers() else { return }
            guard try sliding == configuration.slidingLayers(period: 4) else {
                throw configuration.fault(
                    .invalidValue(
                        found: "another pattern",
                        expected: "full attention in every fourth layer, as GGUF's cohere2 means"),
                    "layer_types")
            }
        })
}
