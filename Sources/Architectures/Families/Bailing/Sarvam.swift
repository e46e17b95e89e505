import TensorCore

extension ModelFamily {
    /// Sarvam's models with experts: Ling 2 whose whole heads turn, and whose experts are chosen with
    /// numbers that have a mean of 0.
    public static let sarvam = ModelFamily(
        name: "Sarvam", architecture: "bailingmoe2",
        classes: ["SarvamMoEForCausalLM", "modeling_sarvam_moe.SarvamMoEForCausalLM"],
        // The model's own code: SarvamMoEConfig
        defaults: .bailingMoe2,
        keys: .bailingMoe2 { configuration throws(ArchitectureError) in
            try configuration.headDim()
        },
        tensors: .bailingMoe2(biasChange: .centred),
        checkpoint: .init(multiTokenPrediction: .kept),
        rotary: .yarnOrDynamic,
        checks: .bailingMoe2,
        decoder: .bailingMoe2)
}
